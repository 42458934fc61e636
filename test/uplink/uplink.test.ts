import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { AlarmState, Fields } from '../../agent/contract/messages.ts';
import { alarmState, boxVitals, faultEvent, linkState } from '../../agent/contract/messages.ts';
import {
  type ForeignMessage,
  ForeignSubscriber,
  foreignPublish,
  type Mosquitto,
} from '../support/mosquitto.ts';
import { freePort } from '../support/port.ts';
import { TestClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';
import { broker, Happenings, json, NEVER, SITE, store, uplink } from './parts.ts';

const BASE = `csu/v1/${SITE}`;
const LINK = `${BASE}/collector/state/link`;
/** Events on the wire at a time. */
const WINDOW = 56;
const FAULT = `${BASE}/collector/event/fault`;
const VITALS = {
  cpu_percent: 1,
  memory_used_mb: 1,
  memory_total_mb: 2,
  uptime_s: 1,
  disk_wear: 'not-verifiable' as const,
  agent_rss_mb: 1,
};

function point(state: AlarmState['state'], occurrences: number): Fields<'alarmCurrent'> {
  const fixed = {
    name: 'Door',
    kind: 'digital-input',
    camera: 'cam-1',
    severity: 'major',
    alarm: '',
    owner: 'commune',
    alarm_state: 'none',
    count: 0,
    shelved: false,
    chattering: false,
    armed: true,
  } as const;
  return { ...fixed, point: 'pt-door', state, since: 0, occurrences };
}

async function foreign(t: Test, mosquitto: Mosquitto, ...topics: string[]): Promise<ForeignSubscriber> {
  const subscriber = await ForeignSubscriber.start(mosquitto, topics);
  t.teardown(() => subscriber.stop());
  return subscriber;
}

function fault(detail: string) {
  return { cause: 'internal', fault: 'ourselves', side: 'box', detail } as const;
}

t.test('uplink: birth is retained and carries the session number, a clean stop says offline', async (t) => {
  const mosquitto = await broker(t);
  const held = store(t.testdir());
  const first = uplink(t, held, { brokers: [mosquitto.url] });
  await first.start(NEVER);
  const watcher = await foreign(t, mosquitto, LINK);
  const birth = linkState.parse(json(await watcher.message(() => true)));
  t.match(birth, { online: true, session: 1, protocol: 'mqtt5', software: '0.1.0', site: SITE, boot: 1 });
  await first.stop();
  const farewell = linkState.parse(json(await watcher.message((m) => json(m).online === false)));
  t.equal(farewell.session, 1);

  const second = uplink(t, held, { brokers: [mosquitto.url] });
  await second.start(NEVER);
  t.match(json(await watcher.message((m) => json(m).session === 2)), { online: true });
  const late = await foreign(t, mosquitto, LINK);
  t.match(await late.message(() => true), { retain: true });
});

t.test('uplink: a client that dies without DISCONNECT has its will published [MQTT-3.1.2-8]', async (t) => {
  const mosquitto = await broker(t);
  const watcher = await foreign(t, mosquitto, LINK);
  const folder = t.testdir();
  for (const session of [1, 2]) {
    const child = runChild(t, folder, mosquitto.url, 0);
    await watcher.message((m) => json(m).online === true && json(m).session === session);
    await kill(child);
    const will = linkState.parse(
      json(await watcher.message((m) => json(m).online === false && json(m).session === session)),
    );
    t.equal(will.boot, session);
  }
});

t.test(
  'uplink: kill -9 while events are raised: each one on disk arrives, in order, none invented',
  async (t) => {
    // Else it drops what a subscriber that stands still has not taken of a thousand messages.
    const mosquitto = await broker(t, { extra: ['max_queued_messages 0'] });
    const watcher = await foreign(t, mosquitto, FAULT);
    const folder = t.testdir();
    let first = 0;
    for (let round = 0; round < 5; round += 1) {
      const child = runChild(t, folder, mosquitto.url, first);
      first = await numbersUntil(child, first + 100 + round * 37);
      await kill(child);
    }
    const held = store(folder);
    const last = uplink(t, held, { brokers: [mosquitto.url] });
    last.reporter.event('fault', 'collector', fault('end'));
    await last.start(NEVER);
    await watcher.message((m) => json(m).detail === 'end');
    const seen = watcher.messages.map((m) => faultEvent.parse(json(m)));
    const seqs = [...new Set(seen.map(({ seq }) => seq))];
    t.same(
      seqs,
      seqs.toSorted((a, b) => a - b),
      'first copies in order',
    );
    const details = new Set(seen.map(({ detail }) => detail));
    const missing = Array.from({ length: first }, (_, i) => String(i)).filter((n) => !details.has(n));
    t.same(missing, []);
    t.equal(seqs.length, seqs.at(-1), 'no number is skipped');
    t.equal(new Set(seen.map(({ id }) => id)).size, seqs.length, 'one id for each event');
  },
);

/** Runs `child.ts`, ended with the test. */
function runChild(t: Test, folder: string, url: string, first: number): ChildProcess {
  const script = fileURLToPath(new URL('child.ts', import.meta.url));
  const child = spawn(process.execPath, [script, folder, url, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => kill(child));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Reads the numbers that the child prints until `wanted`; resolves with the next number after the last one seen. */
async function numbersUntil(child: ChildProcess, wanted: number): Promise<number> {
  let text = '';
  if (!child.stdout) return 0;
  // Its output stays open: it is to die of SIGKILL, and not because nobody reads.
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    const last = Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1));
    if (last >= wanted) return last + 1;
  }
  throw new Error('the child ended early');
}

