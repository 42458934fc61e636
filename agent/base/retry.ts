import type { Clock } from './clock.ts';

/** A curve of delays between tries. All delays are capped and jittered. */
export interface Backoff {
  readonly firstMs: number;
  readonly factor: number;
  readonly capMs: number;
  /** Share of the delay that is random, 0 to 1. */
  readonly jitter: number;
}

/**
 * The delay before try number `failures` + 1.
 * @param failures failed tries in a row, from 1
 * @param random a number in [0, 1)
 */
export function backoffMs(curve: Backoff, failures: number, random: number): number {
  const exponent = Math.min(Math.max(failures - 1, 0), 64);
  const full = Math.min(curve.capMs, curve.firstMs * curve.factor ** exponent);
  return Math.round(full * (1 - curve.jitter) + full * curve.jitter * random);
}

/** What a worker that came up once and then failed, or never came up, waits by. */
export interface RetryPolicy {
  readonly neverUp: Backoff;
  readonly wasUp: Backoff;
  /** Up for this long, and the count of failures begins anew. */
  readonly stableMs: number;
}

export interface RetryNeeds {
  readonly clock: Clock;
  readonly random: () => number;
  /** Called for each failed run with the delay until the next one. */
  readonly onFailure: (error: unknown, delayMs: number, failures: number) => void;
}

/**
 * Runs `runOnce` again and again until the signal aborts.
 * `runOnce` calls `up()` when it has reached its goal; it ends by throwing or returning, and both are failures.
 */
export async function retryLoop(
  needs: RetryNeeds,
  policy: RetryPolicy,
  runOnce: (up: () => void, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let everUp = false;
  while (!signal.aborted) {
    let upAtMs: number | undefined;
    const up = () => {
      everUp = true;
      upAtMs ??= needs.clock.monotonicMs();
    };
    const error = await runOnce(up, signal).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (signal.aborted) return;
    if (upAtMs !== undefined && needs.clock.monotonicMs() - upAtMs >= policy.stableMs) failures = 0;
    failures += 1;
    const delayMs = backoffMs(everUp ? policy.wasUp : policy.neverUp, failures, needs.random());
    needs.onFailure(error, delayMs, failures);
    await needs.clock.sleep(delayMs, signal).catch(() => undefined);
  }
}
