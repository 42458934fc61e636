import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { ReceiptOrder } from '../../agent/contract/orders.ts';
import type { ReceiptedEvent } from '../../agent/contract/receipt.ts';
import { EXAMPLES } from '../generate/examples.ts';
import { seededRandom } from '../support/camera/random.ts';
import { Centre } from '../support/centre.ts';
import { FakeTime } from '../support/fake-time.ts';
import { receiptedMessage } from '../support/receipted.ts';
import { SEED } from '../support/seed.ts';
import { MAY_MOUNT, SmallDisk } from '../support/small-disk.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { until } from '../support/until.ts';
import { type Running, startCsu, temporaryFolder } from './processes.ts';

const SITE = '57463-mairie';
const ALARM = `csu/v1/${SITE}/pt-porte-sud/event/alarm`;
const KILLS = 8;

interface Scene {
  readonly folder: string;
  readonly centre: Centre;
  /** Speaks for boxes and hears receipts; what it may do is in the rights of the broker of the tests. */
  readonly box: Subscriber;
}

/** The broker lets the CSU's certificate speak for boxes too: the boxes of these tests are puppets. */
async function scene(t: Test): Promise<Scene> {
  const folder = temporaryFolder(t);
  const centre = await Centre.create(folder);
  t.teardown(() => centre.end());
  await writeFile(join(folder, 'broker', 'acl'), 'user csu\ntopic readwrite csu/v1/#\n');
  await centre.broker.kill();
  await centre.broker.restart();
  const box = await centre.subscriber([`csu/v1/+/collector/ack/receipt`]);
  t.teardown(() => box.close());
  return { folder, centre, box };
}

