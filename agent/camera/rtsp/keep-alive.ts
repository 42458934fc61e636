import type { Clock } from '../../base/clock.ts';
import { BeffroiError, DeviceError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RtspClient } from './client.ts';
import type { Field } from './connection.ts';
import type { SessionField } from './fields.ts';

export interface KeepAliveNeeds {
  readonly camera: string;
  readonly client: RtspClient;
  readonly clock: Clock;
  readonly log: Log;
  /** What the camera offers. */
  readonly methods: ReadonlySet<string>;
  readonly url: string;
  readonly session: SessionField | undefined;
}

/** Share of the session's time-out after which the camera hears of us, and bounds. Source: guesses. */
const SHARE = 0.5;
const MIN_INTERVAL_MS = 500;
const MAX_INTERVAL_MS = 30_000;

/**
 * Keeps the session alive until the signal aborts. A camera that does not answer or refuses is left to its pictures:
 * while they come, the stream is good.
 * @throws DeviceError `camera-closed` when the camera no longer knows the session
 * @see RFC 2326 §10.8, §12.37
 */
export async function keepAlive(needs: KeepAliveNeeds, signal: AbortSignal): Promise<void> {
  const timeoutMs = needs.session?.timeoutMs ?? MAX_INTERVAL_MS / SHARE;
  const intervalMs = Math.min(Math.max(timeoutMs * SHARE, MIN_INTERVAL_MS), MAX_INTERVAL_MS);
  let method = needs.methods.has('GET_PARAMETER') ? 'GET_PARAMETER' : 'OPTIONS';
  for (let waitMs = intervalMs; ; ) {
    await needs.clock.sleep(waitMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const beganMs = needs.clock.monotonicMs();
    const status = await beat(needs, method, intervalMs);
    waitMs = Math.max(0, intervalMs - (needs.clock.monotonicMs() - beganMs));
    if (status === 454) {
      throw new DeviceError('camera-closed', `${needs.camera}: the camera no longer knows the session`);
    }
    if (status === 405 || status === 501) method = 'OPTIONS';
  }
}

/**
 * One sign of life. An answer is not waited for longer than until the next one: the session ends without it.
 * @returns the status, undefined when there was no usable answer
 */
async function beat(needs: KeepAliveNeeds, method: string, timeoutMs: number): Promise<number | undefined> {
  try {
    const fields = sessionFields(needs.session);
    const reply = await needs.client.request(method, needs.url, fields, { timeoutMs });
    return reply.status;
  } catch (err) {
    needs.log.debug({ err, camera: needs.camera, method }, 'keep-alive was not answered');
    if (err instanceof BeffroiError && err.code === 'camera-login-refused') needs.client.forgetLogin();
    return undefined;
  }
}

export function sessionFields(session: SessionField | undefined): Field[] {
  return session ? [['Session', session.id]] : [];
}
