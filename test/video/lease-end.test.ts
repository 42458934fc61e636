import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createLog } from '../../agent/base/log.ts';
import type { Left } from '../../agent/base/send-queue.ts';
import { leasedMediaTopic, mediaTopic } from '../../agent/contract/topics.ts';
import { BrokerClient } from '../../agent/uplink/client.ts';
import type { Chunk } from '../../agent/video/destination.ts';
import { type LeaseLine, LeaseLines } from '../../agent/video/lease-lines.ts';
import { LeasedDestination } from '../../agent/video/leased-destination.ts';
import { ForeignSubscriber, Mosquitto } from '../support/mosquitto.ts';
import { createPki } from '../support/pki.ts';
import { TestClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';
import { tried } from '../trust/lease-parts.ts';
import { SITE } from '../trust/support.ts';

const BYTES = 100_000;
/** Of a destination of a lease. */
const CREDIT_BYTES = 4 * 1024 * 1024;
const lease = tried();
const TOPIC = leasedMediaTopic(SITE, lease.camera, lease.recipient);
const log = createLog('error', { write: () => undefined });

/** @param holders counts who holds it */
function chunk(number: number, holders = { count: 0 }): Chunk {
  const head = Buffer.from(`0000${number === 1 ? 'ftyp' : 'moof'}`);
  const times = {
    wallMs: 1_000 * number,
    boxWallMs: 1_000 * number,
    boxMonotonicMs: 1_000 * number,
    durationMs: 1_000,
  };
  const memory = {
    hold: () => {
      holders.count += 1;
    },
    release: () => {
      holders.count -= 1;
    },
  };
  const parts = [head, Buffer.alloc(BYTES, number % 250)];
  const bytes = head.length + BYTES;
  return { parts, bytes, heldBytes: bytes, frames: 1, key: number === 1, number, ...times, ...memory };
}

async function destinationOn(
  line: LeaseLine,
  clock: TestClock,
  stands = () => true,
): Promise<LeasedDestination> {
  const destination = await LeasedDestination.create(
    {
      ...{ clock, line: () => line, site: SITE, stands, creditBytes: CREDIT_BYTES },
      ...{ counted: () => undefined, sign: () => Buffer.alloc(64) },
    },
    lease,
  );
  destination.begin({ recent: () => [chunk(1)] });
  return destination;
}

/** Most bytes that the kernel holds of a connection to this port: not sent, or not acknowledged. @see proc_pid_net(5) */
function unsent(port: number): number {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    readFileSync(table, 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/)),
  );
  const queues = rows.flatMap(([, , remote = '', , queue = '']) =>
    remote.endsWith(hex) ? [Number.parseInt(queue, 16)] : [],
  );
  return Math.max(0, ...queues);
}

/** A broker that has stopped reading, with a lease's line to it and the line of all other cameras. */
async function stalled(t: Test) {
  const clock = new TestClock();
  const folder = t.testdir();
  const pki = await createPki(join(folder, 'pki'));
  const broker = await Mosquitto.start(folder, { tls: pki.broker });
  t.teardown(() => broker.stop());
  const ways = { brokers: [broker.url], plainLoopback: false, tls: await pki.client(SITE) };
  const needs = { clock, log, random: Math.random };
  const others = new BrokerClient(needs, { ...ways, clientId: `${SITE}-video`, subscriptions: [] });
  const line = new LeaseLines({ ...needs, sent: () => undefined }, { ...ways, site: SITE }).open();
  await Promise.all([
    new Promise<void>((resolve) => others.listen({ up: () => resolve() })),
    new Promise<void>((resolve) => line.listen({ up: () => resolve(), down: () => undefined })),
    others.start(new AbortController().signal),
  ]);
  t.teardown(async () => {
    line.drop();
    const stopped = others.stop();
    await clock.advance(5_000);
    await stopped;
  });
  const lost: string[] = [];
  others.listen({ down: ({ message }) => lost.push(message) });
  const subscriber = await ForeignSubscriber.start(broker, ['csu/#'], await pki.client('listener'));
  t.teardown(() => subscriber.stop());
  const destination = await destinationOn(line, clock);
  broker.pause();
  await until(() => /^State:\s+T/m.test(readFileSync(`/proc/${broker.pid}/status`, 'latin1')));
  for (let number = 1; destination.status().state !== 'blocked'; number += 1) {
    destination.take(chunk(number));
    await new Promise(setImmediate);
  }
  return { broker, subscriber, others, lost, destination };
}

