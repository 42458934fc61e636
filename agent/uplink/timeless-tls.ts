import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** What a box without a clock does not judge. */
const TIME_FAULTS = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];
/** id-kp-serverAuth. @see RFC 5280 §4.2.1.12 */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
/** Certificates between the broker and an authority of ours, at most. Source: guess; a CSU has none or one. */
const MAX_DEPTH = 4;

/**
 * Judges the certificate of a server by everything but its time of validity. TLS itself stops at the time, so what it would
 * have looked at later is looked at here: chain, signatures, name and purpose.
 * @param socket after the handshake, made with `rejectUnauthorized: false`
 * @param authorities PEM
 * @returns what is wrong; undefined when nothing is
 */
export function faultButTime(socket: TLSSocket, host: string, authorities: string): string | undefined {
  if (socket.authorized) return undefined;
  const code = String(socket.authorizationError);
  if (!TIME_FAULTS.includes(code)) return code;
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return 'the broker showed no certificate';
  if (!isNamed(leaf, host)) return `the certificate of the broker is not for ${host}`;
  if (!leaf.keyUsage?.includes(SERVER_AUTH)) return 'the certificate of the broker is not one of a server';
  return leadsTo(leaf, certificatesIn(authorities)) ? undefined : 'the certificate is of no authority of ours';
}

function isNamed(leaf: X509Certificate, host: string): boolean {
  return (isIP(host) ? leaf.checkIP(host) : leaf.checkHost(host, { subject: 'never' })) !== undefined;
}

function leadsTo(leaf: X509Certificate, anchors: readonly X509Certificate[]): boolean {
  let current: X509Certificate | undefined = leaf;
  for (let depth = 0; current && depth < MAX_DEPTH; depth += 1) {
    const below: X509Certificate = current;
    if (anchors.some((anchor) => isIssuedBy(below, anchor))) return true;
    const above: X509Certificate | undefined = below.issuerCertificate;
    current = above && isIssuedBy(below, above) ? above : undefined;
  }
  return false;
}

function isIssuedBy(below: X509Certificate, above: X509Certificate): boolean {
  return above.ca && below.checkIssued(above) && below.verify(above.publicKey);
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
