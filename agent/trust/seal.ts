import { CompactEncrypt, compactDecrypt, importJWK } from 'jose';
import { z } from 'zod';
import { OrderRefusedError } from '../base/errors.ts';
import type { SealKey, X25519Public } from './keys.ts';
import { parseStrictJson } from './strict-json.ts';

/** Longest sealed credential, characters; the configuration's schema has the same bound. */
const MAX_SEALED_CHARS = 4096;
const ALG = 'ECDH-ES';
const ENC = 'A256GCM';

/** User and password of a camera. Never logged. */
export const cameraLogin = z.strictObject({
  user: z.string().min(1).max(256),
  password: z.string().max(256),
});
export type CameraLogin = z.infer<typeof cameraLogin>;

/** What a sealed credential is for: it opens for this camera of this box only. */
export interface SealedFor {
  readonly site: string;
  readonly camera: string;
}

/**
 * The only header that is taken. `aud` and `sub` name box and camera; the header is authenticated by the encryption, so
 * a sealed credential cannot be moved to another camera, whose owner could then read it at login.
 * @see RFC 7516 §5.1 (header as additional data), RFC 7519 §5.3 (claims as header parameters)
 */
const sealedHeader = z.strictObject({
  alg: z.literal(ALG),
  enc: z.literal(ENC),
  kid: z.string().max(64),
  epk: z.strictObject({ kty: z.literal('OKP'), crv: z.literal('X25519'), x: z.base64url().length(43) }),
  aud: z.string(),
  sub: z.string(),
});

/** Seals a login to the key of a box: compact JWE. @see RFC 8037 §3.2, RFC 7518 §4.6 */
export async function sealLogin(
  login: CameraLogin,
  bound: SealedFor,
  to: X25519Public,
  kid: string,
): Promise<string> {
  const plain = new TextEncoder().encode(JSON.stringify(cameraLogin.parse(login)));
  const key = await importJWK(to, ALG);
  return new CompactEncrypt(plain)
    .setProtectedHeader({ alg: ALG, enc: ENC, kid, aud: bound.site, sub: bound.camera })
    .encrypt(key);
}

/**
 * Opens a sealed login.
 * @throws OrderRefusedError `secret-unopenable`; the message never shows the content
 */
export async function openLogin(sealed: string, bound: SealedFor, key: SealKey): Promise<CameraLogin> {
  checkHeader(sealed, bound, key.kid);
  const plain = await decrypt(sealed, bound, key);
  const parsed = cameraLogin.safeParse(strictlyOr(plain));
  plain.fill(0);
  if (parsed.success) return parsed.data;
  throw unopenable(bound, 'expected {"user","password"} inside');
}

function checkHeader(sealed: string, bound: SealedFor, kid: string): void {
  const parts = sealed.length <= MAX_SEALED_CHARS ? sealed.split('.') : [];
  if (parts.length !== 5 || !parts.every(isCanonical)) {
    throw unopenable(bound, `expected a compact JWE of at most ${MAX_SEALED_CHARS} characters`);
  }
  const header = sealedHeader.safeParse(strictlyOr(Buffer.from(parts[0] ?? '', 'base64url')));
  if (!header.success)
    throw unopenable(bound, `expected ${ALG} with X25519 and ${ENC}, addressed by aud and sub`);
  const { aud, sub, kid: sealedTo } = header.data;
  if (aud !== bound.site || sub !== bound.camera) throw unopenable(bound, 'it was sealed for another camera');
  if (sealedTo !== kid) throw unopenable(bound, `expected it sealed to key ${kid}, it is to another`);
}

function isCanonical(part: string): boolean {
  return Buffer.from(part, 'base64url').toString('base64url') === part;
}

/** Errors of the parser are dropped: they could show what was sealed. */
function strictlyOr(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(bytes);
  } catch {
    return undefined;
  }
}

async function decrypt(sealed: string, bound: SealedFor, key: SealKey): Promise<Uint8Array> {
  try {
    const privateKey = await importJWK(key.privateJwk, ALG);
    const options = { keyManagementAlgorithms: [ALG], contentEncryptionAlgorithms: [ENC] };
    return (await compactDecrypt(sealed, privateKey, options)).plaintext;
  } catch {
    throw unopenable(bound, `it does not open with key ${key.kid} of this box`);
  }
}

function unopenable(bound: SealedFor, why: string): OrderRefusedError {
  return new OrderRefusedError('secret-unopenable', `sealed credential of ${bound.camera}: ${why}`);
}
