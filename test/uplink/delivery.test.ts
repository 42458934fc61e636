import { mkdtempSync, rmSync } from 'node:fs';
import t, { type Test } from 'tap';
import { MESSAGES } from '../../agent/contract/messages.ts';
import type { Uplink } from '../../agent/uplink/uplink.ts';
import { ForeignSubscriber, type Mosquitto } from '../support/mosquitto.ts';
import { receiptedMessage } from '../support/receipted.ts';
import { TestClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';
import { broker, DELIVERY, json, NEVER, SITE, store, uplink } from './parts.ts';

const BASE = `csu/v1/${SITE}`;
const RULES = { ...DELIVERY, backlogPerS: 40 };
/** A quarter of a second of the rate. */
const BURST = 10;
const BOXES = 100;

function fault(detail: string) {
  return { cause: 'internal', fault: 'ourselves', side: 'box', detail } as const;
}

async function foreign(t: Test, mosquitto: Mosquitto, ...topics: string[]): Promise<ForeignSubscriber> {
  const subscriber = await ForeignSubscriber.start(mosquitto, topics);
  t.teardown(() => subscriber.stop());
  return subscriber;
}

t.test(
  'delivery: after an outage what is live goes first, the backlog on hist, paced, in order',
  async (t) => {
    const mosquitto = await broker(t);
    const clock = new TestClock();
    const held = store(t.testdir(), clock);
    const link = uplink(t, held, { brokers: [mosquitto.url] }, clock);
    link.deliver(RULES);
    for (let n = 0; n < 60; n += 1) link.reporter.event('fault', 'collector', fault(`old ${n}`));
    await clock.advance(60_000);
    link.reporter.event('fault', 'collector', fault('live'));
    const events = await foreign(t, mosquitto, `${BASE}/+/event/+`, `${BASE}/+/hist/+`);
    await link.start(NEVER);
    const first = await events.message(() => true);
    t.match(json(first), { detail: 'live' });
    t.equal(first.topic, `${BASE}/collector/event/fault`);
    await events.count(1 + BURST, () => true);
    t.equal(held.outbox.pending() >= 50, true, 'the rest waits for its turn');
    link.reporter.event('fault', 'collector', fault('live too'));
    const second = await events.message((m) => json(m).detail === 'live too');
    t.equal(second.topic, `${BASE}/collector/event/fault`);
    t.equal(events.messages.length, 2 + BURST, 'nothing of the backlog without time');
    for (let sent = BURST; sent < 60; sent += BURST) {
      await clock.advance(250);
      await events.count(2 + sent + BURST, () => true);
    }
    await until(() => held.outbox.pending() === 0);
    const old = events.messages.filter(({ topic }) => topic === `${BASE}/collector/hist/fault`);
    t.same(
      old.map((m) => json(m).detail),
      Array.from({ length: 60 }, (_, n) => `old ${n}`),
      'in order, each once',
    );
    t.equal(json(old[0] ?? first).ts, Date.UTC(2026, 0, 1), 'with its own time');
  },
);

t.test('delivery: a broker that refuses the backlog holds up nothing that is live', async (t) => {
  const acl = `topic readwrite ${BASE}/+/state/+\ntopic readwrite ${BASE}/+/event/+\ntopic read ${BASE}/+/hist/+\n`;
  const mosquitto = await broker(t, { acl });
  const clock = new TestClock();
  const held = store(t.testdir(), clock);
  const link = uplink(t, held, { brokers: [mosquitto.url] }, clock);
  link.deliver(RULES);
  link.reporter.event('fault', 'collector', fault('old'));
  await clock.advance(60_000);
  const events = await foreign(t, mosquitto, `${BASE}/+/event/+`, `${BASE}/+/hist/+`);
  await link.start(NEVER);
  for (let n = 0; n < 20; n += 1) {
    link.reporter.event('fault', 'collector', fault(`live ${n}`));
    await events.message((m) => json(m).detail === `live ${n}`);
    await clock.advance(100);
  }
  // The subscriber may hear an event before its PUBACK comes.
  await until(() => link.status().outboxPending <= 1);
  t.match(link.status(), { connected: true, outboxPending: 1 });
  t.equal(events.messages.length, 20);
});

t.test(
  'delivery: with receipts the word of the broker is not enough, and what is sent again is the same',
  async (t) => {
    const mosquitto = await broker(t);
    const clock = new TestClock();
    const held = store(t.testdir(), clock);
    const link = uplink(t, held, { brokers: [mosquitto.url] }, clock);
    link.deliver({ ...RULES, confirm: 'receipt' });
    const events = await foreign(t, mosquitto, `${BASE}/+/event/+`, `${BASE}/+/hist/+`);
    await link.start(NEVER);
    link.reporter.event('fault', 'collector', fault('once'));
    const live = await events.message(() => true);
    // The clock of the test waits for the broker: it must not outrun what a broker may take for its PUBACK.
    await until(async () => {
      await clock.advance(50);
      return held.outbox.unreceipted() > 0;
    });
    await clock.advance(60_500);
    const again = await events.message(({ topic }) => topic.includes('/hist/'));
    t.equal(again.payload.toString(), live.payload.toString());
    t.match(held.outbox.confirm([receiptedMessage(again)]), { gone: 1 }, 'a receipt for either');
    t.equal(link.status().outboxPending, 0);
  },
);

t.test('delivery: a receiver that does not answer is not buried in the backlog', async (t) => {
  const mosquitto = await broker(t);
  const clock = new TestClock();
  const held = store(t.testdir(), clock);
  const link = uplink(t, held, { brokers: [mosquitto.url] }, clock);
  link.deliver({ ...RULES, confirm: 'receipt', resendAfterMs: 3600_000 });
  for (let n = 0; n < 150; n += 1) link.reporter.event('fault', 'collector', fault(`old ${n}`));
  await clock.advance(60_000);
  const events = await foreign(t, mosquitto, `${BASE}/+/event/+`, `${BASE}/+/hist/+`);
  await link.start(NEVER);
  await events.count(BURST, () => true);
  for (let sent = BURST; sent < 100; sent += BURST) {
    await clock.advance(250);
    await events.count(sent + BURST, () => true);
  }
  for (let n = 0; n < 4; n += 1) await clock.advance(250);
  link.reporter.event('fault', 'collector', fault('live'));
  await events.message((m) => json(m).detail === 'live');
  t.equal(events.messages.length, 101, 'a hundred at this rate, and what is live');
  held.outbox.confirm(events.messages.map(receiptedMessage));
  for (let sent = 100; sent < 150; sent += BURST) {
    await events.count(sent + BURST + 1, () => true);
    await clock.advance(250);
  }
  t.equal(events.messages.length, 151, 'with the receipts it goes on, each once');
});

t.test('delivery: what was dropped is told', async (t) => {
  const mosquitto = await broker(t);
  const held = store(t.testdir());
  const link = uplink(t, held, { brokers: [mosquitto.url] });
  link.reporter.event('fault', 'collector', fault('never sent'));
  held.outbox.giveUp(1, 'too-large');
  const events = await foreign(t, mosquitto, `${BASE}/+/event/+`);
  await link.start(NEVER);
  const loss = MESSAGES.loss.schema.parse(json(await events.message(() => true)));
  t.match(loss, { lost_class: 'service', reason: 'too-large', first_seq: 1, last_seq: 1, lost: 1, seq: 2 });
});

t.test(
  'delivery: a hundred boxes that come back do not drown the centre, and what happens now is heard at once',
  async (t) => {
    const mosquitto = await broker(t);
    const clock = new TestClock();
    const boxes = Array.from({ length: BOXES }, (_, n) => returning(t, `57463-b${n}`, mosquitto, clock));
    await clock.advance(60_000);
    const events = await foreign(t, mosquitto, 'csu/v1/+/+/event/+', 'csu/v1/+/+/hist/+');
    for (const { link } of boxes) await link.start(NEVER);
    const old = () => events.messages.filter(({ topic }) => topic.endsWith('/hist/fault')).length;
    await events.count(BOXES * 2, ({ topic }) => topic.endsWith('/hist/fault'));
    for (const { link } of boxes) link.reporter.event('fault', 'collector', fault('now'));
    await events.count(BOXES, ({ topic }) => topic.endsWith('/event/fault'));
    t.equal(old(), BOXES * 2, 'a burst of a quarter of a second, and no more without time');
    for (let burst = 2; burst <= 9; burst += 1) {
      await clock.advance(250);
      await events.count(BOXES * 2 * burst, ({ topic }) => topic.endsWith('/hist/fault'));
      t.equal(old(), BOXES * 2 * burst, `eight per box and second: two more in quarter ${burst - 1}`);
    }
  },
);

/** A box with a backlog of twenty events that are no longer live. */
function returning(t: Test, site: string, mosquitto: Mosquitto, clock: TestClock): { link: Uplink } {
  const folder = mkdtempSync('/dev/shm/bfr-');
  t.teardown(() => rmSync(folder, { recursive: true }));
  const held = store(folder, clock);
  const link = uplink(t, held, { brokers: [mosquitto.url], site }, clock);
  link.deliver({ ...RULES, backlogPerS: 8 });
  held.transaction(() => {
    for (let n = 0; n < 20; n += 1) link.reporter.event('fault', 'collector', fault(`old ${n}`));
  });
  return { link };
}
