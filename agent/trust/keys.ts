import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { ConfigurationError } from '../base/errors.ts';
import { x25519PublicKey } from '../contract/lease-terms.ts';
import { ed25519PublicKey } from '../contract/orders.ts';
import { parseStrictJson } from './strict-json.ts';

const privatePart = { d: z.base64url().length(43) };
/** Members that key tools add and that change nothing. */
const labels = {
  kid: z.string().max(64).optional(),
  alg: z.string().max(20).optional(),
  use: z.string().max(10).optional(),
};

export type Ed25519Public = z.infer<typeof ed25519PublicKey>;
export type X25519Public = z.infer<typeof x25519PublicKey>;
export type PrivateJwk<P> = P & { readonly d: string };

/** A key pair that signs orders or the register; the private key never leaves its owner. */
export interface SigningKey {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly publicJwk: Ed25519Public;
  readonly privateKey: KeyObject;
}

/** A key pair that opens sealed credentials. */
export interface SealKey {
  readonly kid: string;
  readonly publicJwk: X25519Public;
  readonly privateJwk: PrivateJwk<X25519Public>;
}

/** The key id: SHA-256 thumbprint of the public key, base64url. @see RFC 7638 §3, RFC 8037 appendix A.3 */
export function thumbprint(key: Ed25519Public | X25519Public): string {
  const canonical = JSON.stringify({ crv: key.crv, kty: key.kty, x: key.x });
  return createHash('sha256').update(canonical).digest('base64url');
}

/** The public key as a key object. */
export function publicKeyObject(jwk: Ed25519Public): KeyObject {
  return createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: 'jwk' });
}

/**
 * The pinned public key of the authority from the text of its JWK file.
 * @throws ConfigurationError `key-file-unreadable`
 */
export function parsePublicKey(text: string): Ed25519Public {
  const { kty, crv, x } = parseJwk(
    text,
    z.strictObject({ ...ed25519PublicKey.shape, ...labels }),
    'public Ed25519',
  );
  return { kty, crv, x };
}

/**
 * A signing key from the text of its JWK file.
 * @throws ConfigurationError `key-file-unreadable`; the message never shows the content
 */
export function parseSigningKey(text: string): SigningKey {
  const schema = z.strictObject({ ...ed25519PublicKey.shape, ...privatePart, ...labels });
  const { kty, crv, x, d } = parseJwk(text, schema, 'private Ed25519');
  const privateKey = privateKeyObject({ kty, crv, x, d });
  return { kid: thumbprint({ kty, crv, x }), publicJwk: { kty, crv, x }, privateKey };
}

/**
 * The key that opens sealed credentials from the text of its JWK file.
 * @throws ConfigurationError `key-file-unreadable`; the message never shows the content
 */
export function parseSealKey(text: string): SealKey {
  const schema = z.strictObject({ ...x25519PublicKey.shape, ...privatePart, ...labels });
  const { kty, crv, x, d } = parseJwk(text, schema, 'private X25519');
  privateKeyObject({ kty, crv, x, d });
  return { kid: thumbprint({ kty, crv, x }), publicJwk: { kty, crv, x }, privateJwk: { kty, crv, x, d } };
}

function parseJwk<T>(text: string, schema: z.ZodType<T>, what: string): T {
  try {
    const parsed = schema.safeParse(parseStrictJson(text));
    if (parsed.success) return parsed.data;
  } catch {
    // Said below, without the content.
  }
  throw new ConfigurationError('key-file-unreadable', `expected a JWK with a ${what} key`);
}

function privateKeyObject(jwk: PrivateJwk<Ed25519Public | X25519Public>): KeyObject {
  const key = loadPrivate(jwk);
  if (createPublicKey(key).export({ format: 'jwk' }).x !== jwk.x) {
    throw new ConfigurationError(
      'key-file-unreadable',
      'expected a JWK whose public part belongs to its private part',
    );
  }
  return key;
}

function loadPrivate(jwk: PrivateJwk<Ed25519Public | X25519Public>): KeyObject {
  try {
    return createPrivateKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    throw new ConfigurationError('key-file-unreadable', `expected a JWK with a private ${jwk.crv} key`);
  }
}
