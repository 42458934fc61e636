import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { type BeffroiError, DeviceError, PeerProtocolError, systemCode } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import { beginTls, checkPin } from '../pinned-tls.ts';
import type { Address } from './control-url.ts';

export interface SocketNeeds {
  readonly camera: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Where the connection goes, whatever the name of the host leads to by now; absent: wherever it leads. */
  readonly addresses?: readonly string[];
  /** SHA-256 of the only certificate that is taken, hexadecimal, for `rtsps`. */
  readonly certificateSha256?: string;
  /** PEM: for `rtsps`, only a certificate that they have signed is taken. */
  readonly authorities?: Buffer;
}

/**
 * What every plain connection reads into, one after the other: a buffer for each read would be most of the memory of
 * the video process.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * A connection to a camera, TLS for `rtsps`; with a pin, only to the camera with that certificate.
 *
 * The bytes of a `data` event may be overwritten when its listeners have returned: they copy what they keep.
 * @throws DeviceError `camera-port-closed`, `camera-unreachable`, `camera-silent` (TLS not answered),
 * `camera-certificate`; PeerProtocolError `camera-protocol` when TLS fails
 */
export async function openSocket(address: Address, needs: SocketNeeds, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const tcp = dial(address, needs.addresses);
  ignoreErrors(tcp);
  try {
    await opened(tcp, 'connect', (cause) => connectError(address, needs, cause), needs, signal);
    if (!address.encrypted) return tcp;
    return await secured(tcp, address.host, needs, signal);
  } catch (thrown) {
    tcp.destroy();
    throw thrown;
  }
}

/** Answers with the addresses that were judged, and asks nobody. A host that is an address is not looked up at all. */
function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (host, { all }, callback) => {
    const [first] = found;
    const nowhere = () =>
      new DeviceError('camera-unreachable', `${quoted(host)} led nowhere when it was judged`);
    if (!first) callback(nowhere(), '', 0);
    else if (all) callback(null, found);
    else callback(null, first.address, first.family);
  };
}

/** Over TLS the bytes come in buffers of their own. */
function dial({ host, port, encrypted }: Address, addresses?: readonly string[]): Socket {
  const callback = (bytes: number): boolean => {
    socket.emit('data', READ_BUFFER.subarray(0, bytes));
    return true;
  };
  const reading = encrypted ? {} : { onread: { buffer: READ_BUFFER, callback } };
  const socket: Socket = connectTcp({
    ...{ host, port, noDelay: true, keepAlive: true, autoSelectFamily: true },
    ...(addresses ? { lookup: pinnedLookup(addresses) } : {}),
    ...reading,
  });
  return socket;
}

async function secured(tcp: Socket, host: string, needs: SocketNeeds, signal: AbortSignal): Promise<Socket> {
  const tls = beginTls(tcp, host, needs.authorities);
  ignoreErrors(tls);
  await opened(tls, 'secureConnect', (cause) => tlsError(needs, cause), needs, signal);
  checkPin(tls, needs.certificateSha256, needs.camera);
  return tls;
}

/** Whoever uses the socket listens too; an error that comes while nobody does must not end the process. */
function ignoreErrors(socket: Socket): void {
  socket.on('error', () => undefined);
}

/** Waits for `event`; on an error, a close, the time-out (`cause` undefined) or an abort it rejects. */
function opened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  describe: (cause: unknown) => BeffroiError,
  needs: SocketNeeds,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = new AbortController();
    const end = (settle: () => void) => () => {
      timer.abort();
      socket.off('error', onError).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      settle();
    };
    const fail = (cause: unknown) => end(() => reject(describe(cause)))();
    const onError = (cause: Error) => fail(cause);
    const onClose = () => fail('closed');
    const onAbort = end(() => reject(signal.reason));
    socket.once(event, end(resolve)).on('error', onError).on('close', onClose);
    signal.addEventListener('abort', onAbort);
    needs.clock.sleep(needs.timeoutMs, timer.signal).then(
      () => fail(undefined),
      () => undefined,
    );
  });
}

function connectError(
  { host, port }: Address,
  { camera, timeoutMs }: SocketNeeds,
  cause: unknown,
): BeffroiError {
  const where = quoted(`${host}:${port}`);
  if (systemCode(cause) === 'ECONNREFUSED') {
    return new DeviceError('camera-port-closed', `${camera}: ${where} refuses the connection`, { cause });
  }
  const why =
    cause === undefined ? `no answer within ${timeoutMs} ms` : (systemCode(cause) ?? 'connection failed');
  return new DeviceError('camera-unreachable', `${camera}: ${where}: ${why}`, { cause });
}

const CERTIFICATE_CODES = /^(ERR_TLS_CERT|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|INVALID_PURPOSE)/;

function tlsError({ camera, timeoutMs }: SocketNeeds, cause: unknown): BeffroiError {
  if (cause === undefined) {
    return new DeviceError(
      'camera-silent',
      `${camera}: expected a TLS handshake within ${timeoutMs} ms, none came`,
    );
  }
  const why = systemCode(cause) ?? 'closed';
  if (CERTIFICATE_CODES.test(why)) {
    return new DeviceError('camera-certificate', `${camera}: the certificate is not to be trusted: ${why}`, {
      cause,
    });
  }
  return new PeerProtocolError('camera-protocol', `${camera}: expected TLS, the handshake failed: ${why}`, {
    cause,
  });
}
