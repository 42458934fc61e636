import t from 'tap';
import { type Backoff, backoffMs, retryLoop } from '../../agent/base/retry.ts';
import { FINDER_RETRY } from '../../agent/camera/stream-finder.ts';
import { RECOVERY_MS } from '../../agent/health/verdict.ts';
import { PULL_RETRY } from '../../agent/video/camera-stream.ts';
import { TestClock } from '../support/test-clock.ts';

const ABSENT_MS = 600_000;
/** What a camera needs to answer and to send its first key picture, and a measure to tell of it. */
const FIRST_PICTURE_MS = 3_000;
/** When the kernel asks for a connection, from the beginning of a try that takes 5 s. @see RFC 6298 §2.1, §5.5 */
const LOST_SYNS_MS = [0, 1_000, 3_000];
const REFUSED_AT_ONCE_MS = [0];

/** Time from the return of a camera, at any moment after ten minutes, until it is asked; `asksMs` within each try. */
function waitMs(curve: Backoff, asksMs: readonly number[], random: () => number): number {
  const backAtMs = ABSENT_MS + 60_000 * random();
  let beganMs = 0;
  for (let failures = 1; ; failures += 1) {
    beganMs += backoffMs(curve, failures, random());
    const heard = asksMs.find((askMs) => beganMs + askMs >= backAtMs);
    if (heard !== undefined) return beganMs + heard - backAtMs;
    beganMs += asksMs.length > 1 ? 5_000 : 0;
  }
}

/** Numbers that only look random, the same in every run. @see Numerical Recipes §7.1, the quick and dirty generator */
function numbers(): () => number {
  let state = 1;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

for (const [name, curve] of Object.entries({
  'a stream that played': PULL_RETRY.wasUp,
  'a stream that never played': PULL_RETRY.neverUp,
  'an address that ONVIF has not told yet': FINDER_RETRY.neverUp,
})) {
  for (const [how, asksMs] of Object.entries({
    refuses: REFUSED_AT_ONCE_MS,
    'is off the network': LOST_SYNS_MS,
  })) {
    t.test(
      `return: ${name}, from a camera that ${how} for ten minutes, is back within 10 s in half of the cases`,
      (t) => {
        const random = numbers();
        const waits = Array.from({ length: 1001 }, () => waitMs(curve, asksMs, random)).sort((a, b) => a - b);
        const medianMs = waits[500] ?? Number.POSITIVE_INFINITY;
        t.ok(medianMs + FIRST_PICTURE_MS + RECOVERY_MS <= 10_000, `median wait ${Math.round(medianMs)} ms`);
        t.end();
      },
    );
  }
}

t.test('return: a camera that closes every ten seconds is pulled again at once, each time', async (t) => {
  const clock = new TestClock();
  const stop = new AbortController();
  const delays: number[] = [];
  const run = retryLoop(
    { clock, random: () => 1, onFailure: (_error, delayMs) => delays.push(delayMs) },
    PULL_RETRY,
    async (up, signal) => {
      up();
      await clock.sleep(10_000, signal);
    },
    stop.signal,
  );
  for (let i = 0; i < 12; i += 1) await clock.advance(10_000);
  stop.abort();
  await run;
  t.ok(delays.length > 8);
  t.same([...new Set(delays)], [PULL_RETRY.wasUp.firstMs]);
});
