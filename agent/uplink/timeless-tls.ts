import { X509Certificate } from 'node:crypto';
import { checkServerIdentity, type TLSSocket } from 'node:tls';

/** What a box without a clock does not judge. */
const TIME_FAULTS = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];
/** id-kp-serverAuth. @see RFC 5280 §4.2.1.12 */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
/** Certificates between the broker and an authority of ours, at most. Source: guess; a CSU has none or one. */
const MAX_DEPTH = 4;

/**
 * Judges the certificate of a server by everything but its time of validity. TLS names one fault alone, and where that is
 * the time it may hide another: so chain, signatures, name and purpose are looked at here.
 * @param socket after the handshake, made with `rejectUnauthorized: false`
 * @param name in the certificate of the server: a host or an address
 * @param authorities PEM
 * @returns what is wrong; undefined when nothing is
 */
export function faultButTime(socket: TLSSocket, name: string, authorities: string): string | undefined {
  if (socket.authorized) return undefined;
  const code = codeOf(socket.authorizationError);
  if (!TIME_FAULTS.includes(code)) return code;
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return 'UNABLE_TO_GET_CERTIFICATE';
  if (checkServerIdentity(name, socket.getPeerCertificate())) return 'ERR_TLS_CERT_ALTNAME_INVALID';
  if (!mayServe(leaf)) return 'INVALID_PURPOSE';
  return leadsTo(leaf, certificatesIn(authorities)) ? undefined : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
}

/** Node gives the code of OpenSSL, though its types say an error. */
function codeOf(fault: unknown): string {
  return fault instanceof Error && 'code' in fault ? String(fault.code) : String(fault);
}

/** A certificate without purposes may serve for any. */
function mayServe({ keyUsage }: X509Certificate): boolean {
  return keyUsage === undefined || keyUsage.includes(SERVER_AUTH);
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
  return above.ca && mayServe(above) && below.checkIssued(above) && below.verify(above.publicKey);
}

function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}