t.test(
  'lease: nothing leaves after its end, also of what the kernel has taken, and other cameras keep their connection',
  async (t) => {
    const { broker, subscriber, others, lost, destination } = await stalled(t);
    const before = destination.sent;
    await until(() => unsent(broker.port) > 2 * BYTES);
    await destination.end();
    // A broker that stands still takes nothing: the kernel has forgotten what it had.
    await until(() => unsent(broker.port) === 0);
    const { frames, bytes } = destination.sent;
    t.ok(frames > 0 && frames < before.frames, `${before.frames} were handed over, ${frames} written`);
    t.equal(bytes, frames * (BYTES + 8), 'what was never written is not counted');
    const parc = mediaTopic(SITE, 'cam-parc');
    t.equal(
      others.sendNow({}, parc, [Buffer.from('last')], () => undefined),
      undefined,
    );
    broker.resume();
    await subscriber.message(({ topic }) => topic === parc);
    const came = subscriber.messages.filter(({ topic }) => topic === TOPIC).length;
    t.ok(came < frames, `${came} of ${frames} came`);
    t.same(lost, [], 'on the connection that it had');
  },
);

t.test(
  'lease: what was leaving as the connection ended is counted, what waited behind it is not',
  async (t) => {
    const clock = new TestClock();
    const broker = await Mosquitto.start(t.testdir());
    t.teardown(() => broker.stop());
    const ways = { brokers: [broker.url], plainLoopback: true };
    const needs = { clock, log, random: Math.random };
    const line = new LeaseLines({ ...needs, sent: () => undefined }, { ...ways, site: SITE }).open();
    await new Promise<void>((resolve) => line.listen({ up: () => resolve(), down: () => undefined }));
    const destination = await destinationOn(line, clock);
    for (const number of [1, 2, 3]) destination.take(chunk(number));
    t.equal(destination.sent.frames, 3);
    await destination.end();
    t.match(destination.sent, { frames: 1, bytes: BYTES + 8, lostFrames: 2 });
  },
);

t.test('lease: a destination that has ended seals nothing, whoever still hands it something', async (t) => {
  let sent = 0;
  const line: LeaseLine = {
    ...{ connected: true, listen: () => () => undefined, withdraw: () => undefined, drop: () => undefined },
    sendNow: (_lane, _topic, _parts, left) => {
      sent += 1;
      queueMicrotask(() => left(true, true));
      return undefined;
    },
  };
  const destination = await destinationOn(line, new TestClock());
  destination.take(chunk(1));
  t.equal(sent, 1);
  await destination.end();
  destination.take(chunk(2));
  t.equal(sent, 1, 'its key is gone');
  t.equal(destination.sent.lostFrames, 1);
});

t.test('lease: what waits for the recipient is held once, sealed, and within its credit', async (t) => {
  const waiting: { readonly bytes: number; readonly left: Left }[] = [];
  const line: LeaseLine = {
    ...{ connected: true, listen: () => () => undefined, withdraw: () => undefined, drop: () => undefined },
    sendNow: (_lane, _topic, parts, left) => {
      waiting.push({ bytes: parts.reduce((sum, part) => sum + part.length, 0), left });
      return undefined;
    },
  };
  const destination = await destinationOn(line, new TestClock());
  t.equal(waiting.length, 0, 'nothing of what was kept before it is asked for');
  const holders = { count: 0 };
  for (let number = 1; number < 100; number += 1) destination.take(chunk(number, holders));
  const held = waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  t.equal(holders.count, 0, 'of what is plain nothing is held');
  t.ok(held <= CREDIT_BYTES, `${held} bytes are held`);
  t.ok(held > CREDIT_BYTES - 2 * BYTES, 'the credit is used');
  t.equal(destination.status().state, 'blocked');
});

t.test(
  'lease: each picture is held against it, and none goes from the moment that it does not stand',
  async (t) => {
    let sent = 0;
    const line: LeaseLine = {
      ...{ connected: true, listen: () => () => undefined, withdraw: () => undefined, drop: () => undefined },
      sendNow: (_lane, _topic, _parts, left) => {
        sent += 1;
        queueMicrotask(() => left(true, true));
        return undefined;
      },
    };
    let stands = true;
    const destination = await destinationOn(line, new TestClock(), () => stands);
    destination.take(chunk(1));
    t.equal(sent, 1);
    stands = false;
    destination.take({ ...chunk(2), key: true });
    t.equal(sent, 1);
    t.equal(destination.sent.frames, 1);
  },
);
