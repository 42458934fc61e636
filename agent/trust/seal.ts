import { CompactEncrypt, compactDecrypt, importJWK } from 'jose';
import { z } from 'zod';
import { OrderRefusedError } from '../base/errors.ts';
import type { SealKey, X25519Public } from './keys.ts';
import { parseStrictJson } from './strict-json.ts';

/** Longest sealed credential, characters; the configuration's schema has the same bound. */
const MAX_SEALED_CHARS = 4096;
const ALG = 'ECDH-ES';
const ENC = 'A256GCM';

/** User and password of a camera or other device. Never logged. */
export const cameraLogin = z.strictObject({
  user: z.string().min(1).max(256),
  password: z.string().max(256),
});
export type CameraLogin = z.infer<typeof cameraLogin>;

/** The key of an account of an alarm panel, as typed into the panel. Never logged. */
const panelKey = z.strictObject({ key: z.string().min(16).max(64) });
export type PanelKey = z.infer<typeof panelKey>;
export const PANEL_KEY_FORM =
  'expected a key of 16, 24 or 32 characters, or of 32, 48 or 64 hexadecimal digits';
const PANEL_KEY_BYTES = [16, 24, 32];

/**
 * The bytes of a panel's key: AES-128, 192 or 256.
 * @param form without it 32 hexadecimal digits are taken as 16 bytes
 * @returns undefined when the text is no key
 */
export function panelKeyBytes(text: string, form?: 'hexadecimal' | 'characters'): Buffer | undefined {
  const mayBeHex = /^[0-9A-Fa-f]+$/.test(text) && PANEL_KEY_BYTES.includes(text.length / 2);
  if (form === 'hexadecimal' && !mayBeHex) return undefined;
  const isHex = mayBeHex && form !== 'characters';
  const bytes = Buffer.from(text, isHex ? 'hex' : 'latin1');
  return /^[\x20-\x7e]+$/.test(text) && PANEL_KEY_BYTES.includes(bytes.length) ? bytes : undefined;
}

/** The key of the pictures of one lease, 32 bytes. Never logged. */
const mediaKey = z.strictObject({ k: z.base64url().length(43) });
export type MediaKey = z.infer<typeof mediaKey>;

/** What a sealed credential is for: it opens for this subject of this box only. */
export interface SealedFor {
  readonly site: string;
  /**
   * A camera or a UPS, or a panel and its account: `panel-mairie/12345A`; of a media key camera, recipient and lease:
   * `cam-hall/csu/LEASE`.
   */
  readonly subject: string;
}

/**
 * The only header that is taken. `aud` and `sub` name box and subject; the header is authenticated by the encryption, so
 * a sealed credential cannot be moved to another device, whose owner could then read it at login.
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
  return await seal(cameraLogin.parse(login), bound, to, kid);
}

/** Seals the key of a panel's account to the key of a box. */
export async function sealPanelKey(
  key: PanelKey,
  bound: SealedFor,
  to: X25519Public,
  kid: string,
): Promise<string> {
  return await seal(panelKey.parse(key), bound, to, kid);
}

/** Seals the key of the pictures of a lease to their recipient. */
export async function sealMediaKey(
  key: MediaKey,
  bound: SealedFor,
  to: X25519Public,
  kid: string,
): Promise<string> {
  return await seal(mediaKey.parse(key), bound, to, kid);
}

async function seal(secret: object, bound: SealedFor, to: X25519Public, kid: string): Promise<string> {
  const plain = new TextEncoder().encode(JSON.stringify(secret));
  const key = await importJWK(to, ALG);
  return new CompactEncrypt(plain)
    .setProtectedHeader({ alg: ALG, enc: ENC, kid, aud: bound.site, sub: bound.subject })
    .encrypt(key);
}

/**
 * Opens a sealed login.
 * @throws OrderRefusedError `secret-unopenable`; the message never shows the content
 */
export async function openLogin(sealed: string, bound: SealedFor, key: SealKey): Promise<CameraLogin> {
  return await open(sealed, bound, key, cameraLogin);
}

/**
 * Opens a sealed key of a panel's account.
 * @throws OrderRefusedError `secret-unopenable`; the message never shows the content
 */
export async function openPanelKey(sealed: string, bound: SealedFor, key: SealKey): Promise<PanelKey> {
  return await open(sealed, bound, key, panelKey);
}

/**
 * Opens the key of the pictures of a lease.
 * @throws OrderRefusedError `secret-unopenable`; the message never shows the content
 */
export async function openMediaKey(sealed: string, bound: SealedFor, key: SealKey): Promise<MediaKey> {
  return await open(sealed, bound, key, mediaKey);
}

async function open<T extends object>(
  sealed: string,
  bound: SealedFor,
  key: SealKey,
  schema: z.ZodType<T> & { readonly shape: object },
): Promise<T> {
  checkHeader(sealed, bound, key.kid);
  const plain = await decrypt(sealed, bound, key);
  const parsed = schema.safeParse(strictlyOr(plain));
  plain.fill(0);
  if (parsed.success) return parsed.data;
  const fields = Object.keys(schema.shape).map((field) => JSON.stringify(field));
  throw unopenable(bound, `expected {${fields.join(',')}} inside`);
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
  if (aud !== bound.site || sub !== bound.subject)
    throw unopenable(bound, `it was sealed for another ${subjectKind(bound)}`);
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
    throw unopenable(bound, `it does not open with key ${key.kid}`);
  }
}

function unopenable(bound: SealedFor, why: string): OrderRefusedError {
  return new OrderRefusedError('secret-unopenable', `sealed credential of ${bound.subject}: ${why}`);
}

function subjectKind({ subject }: SealedFor): string {
  return subject.startsWith('panel-') ? 'panel or account' : 'device';
}