t.test(
  'uplink: events raised while the broker is away arrive in order, and the outbox empties',
  async (t) => {
    const mosquitto = await broker(t);
    const held = store(t.testdir());
    const link = uplink(t, held, { brokers: [mosquitto.url] });
    await mosquitto.kill();
    for (let i = 0; i < 500; i += 1) link.reporter.event('fault', 'collector', fault(String(i)));
    t.equal(link.status().outboxPending, 500);
    await mosquitto.restart();
    const watcher = await foreign(t, mosquitto, FAULT);
    await link.start(NEVER);
    const received = await watcher.count(500, () => true);
    t.same(
      received.map((m) => json(m).detail),
      Array.from({ length: 500 }, (_, i) => String(i)),
    );
    await until(() => held.outbox.pending() === 0);
    await link.stop();
    t.equal(held.outbox.pending(), 0);
  },
);

t.test('uplink: a broker killed in the middle loses no event and no order', async (t) => {
  const mosquitto = await broker(t);
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [mosquitto.url] });
  await link.start(NEVER);
  const seen: number[] = [];
  let next = 0;
  for (let round = 0; round < 3; round += 1) {
    const watcher = await foreign(t, mosquitto, FAULT);
    for (let i = 0; i < 300; i += 1, next += 1)
      link.reporter.event('fault', 'collector', fault(String(next)));
    await watcher.message(() => true);
    await mosquitto.kill();
    seen.push(...watcher.messages.map((m) => Number(json(m).seq)));
    for (let i = 0; i < 100; i += 1, next += 1)
      link.reporter.event('fault', 'collector', fault(String(next)));
    await mosquitto.restart();
  }
  const watcher = await foreign(t, mosquitto, FAULT);
  link.reporter.event('fault', 'collector', fault('end'));
  await watcher.message((m) => json(m).detail === 'end');
  seen.push(...watcher.messages.map((m) => Number(json(m).seq)));
  // A message that the broker took and had not passed on when it was killed is lost with it: not ours to mend.
  const first = [...new Set(seen)];
  t.same(
    first,
    first.toSorted((a, b) => a - b),
  );
  await until(() => held.outbox.pending() === 0);
  await link.stop();
  t.equal(held.outbox.pending(), 0);
});

/** For messages that were never sent. */
const EVERY_PUBACK = Buffer.concat(
  Array.from({ length: 65_535 }, (_, n) => Buffer.from([0x40, 2, (n + 1) >> 8, (n + 1) & 0xff])),
);

