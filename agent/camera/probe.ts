import { connect } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { deadline } from '../base/deadline.ts';
import { systemCode } from '../base/errors.ts';

/** How long a camera has to answer a connection attempt. Source: guess, three retransmissions of a SYN. */
const PROBE_TIMEOUT_MS = 3_000;

export interface Probe {
  /** `closed`: something answers at the address but refuses the port. `unnamed`: the host name leads nowhere. */
  readonly result: 'open' | 'closed' | 'unreachable' | 'unnamed';
  /** Time until the answer, or until the end of the wait. */
  readonly roundTripMs: number;
}

/**
 * Opens a TCP connection and closes it at once, without sending a byte.
 * It takes no permit: it is over before a camera counts it.
 * @throws the reason of `signal` when it aborts
 */
export async function probe(
  target: { readonly host: string; readonly port: number },
  clock: Clock,
  signal: AbortSignal,
  timeoutMs: number = PROBE_TIMEOUT_MS,
): Promise<Probe> {
  signal.throwIfAborted();
  const startMs = clock.monotonicMs();
  const result = await attempt(target, deadline(timeoutMs, signal));
  signal.throwIfAborted();
  return { result, roundTripMs: clock.monotonicMs() - startMs };
}

function attempt(
  target: { readonly host: string; readonly port: number },
  until: AbortSignal,
): Promise<Probe['result']> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port });
    const end = (result: Probe['result']) => {
      until.removeEventListener('abort', late);
      socket.destroy();
      resolve(result);
    };
    const late = () => end('unreachable');
    socket.on('connect', () => end('open'));
    socket.on('error', (error) => end(resultOf(systemCode(error))));
    until.addEventListener('abort', late);
  });
}

function resultOf(code: string | undefined): Probe['result'] {
  if (code === 'ECONNREFUSED') return 'closed';
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' ? 'unnamed' : 'unreachable';
}
