import { connect as connectTcp, type Socket } from 'node:net';
import { DeviceError, PeerProtocolError, systemCode } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import { beginTls, checkPin } from '../pinned-tls.ts';

/** Where one HTTP service of a camera is. */
export interface HttpTarget {
  /** Name of the camera, for messages. */
  readonly camera: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** SHA-256 of the only certificate that is believed, 64 hexadecimal digits; any certificate when absent. */
  readonly certificateSha256?: string;
}

/** The camera closed the connection before the first byte of an answer. */
export class NoAnswerError extends PeerProtocolError {}

/**
 * Opens a connection; with TLS, checks the pinned certificate before a byte of ours is sent.
 * @param until ends the attempt
 * @throws DeviceError `camera-port-closed`, `camera-unreachable` (also when `until` aborts), `camera-certificate`
 * @throws PeerProtocolError `camera-protocol` when TLS fails
 */
export async function connectTo(target: HttpTarget, until: AbortSignal): Promise<Socket> {
  const tcp = connectTcp({ host: target.host, port: target.port, noDelay: true });
  try {
    await opened(tcp, 'connect', until);
  } catch (error) {
    tcp.destroy();
    throw unreachable(target, error);
  }
  return target.tls ? await secured(target, tcp, until) : tcp;
}

async function secured(target: HttpTarget, tcp: Socket, until: AbortSignal): Promise<Socket> {
  const tls = beginTls(tcp, target.host);
  try {
    await opened(tls, 'secureConnect', until);
    checkPin(tls, target.certificateSha256, place(target));
    return tls;
  } catch (error) {
    tls.destroy();
    tcp.destroy();
    if (error instanceof DeviceError) throw error;
    if (until.aborted) throw silent(target, 'TLS handshake', error);
    const why = systemCode(error) ?? 'closed';
    throw new PeerProtocolError(
      'camera-protocol',
      `${place(target)}: expected TLS, the handshake failed: ${why}`,
      { cause: error },
    );
  }
}

/** Resolves at `event`; rejects at an error, a close, or with the reason of `until`. */
function opened(socket: Socket, event: 'connect' | 'secureConnect', until: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(until.reason);
    const closed = () => reject(new PeerProtocolError('camera-protocol', 'closed during the handshake'));
    if (until.aborted) abort();
    socket.once(event, () => {
      until.removeEventListener('abort', abort);
      socket.off('close', closed);
      resolve();
    });
    socket.once('close', closed);
    socket.on('error', reject);
    until.addEventListener('abort', abort, { once: true });
  });
}

function unreachable(target: HttpTarget, cause: unknown): DeviceError | NoAnswerError {
  const code = systemCode(cause);
  if (code === 'ECONNRESET' || code === 'EPIPE') return noAnswer(target, cause);
  if (code === 'ECONNREFUSED') {
    return new DeviceError('camera-port-closed', `${place(target)}: the port refuses connections`, { cause });
  }
  const why = code ?? 'no answer in time';
  return new DeviceError('camera-unreachable', `${place(target)}: expected a connection: ${why}`, { cause });
}

/** The error of a camera that lets us wait. */
export function silent(target: HttpTarget, what: string, cause?: unknown): DeviceError {
  return new DeviceError('camera-silent', `${place(target)}: no end of the ${what} in time`, { cause });
}

/** The error of a camera that answers and comes to no end. */
export function slow(target: HttpTarget, cause: unknown): DeviceError {
  const message = `${place(target)}: expected a whole answer in time, came the begin of one`;
  return new DeviceError('camera-slow', message, { cause });
}

/** The error of a camera that hangs up. */
export function noAnswer(target: HttpTarget, cause: unknown): NoAnswerError {
  const message = `${place(target)}: expected an HTTP answer, the connection was cut before it`;
  return new NoAnswerError('camera-protocol', message, { cause });
}

/** Camera and address, for messages. */
export function place(target: HttpTarget): string {
  return `${target.camera} at ${quoted(`${target.host}:${target.port}`)}`;
}