t.test(
  'uplink: a broker that acknowledges what was never sent, and no event, is no busy loop, and none is lost',
  async (t) => {
    const connections: number[] = [];
    const progress = new Happenings<number[]>();
    const hoarder = createServer((socket) => {
      const mine = connections.push(0) - 1;
      let told = '';
      t.teardown(() => socket.destroy());
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write(Buffer.from([0x20, 3, 0, 0, 0]));
        socket.once('data', (subscribe: Buffer) => {
          socket.write(
            Buffer.concat([
              EVERY_PUBACK,
              Buffer.from([0x90, 6]),
              subscribe.subarray(3, 5),
              Buffer.from([0, 1, 1, 1]),
            ]),
          );
          socket.on('data', (chunk: Buffer) => {
            told += chunk.toString('latin1');
            connections[mine] = told.split(FAULT).length - 1;
            progress.push([...connections]);
          });
        });
      });
    });
    hoarder.listen(0, '127.0.0.1');
    await once(hoarder, 'listening');
    const { port } = hoarder.address() as { port: number };
    const clock = new TestClock();
    const held = store(t.testdir());
    const link = uplink(t, held, { brokers: [`mqtt://127.0.0.1:${port}`] }, clock);
    t.teardown(() => hoarder.close());
    for (let i = 0; i < 100; i += 1) link.reporter.event('fault', 'collector', fault(String(i)));
    await link.start(NEVER);
    await progress.next(([first]) => first === WINDOW);
    await clock.advance(9_999);
    t.same(connections, [WINDOW], 'one window and no more');
    t.equal(link.status().connected, true);
    await clock.advance(1);
    t.match(link.status(), { connected: false, cause: 'broker-silent' });
    await clock.advance(250);
    await progress.next(([, second]) => second === WINDOW);
    t.equal(held.outbox.pending(), 100);
  },
);

t.test(
  'uplink: 10,000 measures and states while offline leave one state, no measure and no queue',
  async (t) => {
    const mosquitto = await broker(t);
    const port = await freePort();
    const held = store(t.testdir());
    const link = uplink(t, held, { brokers: [`mqtt://127.0.0.1:${port}`, mosquitto.url] });
    for (let i = 1; i <= 10_000; i += 1) {
      link.reporter.state('alarmCurrent', 'pt-door', point('raised', i));
      link.reporter.measure('vitals', 'collector', VITALS);
    }
    const watcher = await foreign(t, mosquitto, `${BASE}/#`);
    await link.start(NEVER);
    const state = await watcher.message(({ topic }) => topic === `${BASE}/pt-door/state/alarm-current`);
    t.match(alarmState.parse(json(state)), { occurrences: 10_000 });
    link.reporter.measure('vitals', 'collector', VITALS);
    const measure = await watcher.message(({ topic }) => topic === `${BASE}/collector/meas/vitals`);
    t.ok(boxVitals.parse(json(measure)));
    t.equal(measure.qos, 0);
    t.equal(watcher.messages.length, 3, 'birth, state, measure');
  },
);

t.test(
  'uplink: a state is sent again when a field changes or the broker comes back empty, else not',
  async (t) => {
    const mosquitto = await broker(t);
    const held = store(t.testdir());
    const link = uplink(t, held, { brokers: [mosquitto.url] });
    const topic = `${BASE}/pt-door/state/alarm-current`;
    const before = await foreign(t, mosquitto, topic);
    await link.start(NEVER);
    link.reporter.state('alarmCurrent', 'pt-door', point('raised', 1));
    link.reporter.state('alarmCurrent', 'pt-door', point('raised', 1));
    link.reporter.state('alarmCurrent', 'pt-door', point('raised', 2));
    await before.message((m) => json(m).occurrences === 2);
    t.ok(before.messages.length <= 2);
    await mosquitto.kill();
    await mosquitto.restart();
    const after = await foreign(t, mosquitto, topic);
    t.match(json(await after.message(() => true)), { occurrences: 2, state: 'raised' });
  },
);