async function receiver(
  t: Test,
  { centre, folder }: Scene,
  more: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<Running> {
  const args = [
    'receive',
    '--folder',
    centre.csu.path,
    '--broker',
    centre.broker.url,
    '--database',
    join(folder, 'archive.db'),
    ...more,
  ];
  const running = startCsu(t, args, undefined, environment);
  await running.said(/broker connected/);
  return running;
}

function alarm(n: number, more: object = {}): string {
  const id = createHash('md5').update(String(n)).digest('hex');
  return JSON.stringify({ ...EXAMPLES.alarm, site: SITE, seq: n, id, ...more });
}

function idOf(n: number): string {
  return createHash('md5').update(String(n)).digest('hex');
}

/** What every receipt that came says. */
function receipted({ box }: Scene): ReceiptedEvent[] {
  return box.json<{ payload: string }>('ack/receipt').flatMap(({ payload }) => {
    const { events } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as ReceiptOrder;
    return events;
  });
}

function signed(scene: Scene): string[] {
  return receipted(scene).map(({ id }) => id);
}

/** Resolves with the receipt for these bytes, after the first `from` that came. */
async function signedForBytes(scene: Scene, topic: string, payload: string, from = 0): Promise<void> {
  const wanted = receiptedMessage({ topic, payload });
  await scene.box.until(`a receipt for ${payload}`, () =>
    receipted(scene)
      .slice(from)
      .some(({ id, sha256 }) => id === wanted.id && sha256 === wanted.sha256),
  );
}

/** Resolves when the whole line of an event is printed. */
async function printed(running: Running, n: number): Promise<void> {
  await running.said(new RegExp(`${idOf(n)}.*\n`));
}

async function signedFor(scene: Scene, ids: readonly string[]): Promise<void> {
  await scene.box.until(`receipts for ${ids.length}`, () => {
    const have = new Set(signed(scene));
    return ids.every((id) => have.has(id));
  });
}

interface Line {
  number: number;
  received: number;
  class: string;
  name: string;
  copy?: number;
  message: { id: string; seq: number; text?: string };
}

function lines(out: string): Line[] {
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

t.test('receive: each event is stored, printed once, and signed for as often as it comes', async (t) => {
  const stage = await scene(t);
  const running = await receiver(t, stage);
  await stage.box.publish(ALARM, alarm(1));
  await signedFor(stage, [idOf(1)]);
  await stage.box.publish(ALARM.replace('/event/', '/hist/'), alarm(1));
  await stage.box.until('a second receipt', () => signed(stage).length >= 2);
  await stage.box.publish(ALARM, alarm(2));
  await signedFor(stage, [idOf(2)]);
  await printed(running, 2);
  t.match(lines(running.out), [
    { number: 1, site: SITE, class: 'event', name: 'alarm', topic: ALARM, message: { id: idOf(1), seq: 1 } },
    { number: 2, message: { id: idOf(2) } },
  ]);
  t.equal(lines(running.out).length, 2);
  t.equal((await running.end('SIGTERM')).code, 0);

  const before = signed(stage).length;
  await receiver(t, stage);
  await stage.box.until('a receipt that nobody asked for', () => signed(stage).length > before);
  t.match(receipted(stage).slice(before), [
    receiptedMessage({ topic: ALARM, payload: alarm(idOf(1) > idOf(2) ? 1 : 2) }),
  ]);
});

t.test('receive: for what it signs it has asked the disk to keep it', async (t) => {
  const stage = await scene(t);
  const running = await receiver(t, stage);
  const file = join(stage.folder, 'calls');
  const calls = ['-f', '-y', '-o', file, '-e', 'trace=fsync,fdatasync', '-p', String(running.child.pid)];
  const strace = spawn('strace', calls, { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => strace.kill('SIGKILL'));
  let said = '';
  strace.stderr.on('data', (text: Buffer) => (said += text.toString()));
  await until(() => said.includes('attached'));
  const numbers = [1, 2, 3];
  for (const n of numbers) {
    await stage.box.publish(ALARM, alarm(n));
    await signedFor(stage, [idOf(n)]);
  }
  const exited = once(strace, 'exit');
  strace.kill('SIGINT');
  await exited;
  const synced = (await readFile(file, 'latin1')).match(/f(data)?sync\(\d+<[^>]*archive\.db-wal>/g) ?? [];
  t.ok(
    synced.length >= numbers.length,
    `${synced.length} syncs of the archive for ${numbers.length} receipts`,
  );
});

t.test('receive: of hundreds of events at once, each is signed for once', async (t) => {
  const stage = await scene(t);
  await receiver(t, stage);
  const numbers = Array.from({ length: 400 }, (_, n) => n);
  await Promise.all(numbers.map((n) => stage.box.publish(ALARM, alarm(n))));
  await signedFor(stage, numbers.map(idOf));
  t.equal(signed(stage).length, 400);
});

t.test('receive: an altered copy is told and kept beside the true one, whichever comes first', async (t) => {
  const stage = await scene(t);
  const HIST = ALARM.replace('/event/', '/hist/');
  const altered = (n: number, text = 'altered') => alarm(n, { text });
  const first = await receiver(t, stage);
  await stage.box.publish(ALARM, altered(1));
  await signedForBytes(stage, ALARM, altered(1));
  await stage.box.publish(ALARM, alarm(2));
  await signedForBytes(stage, ALARM, alarm(2));
  await first.end('SIGKILL');

  const second = await receiver(t, stage);
  await stage.box.publish(HIST, alarm(1));
  await signedForBytes(stage, ALARM, alarm(1));
  await stage.box.publish(HIST, altered(2));
  await signedForBytes(stage, ALARM, altered(2));
  await second.said(/event-conflict/);
  const before = receipted(stage).length;
  for (const payload of [alarm(1), altered(1), altered(2), alarm(2)]) {
    await stage.box.publish(HIST, payload);
    await signedForBytes(stage, ALARM, payload, before);
  }
  const moved = ALARM.replace('/pt-porte-sud/', '/pt-porte-nord/');
  await stage.box.publish(moved, alarm(1));
  await signedForBytes(stage, moved, alarm(1));
  await stage.box.publish(ALARM, altered(1, 'fourth'));
  await signedForBytes(stage, ALARM, altered(1, 'fourth'));
  await stage.box.publish(ALARM, altered(1, 'one too many'));
  await second.said(/not taken: 4 others with its id are stored/);
  await stage.box.publish(ALARM, alarm(3));
  await printed(second, 3);
  const told = lines(first.out + second.out).map(({ copy, message }) => [
    message.seq,
    copy ?? 1,
    message.text,
  ]);
  const { text } = EXAMPLES.alarm as { text?: string };
  t.same(told, [
    [1, 1, 'altered'],
    [2, 1, text],
    [1, 2, text],
    [2, 2, 'altered'],
    [1, 3, text],
    [1, 4, 'fourth'],
    [3, 1, text],
  ]);
});

t.test('receive: what is no event of a box gets no receipt and harms nobody', async (t) => {
  const stage = await scene(t);
  await receiver(t, stage);
  await stage.box.publish(ALARM, alarm(1));
  await signedFor(stage, [idOf(1)]);
  await stage.box.publish(ALARM, alarm(2, { site: '57463-piscine' }));
  await stage.box.publish(ALARM, 'no JSON');
  await stage.box.publish(ALARM, Buffer.from([0xff, 0xfe]));
  await stage.box.publish(ALARM, '[]');
  await stage.box.publish(ALARM, alarm(3, { id: 'x'.repeat(41) }));
  await stage.box.publish(ALARM, alarm(4, { detail: 'x'.repeat(70_000) }));
  await stage.box.publish('csu/v1/57463-mairie/cam-a/event/x/y', alarm(5));
  await stage.box.publish(ALARM, alarm(6), { retain: true });
  await stage.box.publish(ALARM, alarm(8).replace('{', '{"id":"another",'));
  await stage.box.publish(ALARM, alarm(9).replace('{', `{"x":${'['.repeat(30_000)}${']'.repeat(30_000)},`));
  await stage.box.publish(ALARM, alarm(7));
  await signedFor(stage, [idOf(7)]);
  t.same(
    signed(stage).filter((id) => id !== idOf(6)),
    [idOf(1), idOf(7)],
  );
});

t.test(
  `receive: killed ${KILLS} times while alarms come, it stores each, prints each, and signs for nothing else`,
  async (t) => {
    const stage = await scene(t);
    const names = new Map<number, string>();
    const note = (running: Running) => {
      const whole = running.out.slice(0, running.out.lastIndexOf('\n') + 1);
      for (const { number, message } of lines(whole)) {
        t.equal(names.get(number) ?? message.id, message.id, 'a number names one event');
        names.set(number, message.id);
      }
    };
    const random = seededRandom(SEED);
    let next = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const running = await receiver(t, stage);
      const ended = delay(random() * 80).then(() => running.end('SIGKILL'));
      for (let n = 0; n < 40; n += 1, next += 1) {
        await stage.box.publish(ALARM, alarm(next));
      }
      await ended;
      note(running);
    }
    const known = new Set(signed(stage));
    const last = await receiver(t, stage);
    const missing = Array.from({ length: next }, (_, n) => n).filter((n) => !known.has(idOf(n)));
    for (const n of missing) await stage.box.publish(ALARM, alarm(n));
    await signedFor(stage, missing.map(idOf));
    await stage.box.publish(ALARM, alarm(next));
    await printed(last, next);
    next += 1;
    note(last);
    t.same(
      new Set(names.values()),
      new Set(Array.from({ length: next }, (_, n) => idOf(n))),
      'what was signed for before a kill is there after it',
    );
    t.equal(new Set(names.values()).size, names.size, 'no event has two numbers');
  },
);

t.test('receive: a reader that goes away stops nothing; the next start prints what it missed', async (t) => {
  const stage = await scene(t);
  const running = await receiver(t, stage);
  running.child.stdout?.destroy();
  for (const n of [1, 2, 3]) await stage.box.publish(ALARM, alarm(n));
  await signedFor(stage, [1, 2, 3].map(idOf));
  await running.said(/standard output is closed/);
  await stage.box.publish(ALARM, alarm(4));
  await signedFor(stage, [idOf(4)]);
  await running.end('SIGTERM');
  const second = await receiver(t, stage);
  await printed(second, 4);
  t.same(
    lines(second.out).map(({ message }) => message.id),
    [1, 2, 3, 4].map(idOf),
  );
  await second.end('SIGTERM');
  const third = await receiver(t, stage, ['--after', '2', '--only', 'alarm']);
  await printed(third, 4);
  t.same(
    lines(third.out).map(({ number }) => number),
    [3, 4],
    'who read up to 2 goes on from there',
  );
});

t.test('receive: a reader that stands still holds up no receipt', async (t) => {
  const stage = await scene(t);
  const running = await receiver(t, stage);
  running.child.stdout?.pause();
  const numbers = Array.from({ length: 1500 }, (_, n) => n);
  for (let n = 0; n < numbers.length; n += 100) {
    await Promise.all(numbers.slice(n, n + 100).map((m) => stage.box.publish(ALARM, alarm(m))));
    await signedFor(stage, numbers.slice(n, n + 100).map(idOf));
  }
  t.equal((await running.end('SIGTERM')).code, 0);
});

t.test('receive: whatever a box puts between the words of an event, it is one line', async (t) => {
  const stage = await scene(t);
  const running = await receiver(t, stage);
  await stage.box.publish(ALARM, JSON.stringify(JSON.parse(alarm(1)), null, 2).replaceAll('\n', '\r\n'));
  await stage.box.publish(ALARM, alarm(2));
  await printed(running, 2);
  t.same(
    lines(running.out).map(({ message }) => message.id),
    [1, 2].map(idOf),
  );
});

t.test('receive: ends with its reader where that was asked for, and has stored what came', async (t) => {
  const stage = await scene(t);
  const running = await receiver(t, stage, ['--end-with-reader']);
  running.child.stdout?.destroy();
  await stage.box.publish(ALARM, alarm(1));
  t.equal((await running.end()).code, 1);
  const second = await receiver(t, stage);
  await printed(second, 1);
});

t.test(
  'receive: signs for nothing that a full disk did not take, and goes on when there is room',
  async (t) => {
    if (!MAY_MOUNT) return t.pass('needs root to mount a small disk', { skip: true });
    const stage = await scene(t);
    const disk = SmallDisk.mount(t, join(stage.folder, 'disk'), 8);
    const running = await receiver(t, stage, ['--database', join(disk.folder, 'archive.db')]);
    await stage.box.publish(ALARM, alarm(1));
    await printed(running, 1);
    await disk.fill();
    const long = (n: number) => alarm(n, { detail: 'x'.repeat(60_000) });
    let tried = 1;
    while (!/events could not be stored/.test(running.err)) {
      tried += 1;
      await stage.box.publish(ALARM, long(tried));
      await running.said(new RegExp(`${idOf(tried)}.*\n|events could not be stored`));
    }
    const refused = tried;
    await stage.box.publish(ALARM, long(refused + 1));
    // Events of one turn are stored at its end: when the second of these is told, the one above was tried.
    await stage.box.publish(ALARM, 'no JSON');
    await running.said(/not an event of the contract/);
    await stage.box.publish(ALARM, alarm(0, { site: '57463-piscine' }));
    await running.said(/of another site than its topic/);
    await disk.free();
    await stage.box.publish(ALARM, long(refused + 2));
    await signedFor(stage, [idOf(refused + 2)]);
    t.notOk(signed(stage).includes(idOf(refused)), 'no receipt for what is not stored');
    t.notOk(signed(stage).includes(idOf(refused + 1)));
    for (const n of [refused, refused + 1]) await stage.box.publish(ALARM, long(n));
    await signedFor(stage, [idOf(refused), idOf(refused + 1)]);
    await printed(running, refused + 1);
    await running.said(/events are stored again/);
    const ids = lines(running.out).map(({ message }) => message.id);
    t.equal(new Set(ids).size, ids.length, 'each is printed once');
    t.equal(ids.length, refused + 2);
  },
);

t.test('receive: a wrong clock of the receiver is in `received` alone: its receipts are good', async (t) => {
  const stage = await scene(t);
  const time = await FakeTime.create(t);
  await time.shift('+300d');
  const running = await receiver(t, stage, [], time.environment);
  await stage.box.publish(ALARM, alarm(1));
  await signedFor(stage, [idOf(1)]);
  await time.shift('+0');
  await stage.box.publish(ALARM, alarm(2));
  await signedFor(stage, [idOf(2)]);
  await printed(running, 2);
  const [first = 0, second = 0] = lines(running.out).map(({ received }) => received);
  t.ok(first - second > 299 * 24 * 3600 * 1000, 'the line says when the receiver believed that it was');
});

t.test('receive: two do not share an archive, and a damaged one is not used', async (t) => {
  const stage = await scene(t);
  const first = await receiver(t, stage);
  const args = ['receive', '--folder', stage.centre.csu.path, '--broker', stage.centre.broker.url];
  const file = join(stage.folder, 'archive.db');
  const second = await startCsu(t, [...args, '--database', file]).end();
  t.match(second, { code: 1, err: /receiver-archive-unusable.*another receiver/ });
  await first.end('SIGKILL');
  const other = join(stage.folder, 'other.db');
  await writeFile(other, Buffer.alloc(10_000, 7));
  const third = await startCsu(t, [...args, '--database', other]).end();
  t.match(third, { code: 1, err: /receiver-archive-unusable/ });
  t.equal((await readFile(other)).length, 10_000, 'it is left as it was');
});
