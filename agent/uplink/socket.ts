import { createHmac, X509Certificate } from 'node:crypto';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { BeffroiError, ConfigurationError, systemCode, UplinkError } from '../base/errors.ts';
import { readPem } from '../base/files.ts';
import { limited, orAborted } from '../base/limit.ts';
import { quoted } from '../base/text.ts';
import type { BrokerAddress } from './address.ts';
import { faultButTime } from './timeless-tls.ts';

/** Paths of PEM files, read anew for every connection so that a renewal needs no restart. */
export interface TlsFiles {
  readonly authorities: string;
  readonly certificate: string;
  readonly key: string;
}

/** Whom to believe where the box has no certificate of its own. */
export interface TlsTrust {
  /** PEM. */
  readonly trusted: string;
  /** The name in the certificate of the server, where it is not the host. */
  readonly serverName?: string | undefined;
}

interface TlsMaterial {
  readonly context: SecureContext;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly serverName?: string | undefined;
  /** PEM. */
  readonly authorities: string;
  /** Our own. */
  readonly certificate?: X509Certificate;
  readonly key?: Buffer;
}

export interface SocketOptions {
  readonly tls?: TlsFiles | TlsTrust | undefined;
  /** For TCP and for TLS each. */
  readonly timeoutMs: number;
  /** Whether the time of the box can be believed: a certificate is not judged by another one. */
  readonly clockBelieved: boolean;
}

/** An open connection to a broker. */
export interface BrokerSocket {
  readonly socket: Socket;
  /** Ends the connection with a reset: the kernel forgets what it has not sent. @see RFC 9293 §3.10.5 (ABORT) */
  readonly reset: () => void;
  /** What an error of this socket means. */
  readonly explain: (error: unknown) => BeffroiError;
  /**
   * The name with what nobody else can make of it, the same at each connection: a client that takes the id of another
   * throws it off the broker [MQTT-3.1.4-3], and the broker does not ask whose id it is. The name alone without a key.
   */
  readonly ownName: (name: string) => string;
}

/**
 * Opens TCP and, for `mqtts:`, TLS with a check of the server's name: 1.3 with a client certificate, or from 1.2 on
 * without one.
 * @throws UplinkError `broker-unreachable`, `broker-silent`, `broker-tls-refused`, `broker-protocol`;
 *   ConfigurationError `key-file-unreadable`, `certificate-expired`
 */
export async function openSocket(
  clock: Clock,
  address: BrokerAddress,
  { tls, timeoutMs, clockBelieved }: SocketOptions,
  signal: AbortSignal,
): Promise<BrokerSocket> {
  const material = address.secure ? await materialOf(address, tls) : undefined;
  const explain = (error: unknown) =>
    explainSocketError(address, error, material, clockBelieved ? clock.wallMs() : undefined);
  const unanswered = () =>
    new UplinkError('broker-unreachable', `${address.label}: no TCP connection within ${timeoutMs} ms`);
  const tcp = await limited(clock, timeoutMs, signal, unanswered, (inner) => dial(address, explain, inner));
  const reset = () => void tcp.resetAndDestroy();
  const ownName = (name: string) => (material?.key ? `${name}-${markOf(material.key, name)}` : name);
  if (!material) return { socket: tcp, reset, explain, ownName };
  const silent = () =>
    new UplinkError(
      'broker-silent',
      `${address.label}: no answer to the TLS handshake within ${timeoutMs} ms`,
    );
  const socket = await limited(clock, timeoutMs, signal, silent, (inner) =>
    secure(tcp, { address, material, explain, clockBelieved }, inner),
  );
  return { socket, reset, explain, ownName };
}

/** Says nothing of the key. */
function markOf(key: Buffer, name: string): string {
  return createHmac('sha256', key).update(`client id ${name}`).digest('hex').slice(0, 16);
}

async function dial(
  address: BrokerAddress,
  explain: BrokerSocket['explain'],
  signal: AbortSignal,
): Promise<Socket> {
  const socket = connectTcp({ host: address.host, port: address.port, noDelay: true });
  return await opened(socket, 'connect', explain, signal);
}

interface Securing {
  readonly address: BrokerAddress;
  readonly material: TlsMaterial;
  readonly explain: BrokerSocket['explain'];
  readonly clockBelieved: boolean;
}

