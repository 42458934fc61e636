import { generateKeyPairSync, sign } from 'node:crypto';
import type { JwsGeneral } from '../contract/orders.ts';
import {
  type Ed25519Public,
  type PrivateJwk,
  type SigningKey,
  thumbprint,
  type X25519Public,
} from './keys.ts';

export interface GeneratedKey<P> {
  readonly kid: string;
  readonly publicJwk: P;
  readonly privateJwk: PrivateJwk<P>;
}

/** A new key that signs. */
export function generateSigningKey(): GeneratedKey<Ed25519Public> {
  const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const publicJwk: Ed25519Public = { kty: 'OKP', crv: 'Ed25519', x };
  return { kid: thumbprint(publicJwk), publicJwk, privateJwk: { ...publicJwk, d } };
}

/** A new key that opens sealed credentials. */
export function generateSealKey(): GeneratedKey<X25519Public> {
  const { x = '', d = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  const publicJwk: X25519Public = { kty: 'OKP', crv: 'X25519', x };
  return { kid: thumbprint(publicJwk), publicJwk, privateJwk: { ...publicJwk, d } };
}

/**
 * Signs an order, or a keyring, once with each key: a JWS in the General JSON form.
 * @see RFC 7515 §7.2.1, RFC 8037 §3.1
 */
export function signOrder(payload: object, keys: readonly SigningKey[]): string {
  const body = Buffer.from(JSON.stringify(payload), 'utf8').toString('base64url');
  const jws: JwsGeneral = { payload: body, signatures: keys.map((key) => signatureOf(body, key)) };
  return JSON.stringify(jws);
}

function signatureOf(body: string, key: SigningKey): JwsGeneral['signatures'][number] {
  const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: key.kid }), 'utf8').toString('base64url');
  const signature = sign(null, Buffer.from(`${header}.${body}`, 'ascii'), key.privateKey).toString(
    'base64url',
  );
  return { protected: header, signature };
}
