import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { writeFrame } from '../../../agent/alarms/dc09/frame.ts';
import { Pace } from '../../../agent/alarms/dc09/pace.ts';
import { SignsOfLife } from '../../../agent/alarms/dc09/signs-of-life.ts';
import type { OpenedPanel, PanelPoint } from '../../../agent/alarms/ports.ts';
import { type Call, Dialler } from '../../support/dialler.ts';
import { freePort } from '../../support/port.ts';
import * as fc from '../../support/properties.ts';
import { TestClock } from '../../support/test-clock.ts';
import { until } from '../../support/until.ts';
import { Watch } from '../watch.ts';

const ACCOUNT = '12345A';
const KEY = '00112233445566778899AABBCCDDEEFF';
const AT = { panel: 'panel-a', account: ACCOUNT } as const;
const POINTS: PanelPoint[] = [
  { id: 'pt-zone', name: 'Zone 5', kind: 'panel-zone', ...AT, zone: '5' },
  { id: 'pt-silence', name: 'Centrale', kind: 'panel-silence', ...AT },
];

interface Options {
  readonly keyed?: boolean;
  readonly folder?: string;
  readonly clock?: TestClock;
}

async function begin(t: Test, { keyed = true, folder = t.testdir(), clock = new TestClock() }: Options = {}) {
  const port = await freePort();
  const watch = new Watch(folder, clock, () => undefined);
  t.teardown(() => watch.end());
  const panel: OpenedPanel = {
    id: 'panel-a',
    listen: { host: '127.0.0.1', port, tcp: true, udp: true },
    timeWindow: { pastS: 40, futureS: 20 },
    accounts: [{ account: ACCOUNT, supervisionS: 60, ...(keyed ? { key: Buffer.from(KEY, 'hex') } : {}) }],
  };
  await watch.begin({ points: POINTS, cameras: [], panels: [panel] });
  const dialler = new Dialler(t, port);
  /** `aheadS`: the time stamp, seconds ahead of the clock of the box. */
  const call = (more: Partial<Call>, aheadS = 0) =>
    dialler.call({
      ...{ token: 'NULL', account: ACCOUNT, stamp: true, time: stampOf(clock.wallMs() + aheadS * 1000) },
      ...(keyed ? { key: KEY } : {}),
      ...more,
    });
  return { watch, clock, port, call };
}

function stampOf(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `_${iso.slice(11, 19)},${iso.slice(5, 7)}-${iso.slice(8, 10)}-${iso.slice(0, 4)}`;
}

const silence = (watch: Watch) => watch.transitions.filter((text) => text.startsWith('pt-silence'));

t.test('supervision: a NULL that is played again hides no panel that is cut off', async (t) => {
  const { watch, clock, call } = await begin(t);
  const said = { sequence: '0007', time: stampOf(clock.wallMs()) };
  t.match(await call(said), { answer: /^"\*ACK"0007/ });
  await clock.advance(30_000);
  t.match(await call(said), { answer: /^"\*ACK"0007/ }, 'a panel that heard no ACK is answered');
  await clock.advance(31_000);
  t.same(silence(watch), ['pt-silence raised'], 'a minute after it was said first');
  t.match(await call(said), { answer: /^"NAK"/ }, 'out of the window');
  t.match(watch.shown('pt-silence'), { state: 'raised' });
  t.match(await call({ sequence: '0008' }), { answer: /^"\*ACK"0008/ });
  t.same(silence(watch), ['pt-silence raised', 'pt-silence cleared']);
});

