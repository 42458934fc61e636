import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { DeviceError } from '../base/errors.ts';

/**
 * Begins TLS over a connection to a camera. A camera makes its certificate itself: any is taken here, which protects
 * against listening but not against somebody in between, and `checkPin` judges it after the handshake.
 */
export function beginTls(tcp: Socket, host: string): TLSSocket {
  const name = isIP(host) ? {} : { servername: host };
  // Old cameras speak TLS 1.2 at best.
  return connect({ socket: tcp, rejectUnauthorized: false, minVersion: 'TLSv1.2', ...name });
}

/**
 * Takes only the pinned certificate; any when there is no pin.
 * @param pin SHA-256 of the certificate, 64 hexadecimal digits
 * @param where camera and address, for the message
 * @throws DeviceError `camera-certificate`
 */
export function checkPin(tls: TLSSocket, pin: string | undefined, where: string): void {
  if (pin === undefined) return;
  const shown = tls.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase();
  if (shown === pin.toLowerCase()) return;
  throw new DeviceError(
    'camera-certificate',
    `${where}: expected the certificate with SHA-256 ${pin}, came ${shown ?? 'none'}`,
  );
}
