import { createHash } from 'node:crypto';

/**
 * What the response of a digest login is made of: texts as bytes, one character for each, so that what a camera writes in
 * an encoding of its own is hashed as it came.
 */
export interface DigestInput {
  /** Name of the hash as node:crypto knows it. */
  readonly hash: 'md5' | 'sha256';
  /** True for the `-sess` algorithms. */
  readonly session: boolean;
  readonly user: string;
  readonly password: string;
  readonly realm: string;
  readonly nonce: string;
  readonly method: string;
  readonly uri: string;
  /** Present when the challenge offers `qop=auth`; absent: the legacy form of RFC 2069. */
  readonly auth?: { readonly cnonce: string; readonly nonceCount: string };
  /** Needed by the `-sess` algorithms also without qop. */
  readonly cnonce: string;
}

/**
 * The `response` value of a digest login, hexadecimal.
 * @see RFC 7616 §3.4.1, RFC 2617 §3.2.2.1, RFC 2069 §2.1.2
 */
export function digestResponse(input: DigestInput): string {
  const h = (text: string) => createHash(input.hash).update(text, 'latin1').digest('hex');
  const login = h(`${input.user}:${input.realm}:${input.password}`);
  const a1 = input.session ? h(`${login}:${input.nonce}:${input.cnonce}`) : login;
  const a2 = h(`${input.method}:${input.uri}`);
  const { auth } = input;
  const middle = auth ? `${input.nonce}:${auth.nonceCount}:${auth.cnonce}:auth` : input.nonce;
  return h(`${a1}:${middle}:${a2}`);
}