async function secure(
  tcp: Socket,
  { address, material, explain, clockBelieved }: Securing,
  signal: AbortSignal,
): Promise<Socket> {
  const { context, minVersion, serverName = isIP(address.host) ? undefined : address.host } = material;
  const socket = connectTls({
    socket: tcp,
    host: address.host,
    ...(serverName === undefined ? {} : { servername: serverName }),
    secureContext: context,
    minVersion,
    rejectUnauthorized: clockBelieved,
  });
  await opened(socket, 'secureConnect', explain, signal);
  if (!clockBelieved) refuseButForTime(socket, address, serverName ?? address.host, material.authorities);
  return socket;
}

/** @throws UplinkError `broker-tls-refused` */
function refuseButForTime(
  socket: TLSSocket,
  { label }: BrokerAddress,
  name: string,
  authorities: string,
): void {
  const fault = faultButTime(socket, name, authorities);
  if (fault === undefined) return;
  socket.on('error', () => undefined);
  socket.destroy();
  throw new UplinkError('broker-tls-refused', `${label}: ${fault}, whatever the time is`);
}

async function opened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  explain: BrokerSocket['explain'],
  signal: AbortSignal,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once(event, resolve);
  socket.once('error', reject);
  try {
    await orAborted(promise, signal);
    return socket;
  } catch (thrown) {
    socket.on('error', () => undefined);
    socket.destroy();
    throw signal.aborted ? thrown : explain(thrown);
  }
}

async function materialOf(
  address: BrokerAddress,
  tls: TlsFiles | TlsTrust | undefined,
): Promise<TlsMaterial> {
  if (!tls || !('trusted' in tls)) return await readTlsFiles(address, tls);
  const { trusted, serverName } = tls;
  return {
    context: createSecureContext({ ca: trusted }),
    minVersion: 'TLSv1.2',
    serverName,
    authorities: trusted,
  };
}

async function readTlsFiles(address: BrokerAddress, files: TlsFiles | undefined): Promise<TlsMaterial> {
  if (!files) throw new ConfigurationError('box-file-invalid', `${address.label}: needs the three TLS files`);
  const [ca, cert, key] = await Promise.all([
    readPem(files.authorities),
    readPem(files.certificate),
    readPem(files.key),
  ]);
  try {
    const context = createSecureContext({ ca, cert, key, minVersion: 'TLSv1.3' });
    return {
      context,
      minVersion: 'TLSv1.3',
      authorities: ca.toString('latin1'),
      certificate: new X509Certificate(cert),
      key,
    };
  } catch (cause) {
    const where = `${files.authorities}, ${files.certificate}, ${files.key}`;
    throw new ConfigurationError(
      'key-file-unreadable',
      `expected PEM authorities, certificate and its key in ${where}: ${systemCode(cause) ?? 'unusable'}`,
      { cause },
    );
  }
}

const TLS_CODES =
  /^(ERR_SSL|ERR_TLS|ERR_OSSL|EPROTO|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/;
/** What came is no TLS at all. */
const NO_TLS = /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$/;
const BEFORE_TLS = 'before secure TLS connection';

/** Chooses the error by what the operator must look at. */
function explainSocketError(
  address: BrokerAddress,
  error: unknown,
  material: TlsMaterial | undefined,
  wallMs: number | undefined,
): BeffroiError {
  if (error instanceof BeffroiError) return error;
  const code = systemCode(error) ?? 'closed';
  const cause = error instanceof Error ? error : undefined;
  const options = cause ? { cause } : {};
  const said = quoted(cause?.message ?? String(error));
  if (material && NO_TLS.test(code))
    return new UplinkError(
      'broker-protocol',
      `${address.label}: expected TLS, came something else: ${code}`,
      options,
    );
  if (material && (TLS_CODES.test(code) || cause?.message.includes(BEFORE_TLS))) {
    return (
      (wallMs === undefined ? undefined : expired(material, wallMs)) ??
      new UplinkError('broker-tls-refused', `${address.label}: ${code}: ${said}`, options)
    );
  }
  if (code === 'closed' || code === 'ECONNRESET' || code === 'EPIPE') {
    return new UplinkError(
      'broker-closed',
      `${address.label}: connection closed: ${code === 'closed' ? said : code}`,
      options,
    );
  }
  return new UplinkError('broker-unreachable', `${address.label}: ${code}`, options);
}

function expired({ certificate }: TlsMaterial, wallMs: number): ConfigurationError | undefined {
  if (!certificate) return undefined;
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  if (wallMs >= from && wallMs <= to) return undefined;
  return new ConfigurationError(
    'certificate-expired',
    `TLS failed, and the certificate of the box is valid from ${certificate.validFrom} to ${certificate.validTo} only`,
  );
}
