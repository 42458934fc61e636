import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Credentials } from '../types.ts';

export interface StreamTarget {
  readonly camera: string;
  /** `rtsp:` or `rtsps:`; a user part is ignored. */
  readonly url: string;
  readonly credentials?: Credentials;
  /** SHA-256 of the only certificate that is taken, hexadecimal; without it any is, since cameras make their own. */
  readonly certificateSha256?: string;
}

export interface StreamNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly randomBytes: (count: number) => Buffer;
}

/** How packets come; `udp-or-tcp`: over the RTSP connection where they do not come over UDP. */
export type StreamTransport = 'tcp' | 'udp' | 'udp-or-tcp';

export interface StreamOptions {
  /** A stream over TLS stays in its connection, whatever is said here. */
  readonly transport: StreamTransport;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** No access unit for this long, and the stream is stalled; RTCP does not count. */
  readonly stallTimeoutMs: number;
}

/** Source: guesses; the configuration sets the stall time-out per camera. */
export const defaultStreamOptions: StreamOptions = {
  transport: 'tcp',
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  stallTimeoutMs: 4_000,
};

/** The promise, or a rejection with the signal's reason when it aborts first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener('abort', onAbort));
}
