import { connect as connectTcp } from 'node:net';
import { deadline } from '../base/deadline.ts';
import { beginTls } from './pinned-tls.ts';

/** What the TLS of a camera is; no byte of ours goes out beside the handshake. */
export interface TlsFacts {
  /** Such as `TLSv1.3`. */
  readonly protocol: string;
  /** SHA-256 of its certificate, hexadecimal: what a configuration pins. */
  readonly sha256: string;
  /** End of its certificate, Unix ms. */
  readonly endsMs: number;
  /** Issued by itself, as most cameras have it. */
  readonly selfIssued: boolean;
}

const TIMEOUT_MS = 4_000;

/** @returns undefined where there is no TLS at this port, or an older one than 1.2 */
export async function tlsFacts(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<TlsFacts | undefined> {
  const tcp = connectTcp({ host, port });
  const tls = beginTls(tcp, host);
  const { promise, resolve } = Promise.withResolvers<TlsFacts | undefined>();
  const late = () => resolve(undefined);
  const until = deadline(TIMEOUT_MS, signal);
  if (until.aborted) late();
  until.addEventListener('abort', late, { once: true });
  for (const socket of [tcp, tls]) socket.on('error', late).on('close', late);
  tls.once('secureConnect', () => {
    const certificate = tls.getPeerX509Certificate();
    const endsMs = Date.parse(certificate?.validTo ?? '') || 0;
    const selfIssued = certificate !== undefined && certificate.issuer === certificate.subject;
    const sha256 = certificate?.fingerprint256.replaceAll(':', '').toLowerCase() ?? '';
    resolve({ protocol: tls.getProtocol() ?? '', sha256, endsMs, selfIssued });
  });
  try {
    return await promise;
  } finally {
    until.removeEventListener('abort', late);
    tls.destroy();
    tcp.destroy();
  }
}
