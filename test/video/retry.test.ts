import t from 'tap';
import { DeviceError } from '../../agent/base/errors.ts';
import { type Backoff, backoffMs, retryLoop } from '../../agent/base/retry.ts';
import { FINDER_RETRY } from '../../agent/camera/stream-finder.ts';
import { NO_COUNTERS } from '../../agent/camera/types.ts';
import { RECOVERY_MS } from '../../agent/health/verdict.ts';
import { PULL_RETRY, type PullHandlers } from '../../agent/video/camera-stream.ts';
import { TestClock } from '../support/test-clock.ts';
import { streamBy } from './camera-streams.ts';
import { toAccessUnit } from './encoded.ts';

const TRACK = { codec: 'h264', clockRate: 90_000, parameterSets: {} } as const;
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

/** When a camera is asked that sends a picture, or none, and closes after ten seconds: how long after each end. */
async function waitsOf(sends: boolean): Promise<number[]> {
  const clock = new TestClock();
  const waits: number[] = [];
  let endedMs: number | undefined;
  const pull = async (_camera: unknown, _permit: unknown, handlers: PullHandlers, signal: AbortSignal) => {
    if (endedMs !== undefined) waits.push(clock.monotonicMs() - endedMs);
    handlers.described(TRACK, () => NO_COUNTERS);
    if (sends) handlers.accessUnit(toAccessUnit([Buffer.from([0x65, 0x88, 1])], true, 0));
    await clock.sleep(10_000, signal).catch(() => undefined);
    endedMs = clock.monotonicMs();
    throw new DeviceError('camera-closed', 'cam-1: closed');
  };
  const { stream } = streamBy(clock, pull, () => 1);
  const stop = new AbortController();
  const running = stream.run(stop.signal);
  while (waits.length < 5) await clock.advance(10_000);
  stop.abort();
  await running;
  return waits.slice(0, 5);
}

t.test('return: a picture is what counts as up: without one a camera is left in peace sooner', async (t) => {
  const { wasUp, neverUp } = PULL_RETRY;
  t.same(await waitsOf(true), Array(5).fill(wasUp.firstMs));
  t.same(
    await waitsOf(false),
    [1, 2, 3, 4, 5].map((failures) => backoffMs(neverUp, failures, 1)),
  );
});
