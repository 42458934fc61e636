import { setImmediate } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/**
 * Runs `work` for at most `ms`. Its signal aborts then, with the error that `late` makes, or when `signal` aborts;
 * the result settles at that moment also when `work` ignores its signal. A process that stood still meets its timers before
 * what has come meanwhile: that is read first.
 * @throws what `work` throws, the error of `late`, or the reason of `signal`
 */
export async function limited<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  late: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const timer = new AbortController();
  const limit = new AbortController();
  void clock
    .sleep(ms, timer.signal)
    .then(() => setImmediate(undefined, { signal: timer.signal }))
    .then(
      () => limit.abort(late()),
      () => undefined,
    );
  try {
    const inner = AbortSignal.any([signal, limit.signal]);
    return await orAborted(work(inner), inner);
  } finally {
    timer.abort();
  }
}

/** Settles as `promise`, or rejects with the reason of `signal` when that aborts first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
