import { type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { OrderRefusedError } from '../base/errors.ts';
import { MAX_DOWN_BYTES } from '../contract/envelope.ts';
import { type JwsGeneral, jwsGeneral } from '../contract/orders.ts';
import { issuesOf } from './issues.ts';
import { parseStrictJson } from './strict-json.ts';

/**
 * The only header that is taken. The algorithm is fixed; `typ` is a label. Everything else, `crit`, `b64`, `jwk`, `jku`
 * and `x5c` among it, is refused: a key never comes with the order.
 * @see RFC 8725 §3.1, RFC 9864 §2.2 (`Ed25519` as a name of EdDSA with that curve)
 */
const protectedHeader = z.strictObject({
  alg: z.enum(['EdDSA', 'Ed25519']),
  kid: z.string().regex(/^[A-Za-z0-9_-]{8,64}$/),
  typ: z.string().max(64).optional(),
});

/** A signature with its header read, not yet verified. */
export interface ReadSignature {
  readonly kid: string;
  readonly signingInput: Buffer;
  readonly signature: Buffer;
}

export interface ReadJws {
  /** The text as received. */
  readonly text: string;
  /** Not to be parsed before a signature is verified. */
  readonly payload: Buffer;
  readonly signatures: readonly ReadSignature[];
}

/**
 * Reads a JWS in the General JSON form up to, and without, its payload.
 * @throws OrderRefusedError `order-too-large`, `order-unsigned`
 * @see RFC 7515 §7.2.1
 */
export function readJws(input: string | Uint8Array): ReadJws {
  const bytes = typeof input === 'string' ? Buffer.byteLength(input) : input.byteLength;
  if (bytes > MAX_DOWN_BYTES) {
    throw new OrderRefusedError('order-too-large', `expected at most ${MAX_DOWN_BYTES} bytes, came ${bytes}`);
  }
  const jws = generalForm(input);
  const signatures = jws.signatures.map((signature) => readSignature(signature, jws.payload));
  if (new Set(signatures.map(({ kid }) => kid)).size < signatures.length) {
    throw unsigned('expected one signature of a key, came several');
  }
  return {
    text: typeof input === 'string' ? input : Buffer.from(input).toString('utf8'),
    payload: canonicalBytes(jws.payload, 'payload'),
    signatures,
  };
}

/**
 * The form has few parts however long its payload is: a text with more is refused before anything is built of it, so
 * that a flood of them costs little. Eight signatures make some 130.
 */
const MAX_MARKS = 300;
const MARKS = /["{}[\],:]/g;

function generalForm(input: string | Uint8Array): JwsGeneral {
  refuseManyParts(typeof input === 'string' ? input : Buffer.from(input).toString('latin1'));
  const parsed = jwsGeneral.safeParse(strictly(input, 'a JWS in the General JSON form'));
  if (parsed.success) return parsed.data;
  throw unsigned(`expected a JWS in the General JSON form: ${issuesOf(parsed.error)}`);
}

function refuseManyParts(text: string): void {
  let marks = 0;
  for (const _ of text.matchAll(MARKS)) {
    marks += 1;
    if (marks > MAX_MARKS) throw unsigned('expected a JWS in the General JSON form, came far more parts');
  }
}

function readSignature(entry: JwsGeneral['signatures'][number], payload: string): ReadSignature {
  const header = protectedHeader.safeParse(
    strictly(canonicalBytes(entry.protected, 'protected header'), 'a protected header'),
  );
  if (!header.success) {
    throw unsigned(`expected a protected header with alg EdDSA and kid alone: ${issuesOf(header.error)}`);
  }
  return {
    kid: header.data.kid,
    signingInput: Buffer.from(`${entry.protected}.${payload}`, 'ascii'),
    signature: canonicalBytes(entry.signature, 'signature'),
  };
}

function strictly(input: string | Uint8Array, what: string): unknown {
  try {
    return parseStrictJson(input);
  } catch (cause) {
    throw unsigned(`expected ${what}: ${cause instanceof SyntaxError ? cause.message : 'not readable'}`);
  }
}

/** One text for the same bytes: no padding, no unused bits, so that an altered order is never the same order. */
function canonicalBytes(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw unsigned(`expected canonical base64url as ${what}`);
  return bytes;
}

function unsigned(message: string): OrderRefusedError {
  return new OrderRefusedError('order-unsigned', message);
}

/** Whether the signature is good. @param key Ed25519 public key @see RFC 8032 §5.1.7 */
export function signatureHolds(signature: ReadSignature, key: KeyObject): boolean {
  return signature.signature.length === 64 && verify(null, signature.signingInput, key, signature.signature);
}
