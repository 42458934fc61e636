import { PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import { splitUri } from './uri.ts';

/** Where a camera streams; its host is the configured one. */
export interface StreamAddress {
  /** Path and query, as the camera wrote them. */
  readonly path: string;
  readonly port: number;
  readonly tls: boolean;
}

/** @see RFC 7826 §22.1 */
const RTSP_PORT = 554;
export const RTSPS_PORT = 322;

/** @throws PeerProtocolError `camera-protocol` for anything but an RTSP address */
export function readStreamUri(text: string, camera: string): StreamAddress {
  const uri = splitUri(text);
  if (!uri || (uri.scheme !== 'rtsp' && uri.scheme !== 'rtsps')) {
    throw new PeerProtocolError(
      'camera-protocol',
      `${camera}: expected an RTSP address, came ${quoted(text)}`,
    );
  }
  const tls = uri.scheme === 'rtsps';
  return { path: uri.path, port: uri.port ?? (tls ? RTSPS_PORT : RTSP_PORT), tls };
}