t.test('supervision: nor does an alarm, nor what was said before a restart', async (t) => {
  const folder = t.testdir();
  const clock = new TestClock();
  const time = stampOf(clock.wallMs());
  const alarm = { token: 'SIA-DCS', data: '#12345A|Nri1/BA005', sequence: '0001', time };
  const first = await begin(t, { folder, clock });
  t.match(await first.call(alarm), { answer: /^"\*ACK"/ });
  await clock.advance(35_000);
  t.match(await first.call(alarm), { answer: /^"\*ACK"/ });
  await clock.advance(26_000);
  t.same(silence(first.watch), ['pt-silence raised']);
  t.match(await first.call({ sequence: '0002' }), { answer: /^"\*ACK"/ });
  const last = { sequence: '0002', time: stampOf(clock.wallMs()) };
  await clock.advance(61_000);
  t.equal(silence(first.watch).at(-1), 'pt-silence raised');
  await first.watch.end();
  const { watch, call } = await begin(t, { folder, clock });
  watch.trust = 'untrusted';
  t.match(await call(last), { answer: /^"\*ACK"/ }, 'a box that does not know the time refuses it not');
  t.match(watch.shown('pt-silence'), { state: 'raised' }, 'and does not count it');
  t.match(await call({ sequence: '0003' }, -90), { answer: /^"\*ACK"/ }, 'older than what counted');
  t.match(watch.shown('pt-silence'), { state: 'raised' });
  t.match(await call({ sequence: '0004' }), { answer: /^"\*ACK"/ });
  t.match(watch.shown('pt-silence'), { state: 'cleared' });
});

t.test('supervision: a clock that was wrong and is put right makes no panel silent for ever', async (t) => {
  const { watch, clock, call } = await begin(t);
  clock.jumpWall(4 * 365 * 86_400_000);
  t.match(await call({ sequence: '0001' }), { answer: /^"\*ACK"/ });
  clock.jumpWall(-4 * 365 * 86_400_000);
  await clock.advance(61_000);
  t.same(silence(watch), ['pt-silence raised']);
  t.match(await call({ sequence: '0002' }), { answer: /^"\*ACK"/ });
  t.same(silence(watch), ['pt-silence raised', 'pt-silence cleared']);
});

t.test('a box that does not know the time gives a panel its own time back', async (t) => {
  const { watch, clock, call } = await begin(t);
  const { plain } = await call({ sequence: '0001', decrypts: true }, 5);
  t.match(plain, /\]_/);
  t.ok(plain?.endsWith(stampOf(clock.wallMs())), 'that of the box');
  watch.trust = 'untrusted';
  const later = await call({ sequence: '0002', decrypts: true }, 86_400);
  t.ok(later.plain?.endsWith(stampOf(clock.wallMs() + 86_400_000)), 'that of the panel');
});

t.test('in clear, a message of before a restart is the same only while the clock says so', async (t) => {
  const folder = t.testdir();
  const test = { token: 'SIA-DCS', data: '#12345A|NRP', sequence: '0007', stamp: false };
  const first = await begin(t, { folder, keyed: false });
  t.match(await first.call(test), { answer: /^"ACK"/ });
  await first.watch.end();
  const startOf = async (jumpMs: number, trust: 'synced' | 'untrusted', waitMs = 0) => {
    const clock = new TestClock();
    clock.jumpWall(jumpMs);
    const { watch, call } = await begin(t, { folder, keyed: false, clock });
    watch.trust = trust;
    await clock.advance(waitMs);
    const before = watch.signals.length;
    t.match(await call(test), { answer: /^"ACK"/ });
    const told = watch.signals.length - before;
    await watch.end();
    return told;
  };
  t.equal(await startOf(1_000, 'synced'), 0, 'a panel that heard no ACK');
  t.equal(await startOf(-3_600_000, 'synced'), 1, 'the clock went backwards: rather twice than not at all');
  t.equal(await startOf(1_000, 'untrusted'), 1, 'nobody knows');
  const startedMs = 700_000;
  t.equal(await startOf(-startedMs, 'synced', startedMs), 1, 'this start is older than a repetition can be');
});

t.test('UDP: however many strangers flood, a known address and a known account are answered', async (t) => {
  const { watch, clock, port, call } = await begin(t);
  const said = (sequence: string, more: Partial<Call> = {}) => call({ sequence, udp: true, ...more });
  t.match(await said('0001'), { answer: /^"\*ACK"0001/ });
  await clock.advance(1_000);
  const answered = await flood(t, port, 400);
  t.equal(answered, 356, '256 apart, and 100 of all others');
  t.match(await said('0002'), { answer: /^"\*ACK"0002/ }, 'known by what it said a second ago');
  const moved = await said('0003', { from: '127.0.0.77' });
  t.match(moved, { answer: /^"\*ACK"0003/ }, 'the panel has got another address');
  t.match(await said('0004', { account: 'BAD1', from: '127.0.0.78', wait: 0.3 }), { answer: null });
  t.same(silence(watch), []);
});

