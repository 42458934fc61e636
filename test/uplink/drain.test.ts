import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { InternalError } from '../../agent/base/errors.ts';
import { DrainPass } from '../../agent/uplink/drain-pass.ts';
import { Oversize } from '../../agent/uplink/oversize.ts';
import { Pace } from '../../agent/uplink/pace.ts';
import type { Uplink } from '../../agent/uplink/uplink.ts';
import { type Answer, OddBroker, type Published } from '../support/odd-broker.ts';
import { NEVER, quietLog, SITE, store, uplink } from './parts.ts';

t.jobs = 5;

const BASE = `csu/v1/${SITE}`;

async function odd(t: Test, decide: (message: Published) => Answer): Promise<OddBroker> {
  const broker = await OddBroker.start(decide);
  t.teardown(() => broker.stop());
  return broker;
}

function raise(link: Uplink, point: string, occurrences: number): void {
  link.reporter.event('alarm', point, {
    ...{ alarm: `${point}-${occurrences}`, point, name: 'Door', kind: 'digital-input', camera: 'cam-1' },
    ...{ owner: 'commune', alarm_state: 'raised', count: 1, shelved: false, chattering: false },
    ...{ transition: 'raised', severity: 'major', occurrences },
  } as const);
}

/** The numbers of the events of a point, as a subscriber hears them. */
function heard(taken: readonly Published[], point: string): number[] {
  return taken
    .filter(({ topic }) => topic === `${BASE}/${point}/event/alarm`)
    .map(({ payload }) => (JSON.parse(payload) as { occurrences: number }).occurrences);
}

/** Each once: what a slow machine has not acknowledged in time comes again. */
const once = (taken: readonly Published[], point: string) => [...new Set(heard(taken, point))];

/** The events that the broker refuses at first. */
const OVER_QUOTA = /"occurrences":(3|7|40)\}/;

const isEvent = ({ topic }: Published) => topic.includes('/event/');
const isOf = (point: string) => (message: Published) => isEvent(message) && message.topic.includes(point);
const isDone = (point: string, last: number) => (taken: readonly Published[]) =>
  new Set(heard(taken, point)).size === last && heard(taken, point).at(-1) === last;
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

t.test('uplink: a topic that the broker refuses waits alone, the others go on', async (t) => {
  let allowed = false;
  const broker = await odd(t, (message) => (isOf('pt-a')(message) && !allowed ? 0x87 : 'take'));
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [broker.url] });
  for (const n of numbers(1, 100)) {
    raise(link, 'pt-a', n);
    raise(link, 'pt-b', n);
  }
  await link.start(NEVER);
  await broker.until((taken) => once(taken, 'pt-b').length === 100);
  t.same(once(broker.taken, 'pt-b'), numbers(1, 100));
  raise(link, 'pt-b', 101);
  await broker.until((taken) => once(taken, 'pt-b').length === 101);
  t.same(heard(broker.taken, 'pt-a'), []);
  allowed = true;
  await broker.until((taken) => once(taken, 'pt-a').length === 100);
  t.same(once(broker.taken, 'pt-a'), numbers(1, 100));
  await link.stop();
  t.equal(held.outbox.pending(), 0);
});

t.test('uplink: a refused event is not overtaken for good by those behind it', async (t) => {
  let refusals = 0;
  const broker = await odd(t, (message) => {
    const refused = isEvent(message) && OVER_QUOTA.test(message.payload) && refusals < 4;
    if (refused) refusals += 1;
    return refused ? 0x97 : 'take';
  });
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [broker.url] });
  for (const n of numbers(1, 60)) raise(link, 'pt-a', n);
  await link.start(NEVER);
  await broker.until(isDone('pt-a', 60));
  const all = heard(broker.taken, 'pt-a');
  t.same(
    [...new Set(all.toReversed())].toReversed(),
    numbers(1, 60),
    'the last copies are complete and in order',
  );
  const copies = broker.taken.filter(isEvent).map(({ payload }) => payload);
  t.equal(new Set(copies).size, 60, 'a copy has the same bytes');
});

