import t, { type Test } from 'tap';
import { createLog } from '../../agent/base/log.ts';
import { leasedMediaTopic } from '../../agent/contract/topics.ts';
import { BrokerClient } from '../../agent/uplink/client.ts';
import type { Chunk } from '../../agent/video/destination.ts';
import { LeasedDestination } from '../../agent/video/leased-destination.ts';
import { ForeignSubscriber, foreignPublish, Mosquitto } from '../support/mosquitto.ts';
import { TestClock } from '../support/test-clock.ts';
import { tried } from '../trust/lease-parts.ts';
import { SITE } from '../trust/support.ts';

const BYTES = 100_000;
const lease = tried();
const TOPIC = leasedMediaTopic(SITE, lease.camera, lease.recipient);

function chunk(number: number): Chunk {
  const head = Buffer.from(`0000${number === 1 ? 'ftyp' : 'moof'}`);
  const times = { wallMs: 1_000 * number, durationMs: 1_000 };
  const memory = { hold: () => undefined, release: () => undefined };
  const parts = [head, Buffer.alloc(BYTES, number % 250)];
  const bytes = head.length + BYTES;
  return { parts, bytes, heldBytes: bytes, frames: 1, key: number === 1, number, ...times, ...memory };
}

/** A lease on a connection that takes nothing any more, with pictures of which some left and many wait. */
async function stalled(t: Test) {
  const clock = new TestClock();
  const broker = await Mosquitto.start(t.testdir());
  t.teardown(() => broker.stop());
  const log = createLog('error', { write: () => undefined });
  const publisher = new BrokerClient(
    { clock, log, random: Math.random },
    { brokers: [broker.url], clientId: 'box', plainLoopback: true, subscriptions: [] },
  );
  const up = new Promise<void>((resolve) => publisher.listen({ up: () => resolve() }));
  const down = new Promise<string>((resolve) =>
    publisher.listen({ down: ({ message }) => resolve(message) }),
  );
  await publisher.start(new AbortController().signal);
  t.teardown(async () => {
    const stopped = publisher.stop();
    await clock.advance(5_000);
    await stopped;
  });
  await up;
  const subscriber = await ForeignSubscriber.start(broker, ['csu/#']);
  t.teardown(() => subscriber.stop());
  const destination = await LeasedDestination.create(
    { clock, publisher, site: SITE, stands: () => true },
    lease,
  );
  destination.begin({ recent: () => [] });
  broker.pause();
  for (let number = 1; destination.status().state !== 'blocked'; number += 1) {
    destination.take(chunk(number));
    await new Promise(setImmediate);
  }
  return { broker, subscriber, publisher, destination, clock, down };
}

t.test('lease: what waits as it ends never leaves, and is not counted', async (t) => {
  const { broker, subscriber, publisher, destination } = await stalled(t);
  const before = destination.sent;
  await destination.end();
  const { frames, bytes } = destination.sent;
  t.ok(frames > 0 && frames < before.frames, `${before.frames} were handed over, ${frames} left`);
  t.equal(bytes, frames * (BYTES + 8));
  t.equal(
    publisher.sendNow({}, `csu/v1/${SITE}/cam-b/media/main`, [Buffer.from('last')], () => undefined),
    undefined,
  );
  broker.resume();
  await subscriber.message(({ payload }) => payload.toString() === 'last');
  t.equal(
    subscriber.messages.filter(({ topic }) => topic === TOPIC).length,
    frames,
    'what is counted has come',
  );
});

t.test('lease: a message that does not get away after its end is cut off with the connection', async (t) => {
  const { broker, subscriber, destination, clock, down } = await stalled(t);
  await destination.end();
  const { frames } = destination.sent;
  await clock.advance(1_000);
  t.match(await down, /must not leave any more/);
  broker.resume();
  await foreignPublish(broker, 'csu/v1/after', 'last');
  await subscriber.message(({ payload }) => payload.toString() === 'last');
  const came = subscriber.messages.filter(({ topic }) => topic === TOPIC).length;
  t.ok(came < frames, `${came} of ${frames} came`);
});