t.test(
  'UDP: garbage with the address of the panel, and its own messages played again, leave the panel its share',
  async (t) => {
    const { clock, port, call } = await begin(t);
    const from = '127.0.0.5';
    const said = (sequence: string, more: Partial<Call> = {}) => call({ sequence, udp: true, from, ...more });
    const recorded = { time: stampOf(clock.wallMs()) };
    t.match(await said('0001', recorded), { answer: /^"\*ACK"0001/ }, 'known from now on');
    const spoofed = createSocket('udp4');
    t.teardown(() => spoofed.close());
    spoofed.bind(0, from);
    await once(spoofed, 'listening');
    const garbage = Buffer.from('\n00000FFF"garbage"\r');
    for (let n = 0; n < 150; n += 1)
      await new Promise((sent) => spoofed.send(garbage, port, '127.0.0.1', sent));
    t.match(await said('0002'), { answer: /^"\*ACK"0002/ }, 'after garbage with its address');
    await said('0009', { key: 'FF'.repeat(16), times: 110 });
    t.match(await said('0003'), { answer: /^"\*ACK"0003/ }, 'after messages that name it, with another key');
    await said('0001', { ...recorded, times: 110 });
    t.match(await said('0001', { ...recorded, wait: 0.2 }), { answer: null }, 'these have had their share');
    t.match(await said('0004'), { answer: /^"\*ACK"0004/ }, 'after its own message, played again');
  },
);

t.test('TCP: strangers that use up their share leave an account its own', async (t) => {
  const { port, call } = await begin(t, { keyed: false });
  const strangers: Socket[] = [];
  for (let n = 0; n < 6; n += 1) strangers.push(await connected(t, port, `127.9.0.${n + 1}`));
  const counts = strangers.map((stranger) => heardCount(stranger));
  for (const stranger of strangers) stranger.write(Buffer.concat(Array(300).fill(UNKNOWN_NULL)));
  const answered = () => counts.reduce((sum, count) => sum + count(), 0);
  await until(async () => answered() === 500);
  t.match(
    await call({ sequence: '0001', from: '127.9.0.100' }),
    { answer: /^"ACK"0001/ },
    'in the same second',
  );
  t.equal(answered(), 500);
});

t.test('TCP: bytes that are no messages are counted per address, over all its connections', async (t) => {
  const { clock, port, call } = await begin(t);
  const from = '127.9.1.1';
  const babblers: Socket[] = [];
  for (let n = 0; n < 4; n += 1) babblers.push(await connected(t, port, from));
  const ended = Promise.race(babblers.map(closing));
  for (const peer of babblers) peer.write('x'.repeat(20_000));
  await ended;
  const next = connect({ port, host: '127.0.0.1', localAddress: from }).on('error', () => undefined);
  t.teardown(() => next.destroy());
  next.resume();
  await closing(next);
  t.match(await call({ sequence: '0001' }), { answer: /^"\*ACK"/ }, 'another address is heard');
  await clock.advance(60_000);
  t.match(await call({ sequence: '0002', from }), { answer: /^"\*ACK"/ }, 'and this one after a minute');
});

t.test('TCP: peers that close one side, and peers that never read, keep nobody out', async (t) => {
  const { port, call } = await begin(t, { keyed: false });
  const from = '127.9.2.1';
  const half: Promise<unknown>[] = [];
  for (const begun of ['', UNKNOWN_NULL.subarray(0, 20)]) {
    const peer = connect({ port, host: '127.0.0.1', localAddress: from, allowHalfOpen: true });
    t.teardown(() => peer.destroy());
    peer.on('error', () => undefined).resume();
    half.push(once(peer, 'end'));
    peer.write(begun);
    peer.end();
  }
  await Promise.all(half);
  t.pass('the box closes its side too, and waits for nothing');
  for (let n = 0; n < 40; n += 1) {
    const deaf = await connected(t, port, n < 20 ? from : `127.9.3.${n}`);
    deaf.pause();
    deaf.write(Buffer.concat(Array(50).fill(UNKNOWN_NULL)));
  }
  t.match(await call({ sequence: '0001', from }), { answer: /^"ACK"/ }, 'also from an address of theirs');
});