t.test(
  'uplink: a state that is gone is cleared, also when that was said offline and across a restart',
  async (t) => {
    const mosquitto = await broker(t);
    const folder = t.testdir();
    const topic = (p: string) => `${BASE}/${p}/state/alarm-current`;
    const all = await foreign(t, mosquitto, `${BASE}/+/state/alarm-current`);
    const held = store(folder);
    const first = uplink(t, held, { brokers: [mosquitto.url] });
    await first.start(NEVER);
    for (const name of ['pt-kept', 'pt-said', 'pt-removed']) {
      first.reporter.state('alarmCurrent', name, { ...point('raised', 1), point: name });
    }
    await all.count(3, () => true);
    await first.stop();
    first.reporter.clearState('alarmCurrent', 'pt-said');
    held.close();

    const again = store(folder);
    const second = uplink(t, again, { brokers: [mosquitto.url] });
    await second.start(NEVER);
    await all.message((m) => m.topic === topic('pt-said') && m.payload.length === 0);
    second.reporter.retire(['pt-kept', 'cam-1']);
    await all.message((m) => m.topic === topic('pt-removed') && m.payload.length === 0);
    const late = await foreign(t, mosquitto, `${BASE}/#`);
    await late.message(({ topic: seen }) => seen === topic('pt-kept'));
    await late.message(({ topic: seen }) => seen === LINK);
    t.equal(late.messages.length, 2, 'presence and the kept point alone');
    const retained = () => again.memory.entries('uplink.retained').map(([key]) => key);
    // What was heard here may not be acknowledged yet.
    await until(() => retained().length <= 2);
    await second.stop();
    t.same(
      retained().sort(),
      [LINK, topic('pt-kept')].sort(),
      'the inventory forgets what the broker has forgotten',
    );
  },
);

t.test(
  'uplink: what the rooms retire before the uplink is started is cleared too, as after a crash',
  async (t) => {
    const mosquitto = await broker(t);
    const folder = t.testdir();
    const all = await foreign(t, mosquitto, `${BASE}/+/state/alarm-current`);
    const held = store(folder);
    const first = uplink(t, held, { brokers: [mosquitto.url] });
    await first.start(NEVER);
    for (const name of ['pt-retired', 'pt-removed']) {
      first.reporter.state('alarmCurrent', name, { ...point('raised', 1), point: name });
    }
    await all.count(2, () => true);
    await first.stop();
    held.close();

    const again = store(folder);
    const second = uplink(t, again, { brokers: [mosquitto.url] });
    second.reporter.clearState('alarmCurrent', 'pt-removed');
    second.reporter.retire(['cam-1']);
    await second.start(NEVER);
    await all.count(2, (m) => m.payload.length === 0);
    const retained = () => again.memory.entries('uplink.retained').map(([key]) => key);
    await until(() => retained().length <= 1);
    await second.stop();
    t.same(retained(), [LINK]);
  },
);

t.test('uplink: session numbers keep rising when the database is lost', async (t) => {
  const mosquitto = await broker(t);
  const watcher = await foreign(t, mosquitto, LINK);
  const folder = t.testdir();
  const sessions: number[] = [];
  for (const start of [1, 2, 3]) {
    const held = store(folder);
    const link = uplink(t, held, { brokers: [mosquitto.url] });
    await link.start(NEVER);
    const birth = await watcher.message((m) => json(m).boot === start && json(m).online === true);
    sessions.push(Number(json(birth).session));
    await link.stop();
    held.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `beffroi.db${suffix}`), { force: true });
  }
  t.same(
    sessions,
    [...new Set(sessions)].sort((a, b) => a - b),
  );
});

t.test(
  'uplink: orders come with their kind and retain flag; a cleared configuration is no order',
  async (t) => {
    const mosquitto = await broker(t);
    const desired = `${BASE}/collector/cfg/desired`;
    const command = `${BASE}/collector/cmd/request`;
    await foreignPublish(mosquitto, desired, 'configuration 1', { retain: true });
    await foreignPublish(mosquitto, command, 'old command', { retain: true });
    const link = uplink(t, store(t.testdir()), { brokers: [mosquitto.url] });
    const orders = new Happenings<{ kind: string; text: string; retained: boolean }>();
    link.onOrder((kind, payload, retained) => orders.push({ kind, text: payload.toString(), retained }));
    const large = new Happenings<{ kind: string; bytes: number }>();
    link.onLargeOrder((kind, bytes) => large.push({ kind, bytes }));
    await link.start(NEVER);
    t.match(await orders.next(({ text }) => text === 'configuration 1'), {
      kind: 'configuration',
      retained: true,
    });
    t.match(await orders.next(({ text }) => text === 'old command'), { kind: 'command', retained: true });
    await foreignPublish(mosquitto, desired, '', { retain: true });
    await foreignPublish(mosquitto, command, Buffer.alloc(10 * 1024 * 1024));
    await foreignPublish(mosquitto, command, 'command', { retain: false });
    t.match(await orders.next(({ text }) => text === 'command'), { kind: 'command', retained: false });
    t.equal(orders.all.length, 3);
    t.match(large.all, [{ kind: 'command' }]);
    t.equal(link.status().connected, true);

    await mosquitto.kill();
    await mosquitto.restart();
    await foreignPublish(mosquitto, desired, 'configuration 2', { retain: true });
    t.ok(await orders.next(({ text }) => text === 'configuration 2'), 'also after a reconnect');
  },
);

