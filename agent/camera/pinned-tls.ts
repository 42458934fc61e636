import { isIP, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { DeviceError } from '../base/errors.ts';

/**
 * Begins TLS. A camera makes its certificate itself: without `authorities` any is taken here, which protects against
 * listening but not against somebody in between, and `checkPin` judges it after the handshake.
 * @param authorities PEM: only a certificate that they have signed, for this host, is taken
 */
export function beginTls(tcp: Socket, host: string, authorities?: Buffer): TLSSocket {
  const name = isIP(host) ? {} : { servername: host };
  const trust = authorities
    ? { ca: authorities, rejectUnauthorized: true, host }
    : { rejectUnauthorized: false };
  // Old cameras speak TLS 1.2 at best.
  return connect({ socket: tcp, minVersion: 'TLSv1.2', ...name, ...trust });
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
