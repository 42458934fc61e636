import t from 'tap';
import { type Backoff, backoffMs, retryLoop } from '../../agent/base/retry.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';

const CURVE: Backoff = { firstMs: 1000, factor: 2, capMs: 60_000, jitter: 0.5 };

t.test('retry: delays follow the curve', async (t) => {
  for (const [failures, random, expected] of [
    [1, 0, 500],
    [1, 0.5, 750],
    [2, 0, 1000],
    [3, 1, 4000],
    [7, 0, 30_000],
    [1000, 1, 60_000],
  ] as const) {
    t.equal(backoffMs(CURVE, failures, random), expected);
  }
});

t.test('retry: no delay is above the cap or below zero', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e9 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failures, random) => {
        const ms = backoffMs(CURVE, failures, random);
        return ms >= 0 && ms <= CURVE.capMs;
      },
    ),
  );
  t.pass();
});

t.test(
  'retry: after it was up for a stable period the count begins anew, and the curve is the quick one',
  async (t) => {
    const clock = new TestClock();
    const delays: number[] = [];
    const stop = new AbortController();
    const policy = {
      neverUp: { firstMs: 1000, factor: 2, capMs: 60_000, jitter: 0 },
      wasUp: { firstMs: 100, factor: 2, capMs: 60_000, jitter: 0 },
      stableMs: 10_000,
    };
    const runs = [0, 0, 1, 20_000, 1];
    const loop = retryLoop(
      { clock, random: () => 0, onFailure: (_error, delayMs) => delays.push(delayMs) },
      policy,
      async (up, signal) => {
        const upForMs = runs.shift() ?? 0;
        if (upForMs > 0) {
          up();
          await clock.sleep(upForMs, signal);
        }
        throw new Error('ended');
      },
      stop.signal,
    );
    while (runs.length > 0 || delays.length < 5) await clock.advance(100);
    stop.abort();
    await loop;
    t.same(delays.slice(0, 5), [1000, 2000, 400, 100, 200]);
  },
);

t.test('retry: an abort ends the wait at once', async (t) => {
  const clock = new TestClock();
  const stop = new AbortController();
  const needs = { clock, random: () => 0, onFailure: () => stop.abort() };
  await retryLoop(needs, { neverUp: CURVE, wasUp: CURVE, stableMs: 0 }, async () => {}, stop.signal);
  t.equal(clock.sleeping, 0);
});
