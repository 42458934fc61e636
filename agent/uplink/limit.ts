import type { Clock } from '../base/clock.ts';
import type { BeffroiError } from '../base/errors.ts';

/**
 * Runs `work` with a signal that aborts after `ms` with the error that `late` makes, or when `signal` aborts.
 * `work` must honour its signal.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  late: () => BeffroiError,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const timer = new AbortController();
  const limit = new AbortController();
  const sleeping = clock.sleep(ms, timer.signal).then(
    () => limit.abort(late()),
    () => undefined,
  );
  try {
    return await work(AbortSignal.any([signal, limit.signal]));
  } finally {
    timer.abort();
    await sleeping;
  }
}

/** Rejects with the signal's reason when it aborts before `promise` settles. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.reject(signal.reason);
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