t.test('uplink: an event on which the broker closes the connection does not stop the others', async (t) => {
  let poisoned = true;
  const broker = await odd(t, (message) => (isOf('pt-bad')(message) && poisoned ? 'close' : 'take'));
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [broker.url] });
  raise(link, 'pt-bad', 1);
  raise(link, 'pt-bad', 2);
  for (const n of numbers(1, 50)) raise(link, 'pt-b', n);
  await link.start(NEVER);
  await broker.until((taken) => new Set(heard(taken, 'pt-b')).size === 50);
  t.same([...new Set(heard(broker.taken, 'pt-b'))], numbers(1, 50));
  t.equal(held.outbox.next(0, 1)[0]?.topic, `${BASE}/pt-bad/event/alarm`, 'it stays');
  poisoned = false;
  await broker.until(isDone('pt-bad', 2));
  t.same([...new Set(heard(broker.taken, 'pt-bad'))], [1, 2]);
});

t.test('uplink: a broker that closes right after CONNACK, again and again, loses no alarm', async (t) => {
  const broker = await odd(t, () => 'take');
  broker.closesAtOnce = true;
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [broker.url] });
  for (const n of numbers(1, 25)) raise(link, 'pt-a', n);
  await link.start(NEVER);
  await broker.until(() => broker.connections >= 3);
  for (const n of numbers(26, 50)) raise(link, 'pt-a', n);
  t.match(link.status(), { connected: false, cause: 'broker-closed' });
  t.same(broker.taken, []);
  t.ok(held.outbox.pending() >= 50, 'all are kept');
  broker.closesAtOnce = false;
  await broker.until(isDone('pt-a', 50));
  t.same([...new Set(heard(broker.taken, 'pt-a'))], numbers(1, 50), 'and arrive in order');
});

t.test('uplink: a broker that closes at each event is tried until it takes them, in order', async (t) => {
  let closes = 4;
  const broker = await odd(t, (message) => {
    if (!isEvent(message) || closes === 0) return 'take';
    closes -= 1;
    return 'close';
  });
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [broker.url] });
  for (const n of numbers(1, 50)) raise(link, 'pt-a', n);
  await link.start(NEVER);
  await broker.until(isDone('pt-a', 50));
  t.same([...new Set(heard(broker.taken, 'pt-a'))], numbers(1, 50));
});

t.test('uplink: 100,000 events that a broker does not take are passed over while others work', async (t) => {
  const count = 100_000;
  const entry = (seq: number) => ({
    seq,
    topic: `${BASE}/pt-${seq}/event/alarm`,
    payload: '{}',
    id: `e${seq}`,
  });
  const large = numbers(1, count).map((seq) => ({ ...entry(seq), class: 'intrusion' as const }));
  const behind = { ...entry(count + 1), class: 'technical' as const };
  const oversize = new Oversize({ log: quietLog().log, onWaiting: () => undefined });
  const tooLarge = new InternalError('message-too-large', 'the broker takes less');
  for (const event of large) oversize.givesUp(event, tooLarge);
  const looks: number[] = [];
  const sent = Promise.withResolvers<string>();
  const end = new AbortController();
  const pass = new DrainPass(
    {
      ...{ clock: systemClock, log: quietLog().log, random: Math.random, oversize, refused: () => undefined },
      ...{ classes: ['intrusion', 'technical'], pace: new Pace(systemClock, 50) },
      client: { inflight: 64, publish: async (topic) => sent.resolve(topic) },
      outbox: {
        ...{ confirmation: 'broker', order: 1, last: behind.seq, settle: () => false, unreceipted: () => 0 },
        ...{ acknowledge: () => undefined, giveUp: () => undefined },
        due: ({ lane, class: of, afterSeq, limit }) => {
          if (lane === 'backlog') return [];
          if (of === 'technical') return afterSeq < behind.seq ? [behind] : [];
          const due = large.slice(afterSeq, afterSeq + limit);
          looks.push(due.length);
          return due;
        },
      },
    },
    end.signal,
  );
  const running = pass.run();
  let [turns, isSent] = [0, false];
  const others = (async () => {
    for (; !isSent; turns += 1) await turn();
  })();
  t.equal(await sent.promise, behind.topic, 'a lower class goes when all before it were seen');
  isSent = true;
  end.abort();
  await Promise.all([others, running]);
  t.ok(Math.max(...looks) <= 600, 'a look is bounded');
  t.ok(turns >= count / 600, `${turns} turns of others, one after each look`);
});
