import t, { type Test } from 'tap';
import type { ClockTrust } from '../../agent/base/clock.ts';
import type { TimeCorrectionEvent } from '../../agent/contract/messages.ts';
import { MESSAGES } from '../../agent/contract/messages.ts';
import type { SqliteStore } from '../../agent/store/open-store.ts';
import type { Uplink } from '../../agent/uplink/uplink.ts';
import { TestClock } from '../support/test-clock.ts';
import { store, uplink } from './parts.ts';

const NOON_MS = Date.UTC(2026, 10, 22, 12);
const HOUR_MS = 3600 * 1000;

/** A box whose clock is set by hand, and who believes it only when told to. */
class Box {
  readonly clock: TestClock;
  trust: ClockTrust = 'untrusted';
  readonly store: SqliteStore;
  readonly link: Uplink;

  constructor(t: Test, folder: string, wallMs = 0) {
    this.clock = new TestClock(wallMs);
    this.store = store(folder, this.clock);
    this.link = uplink(t, this.store, { brokers: ['mqtt://127.0.0.1:1'] }, this.clock, () => this.trust);
  }

  raise(): void {
    this.link.reporter.event('fault', 'collector', {
      cause: 'internal',
      fault: 'ourselves',
      side: 'box',
      detail: '',
    });
  }

  set(wallMs: number): void {
    this.clock.jumpWall(wallMs - this.clock.wallMs());
  }

  /** Every event by its number, with the time that a reader of the corrections gives it. */
  readAs(): Map<number, { ts: number; exact: boolean }> {
    const events = this.events();
    const corrections = events.filter((event): event is Correction =>
      event.topic.endsWith('/time-correction'),
    );
    return new Map(
      events.map(({ seq, ts, clock }) => {
        const own = corrections.find(
          ({ first_seq, last_seq }) => clock === 'untrusted' && seq >= first_seq && seq <= last_seq,
        );
        return [seq, { ts: ts + (own?.correction_ms ?? 0), exact: own?.exact ?? clock !== 'untrusted' }];
      }),
    );
  }

  events() {
    return this.store.outbox.next(0, 1_000).map(({ topic, payload }) => {
      const message = JSON.parse(payload) as { seq: number; ts: number; clock: ClockTrust };
      if (topic.endsWith('/time-correction')) MESSAGES.timeCorrection.schema.parse(message);
      return { topic, ...message };
    });
  }
}

type Correction = TimeCorrectionEvent & { topic: string };

t.test(
  'times: events of 1970 get their time when the clock is good, also after jumps in between',
  async (t) => {
    const box = new Box(t, t.testdir());
    box.raise();
    await box.clock.advance(60_000);
    box.raise();
    box.set(NOON_MS - HOUR_MS);
    box.raise();
    await box.clock.advance(60_000);
    box.set(0);
    box.raise();
    box.link.reporter.corrections();
    t.equal(box.events().length, 4, 'nothing is said while nobody knows');
    await box.clock.advance(60_000);
    box.set(NOON_MS);
    box.trust = 'synced';
    box.raise();
    box.link.reporter.corrections();
    const read = box.readAs();
    const ago = [180_000, 120_000, 120_000, 60_000, 0];
    t.same(
      ago.map((_, n) => read.get(n + 1)),
      ago.map((ms) => ({ ts: NOON_MS - ms, exact: true })),
    );
    t.equal(box.events().length, 5 + 3, 'three stretches');
    box.link.reporter.corrections();
    t.equal(box.events().length, 8, 'once');
    box.store.close();
  },
);

t.test('times: a clock that drifts or is believed needs no word', async (t) => {
  const box = new Box(t, t.testdir(), NOON_MS);
  box.trust = 'holdover';
  box.raise();
  box.link.reporter.corrections();
  t.equal(box.events().length, 1);
  box.trust = 'untrusted';
  for (let n = 0; n < 5; n += 1) {
    box.clock.jumpWall(10);
    box.raise();
  }
  box.trust = 'synced';
  box.link.reporter.corrections();
  t.equal(box.events().length, 6 + 1, 'one stretch');
  box.store.close();
});

t.test('times: after a restart the corrected time is the latest possible', async (t) => {
  const folder = t.testdir();
  const first = new Box(t, folder);
  await first.clock.advance(90_000);
  first.raise();
  first.store.close();
  const second = new Box(t, folder);
  await second.clock.advance(30_000);
  second.raise();
  second.set(NOON_MS);
  second.trust = 'synced';
  second.link.reporter.corrections();
  const read = second.readAs();
  t.same(read.get(1), { ts: NOON_MS - 30_000, exact: false }, 'off for nobody knows how long');
  t.same(read.get(2), { ts: NOON_MS, exact: true });
  second.store.close();
});

t.test('times: each start has its own corrections, also where its clock goes on as before', async (t) => {
  const folder = t.testdir();
  const first = new Box(t, folder);
  first.raise();
  first.store.close();
  const second = new Box(t, folder);
  second.raise();
  second.set(NOON_MS);
  second.trust = 'synced';
  second.link.reporter.corrections();
  const told = second
    .events()
    .filter((event): event is Correction => event.topic.endsWith('/time-correction'));
  t.match(told, [
    { about_boot: 1, first_seq: 1, last_seq: 1, exact: false },
    { about_boot: 2, first_seq: 2, last_seq: 2, exact: true },
  ]);
  second.store.close();
});

t.test('times: a clock that is set at every event fills no memory', async (t) => {
  const box = new Box(t, t.testdir());
  for (let n = 0; n < 500; n += 1) {
    box.set((n % 2) * HOUR_MS);
    box.raise();
  }
  box.set(NOON_MS);
  box.trust = 'synced';
  box.link.reporter.corrections();
  t.equal(box.events().length, 500 + 64);
  const read = box.readAs();
  t.equal(read.get(1)?.exact, true);
  t.equal(read.get(500)?.exact, false);
  box.store.close();
});