t.test('uplink: status says whether there is a link, since when, and why not', async (t) => {
  const mosquitto = await broker(t);
  const link = uplink(t, store(t.testdir()), { brokers: [mosquitto.url] });
  t.match(link.status(), { connected: false, cause: 'broker-unreachable', session: 0, outboxPending: 0 });
  await link.start(NEVER);
  const watcher = await foreign(t, mosquitto, LINK);
  await watcher.message((m) => json(m).online === true);
  t.match(link.status(), { connected: true, cause: 'none', detail: '', session: 1 });
  await mosquitto.kill();
  while (link.status().connected) await new Promise((resolve) => setImmediate(resolve));
  t.match(link.status(), { connected: false, cause: /^broker-/, session: Number });
});

t.test(
  'uplink: a message of our own that breaks its schema is not sent as state, but as event',
  async (t) => {
    const mosquitto = await broker(t);
    const link = uplink(t, store(t.testdir()), { brokers: [mosquitto.url] });
    const watcher = await foreign(t, mosquitto, `${BASE}/#`);
    await link.start(NEVER);
    link.reporter.state('alarmCurrent', 'pt-door', { ...point('raised', 1), occurrences: -1 });
    link.reporter.event('fault', 'collector', fault('x'.repeat(3000)));
    await watcher.message(({ topic }) => topic === FAULT);
    t.same(watcher.messages.map(({ topic }) => topic).sort(), [FAULT, LINK]);
  },
);

t.test(
  'uplink: of what the broker does not take an alarm waits for another, the rest is given up, those behind arrive',
  async (t) => {
    const mosquitto = await broker(t, { extra: ['max_packet_size 2000'] });
    const held = store(t.testdir());
    const link = uplink(t, held, { brokers: [mosquitto.url] });
    const all = await foreign(t, mosquitto, `${BASE}/#`);
    const waiting = () => held.outbox.next(0, 1000).filter(({ topic }) => topic.includes('/pt-door/')).length;
    const isOf = (name: string) => (message: ForeignMessage) => message.topic.endsWith(`/event/${name}`);
    link.reporter.event('fault', 'collector', fault('x'.repeat(1990)));
    const raise = (texts: readonly string[]) => {
      const { state, since, ...rest } = point('raised', 1);
      for (const text of texts)
        link.reporter.event('alarm', 'pt-door', { ...rest, text, transition: 'raised' });
    };
    // More than one look into the outbox passes over at once.
    raise([...Array(2 * WINDOW).fill('x'.repeat(1990)), 'behind']);
    await link.start(NEVER);
    t.match(json(await all.message(isOf('alarm'))), { text: 'behind' });
    t.match(json(await all.message(isOf('fault'))), { cause: 'message-too-large', detail: / takes 2000$/ });
    raise(['after']);
    await all.message((message) => isOf('alarm')(message) && json(message).text === 'after');
    // What was heard here may not be acknowledged yet.
    await until(() => waiting() === 2 * WINDOW);
    await link.stop();
    t.equal(all.messages.filter(isOf('fault')).length, 1, 'told once');
    t.equal(held.outbox.dropped(), 1);

    const other = await broker(t);
    const watcher = await foreign(t, other, `${BASE}/#`);
    const again = uplink(t, held, { brokers: [other.url] });
    await again.start(NEVER);
    const late = await watcher.count(2 * WINDOW, (message) => message.topic.includes('/pt-door/'));
    t.ok(late.every((message) => json(message).text === 'x'.repeat(1990)));
    await until(() => waiting() === 0);
    await again.stop();
  },
);
