import { createHash, type KeyObject, verify } from 'node:crypto';
import type { RegisterLine } from './store.ts';

/** The hash before the first line. */
export const NO_HASH = '0'.repeat(64);

/** Everything of a line that its hash covers. */
export type RegisterContent = Omit<RegisterLine, 'hash' | 'signature'>;

/**
 * Hash of a line, hexadecimal: SHA-256 over the fields in this order, each as its UTF-8 bytes after their number as
 * four bytes, big-endian; numbers in decimal. The length in front makes the encoding one-to-one.
 */
export function lineHash(line: RegisterContent): string {
  const fields = [
    'beffroi-register-1',
    String(line.number),
    String(line.wallMs),
    line.clock,
    line.who,
    line.action,
    line.subject,
    line.result,
    line.detail,
    line.previous,
  ];
  const hash = createHash('sha256');
  for (const field of fields) {
    const bytes = Buffer.from(field, 'utf8');
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest('hex');
}

/** What the box signs for the head: `<length>:<hash>`. */
export function headBytes(length: number, hash: string): Buffer {
  return Buffer.from(`${length}:${hash}`, 'ascii');
}

export interface RegisterVerdict {
  /** Numbers of the first and last line seen; 0 when there was none. */
  readonly first: number;
  readonly last: number;
  /** Hash of the last good line. */
  readonly hash: string;
  /** The first bad line; undefined when all are good. */
  readonly bad: { readonly number: number; readonly reason: string } | undefined;
}

/**
 * Checks order, chain and signatures. A register that does not begin with line 1 goes on from an older database; its
 * first line is then taken as the anchor.
 * @param publicKey Ed25519 key of the box
 */
export function verifyRegister(lines: Iterable<RegisterLine>, publicKey: KeyObject): RegisterVerdict {
  let first = 0;
  let before: RegisterLine | undefined;
  for (const line of lines) {
    first ||= line.number;
    const reason = faultOfLine(line, before, publicKey);
    if (reason) {
      const bad = { number: before ? before.number + 1 : line.number, reason };
      return { first, last: before?.number ?? 0, hash: before?.hash ?? NO_HASH, bad };
    }
    before = line;
  }
  return { first, last: before?.number ?? 0, hash: before?.hash ?? NO_HASH, bad: undefined };
}

function faultOfLine(
  line: RegisterLine,
  before: RegisterLine | undefined,
  key: KeyObject,
): string | undefined {
  if (before && line.number !== before.number + 1) return `missing: line ${line.number} follows instead`;
  const previous = before?.hash ?? (line.number === 1 ? NO_HASH : line.previous);
  if (line.previous !== previous) return 'does not follow from the line before it';
  if (lineHash(line) !== line.hash) return 'its content does not give its hash';
  const signed = Buffer.from(line.hash, 'hex');
  if (!verify(null, signed, key, Buffer.from(line.signature, 'base64url')))
    return 'its signature is not of the box';
  return undefined;
}
