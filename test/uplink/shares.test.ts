import t from 'tap';
import { sharesOf } from '../../agent/uplink/shares.ts';
import type { Uplink } from '../../agent/uplink/uplink.ts';
import { ForeignSubscriber } from '../support/mosquitto.ts';
import { OddBroker, type Published } from '../support/odd-broker.ts';
import { TestClock } from '../support/test-clock.ts';
import { broker, DELIVERY, json, NEVER, SITE, store, uplink } from './parts.ts';

const BASE = `csu/v1/${SITE}`;
/** What many brokers allow without PUBACK. */
const ALLOWED = 20;

function tell(link: Uplink, detail: string): void {
  link.reporter.event('fault', 'collector', {
    ...{ cause: 'internal', fault: 'ourselves', side: 'box', detail },
  } as const);
}

const isHist = ({ topic }: Published) => topic.includes('/hist/');
const isLive = ({ topic }: Published) => topic.includes('/event/');

t.test('shares: whatever a broker allows, no kind waits in the client behind a lower one', async (t) => {
  t.same(sharesOf(64), { events: 56, backlog: 48, states: 8 });
  t.same(sharesOf(20), { events: 17, backlog: 8, states: 3 });
  for (let inflight = 3; inflight <= 64; inflight += 1) {
    const { events, backlog, states } = sharesOf(inflight);
    t.equal(events + states, inflight);
    t.ok(backlog >= 1 && backlog < events && states >= 1, `${inflight}`);
  }
  t.same(
    [sharesOf(1), sharesOf(2)],
    [
      { events: 1, backlog: 1, states: 1 },
      { events: 1, backlog: 1, states: 1 },
    ],
  );
});

t.test(
  'uplink: with a broker that allows 20 in flight, a live event waits behind none of the backlog',
  async (t) => {
    let holding = true;
    const odd = await OddBroker.start(
      (message) => (holding && (isHist(message) || isLive(message)) ? 'hold' : 'take'),
      ALLOWED,
    );
    t.teardown(() => odd.stop());
    const clock = new TestClock();
    const held = store(t.testdir(), clock);
    const link = uplink(t, held, { brokers: [odd.url] }, clock);
    link.deliver({ ...DELIVERY, backlogPerS: 1_000 });
    for (let n = 0; n < 100; n += 1) tell(link, `old ${n}`);
    await clock.advance(60_000);
    await link.start(NEVER);
    const { backlog, events } = sharesOf(ALLOWED);
    await odd.until((taken) => taken.filter(isHist).length === backlog);
    const places = events - backlog;
    for (let n = 0; n < places + 3; n += 1) tell(link, `live ${n}`);
    await odd.until((taken) => taken.filter(isLive).length === places);
    t.equal(odd.taken.filter(isHist).length, backlog, 'on the wire with no PUBACK of the backlog');
    for (let n = 1; n <= 3; n += 1) {
      odd.release(isHist);
      await odd.until((taken) => taken.filter(isLive).length === places + n);
    }
    t.equal(odd.taken.filter(isHist).length, backlog, 'each place that is free goes to what is live');
    t.ok(odd.mostHeld <= ALLOWED, `${odd.mostHeld} without PUBACK`);
    holding = false;
    for (let n = 0; n < ALLOWED; n += 1) odd.release(() => true);
  },
);

t.test('uplink: with Mosquitto and max_inflight_messages 20 the same', async (t) => {
  const mosquitto = await broker(t, { extra: [`max_inflight_messages ${ALLOWED}`] });
  const clock = new TestClock();
  const held = store(t.testdir(), clock);
  const link = uplink(t, held, { brokers: [mosquitto.url] }, clock);
  // A quarter of a second goes at once.
  link.deliver({ ...DELIVERY, backlogPerS: 40 });
  for (let n = 0; n < 100; n += 1) tell(link, `old ${n}`);
  await clock.advance(60_000);
  const heard = await ForeignSubscriber.start(mosquitto, [`${BASE}/+/event/+`, `${BASE}/+/hist/+`]);
  t.teardown(() => heard.stop());
  await link.start(NEVER);
  await heard.count(10, () => true);
  link.deliver({ ...DELIVERY, backlogPerS: 1_000 });
  mosquitto.pause();
  for (let n = 0; n < 20; n += 1) await clock.advance(10);
  tell(link, 'live');
  mosquitto.resume();
  await heard.message((message) => json(message).detail === 'live');
  const before = heard.messages.findIndex((message) => json(message).detail === 'live') - 10;
  t.ok(before <= sharesOf(ALLOWED).backlog, `behind ${before} of the backlog`);
});
