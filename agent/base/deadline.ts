/**
 * A signal that aborts when `signal` does or after `ms`; the reason after `ms` is a `TimeoutError` DOMException.
 */
export function deadline(ms: number, signal?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(Math.max(0, Math.ceil(ms)));
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}