/** Resolves when the connection has ended, also where it was reset with bytes on their way. */
function closing(peer: Socket): Promise<void> {
  return new Promise((resolve) => peer.once('close', () => resolve()));
}

function heardCount(peer: Socket): () => number {
  let count = 0;
  peer.on('data', (bytes: Buffer) => {
    count += bytes.toString('latin1').split('\r').length - 1;
  });
  return () => count;
}

const UNKNOWN_NULL = writeFrame({
  ...{ token: 'NULL', encrypted: false, sequence: '0001', line: '0', account: 'BAD1', content: '[]' },
  crcForm: 'text',
});

/** Each address sends one message of an account that nobody knows. @returns how many were answered */
async function flood(t: Test, port: number, addresses: number): Promise<number> {
  let answered = 0;
  for (let n = 0; n < addresses; n += 1) {
    const peer = createSocket('udp4');
    t.teardown(() => peer.close());
    peer.bind(0, `127.7.${n >> 8}.${n & 255}`);
    await once(peer, 'listening');
    const heard = once(peer, 'message');
    await new Promise((sent) => peer.send(UNKNOWN_NULL, port, '127.0.0.1', sent));
    // The next one is sent when this one is answered, so that none is lost on the way.
    if (n < 356) {
      await heard;
      answered += 1;
    } else
      peer.on('message', () => {
        answered += 1;
      });
  }
  return answered;
}

t.test('TCP: strangers that take every connection leave that of a known address', async (t) => {
  const { port, call } = await begin(t);
  t.match(await call({ sequence: '0001' }), { answer: /^"\*ACK"/ });
  const panel = await connected(t, port, '127.0.0.1');
  const strangers: Socket[] = [];
  for (let n = 0; n < 80; n += 1) strangers.push(await connected(t, port, `127.8.0.${n + 1}`));
  await until(async () => strangers.filter(({ destroyed }) => !destroyed).length === 63);
  t.notOk(panel.destroyed, 'it came first, and said nothing yet');
  t.match(await call({ sequence: '0002' }), { answer: /^"\*ACK"/ });
  t.notOk(panel.destroyed);
});

async function connected(t: Test, port: number, localAddress: string): Promise<Socket> {
  const peer = connect({ port, host: '127.0.0.1', localAddress });
  t.teardown(() => peer.destroy());
  peer.on('error', () => undefined);
  peer.resume();
  await once(peer, 'connect');
  return peer;
}

t.test(
  'pace: what is new has its whole share of each second, whatever comes with the address of its panel',
  (t) => {
    const sender = fc.oneof(fc.constant('panel'), fc.integer({ min: 0, max: 2_000 }).map(String));
    const standing = fc.option(
      fc.oneof(
        fc.record({
          account: fc.constant('A'),
          proof: fc.constantFrom('repeated' as const, 'named' as const),
        }),
        fc.record({ account: fc.constant('B'), proof: fc.constant('new' as const) }),
      ),
      { nil: undefined },
    );
    const said = fc.record({ sender, standing });
    const property = fc.property(fc.array(said, { maxLength: 3_000 }), (all) => {
      const pace = new Pace({ clock: new TestClock(), isKnown: (address) => address === 'panel' });
      for (const one of all) pace.allows(one.sender, one.standing);
      const allowed = Array.from({ length: 101 }, () => pace.allows('panel', { account: 'A', proof: 'new' }));
      return allowed.indexOf(false) === 100;
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 100 }));
    t.end();
  },
);

t.test('signs of life: none counts twice, whatever was said in between', (t) => {
  const sign = fc.record({ id: fc.integer({ min: 0, max: 50 }), ahead: fc.integer({ min: -40, max: 20 }) });
  const property = fc.property(fc.array(sign, { maxLength: 600 }), fc.boolean(), (signs, known) => {
    const life = new SignsOfLife(Number.NEGATIVE_INFINITY);
    const counted = signs.map(({ id, ahead }) => {
      const sentMs = 1_000_000 + ahead;
      const latestMs = known ? 1_000_020 : Number.POSITIVE_INFINITY;
      return life.isNew({ id: `${id} ${sentMs}`, sentMs, latestMs }) ? [`${id} ${sentMs}`] : [];
    });
    const all = counted.flat();
    return new Set(all).size === all.length;
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
  t.end();
});
