import type { KeyObject } from 'node:crypto';
import { ConfigurationError, OrderRefusedError } from '../base/errors.ts';
import { type KeyringDocument, keyringDocument, type Role } from '../contract/orders.ts';
import { issuesOf } from './issues.ts';
import { readJws, signatureHolds } from './jws.ts';
import { type Ed25519Public, publicKeyObject, thumbprint } from './keys.ts';
import { parseStrictJson } from './strict-json.ts';

/** A key of the keyring in one of its roles. */
export interface KeyringKey {
  readonly kid: string;
  readonly role: Role;
  readonly label: string;
  readonly publicKey: KeyObject;
  /** Validity in Unix seconds, both ends included; open where absent. */
  readonly notBefore: number | undefined;
  readonly notAfter: number | undefined;
}

/** Whose orders the box takes, and which. */
export class Keyring {
  /** Rises with each keyring of the authority. */
  readonly version: number;
  readonly #keys = new Map<string, KeyringKey[]>();

  constructor(version: number, keys: readonly KeyringKey[]) {
    this.version = version;
    for (const key of keys) this.#keys.set(key.kid, [...this.rolesOf(key.kid), key]);
  }

  /** Whether any key has the role. */
  has(role: Role): boolean {
    return [...this.#keys.values()].flat().some((key) => key.role === role);
  }

  /** The entries of a key id, one for each role; empty when it is unknown. */
  rolesOf(kid: string): readonly KeyringKey[] {
    return this.#keys.get(kid) ?? [];
  }
}

/** Whether the key was valid at a time, in Unix seconds. */
export function isValidAt(key: KeyringKey, atS: number): boolean {
  return (key.notBefore ?? 0) <= atS && atS <= (key.notAfter ?? Number.POSITIVE_INFINITY);
}

/**
 * Reads a keyring: a JWS of the pinned authority key alone.
 * @param minVersion highest version that the box has seen; a lower one is an old keyring that may hold a revoked key
 * @throws ConfigurationError `keyring-invalid`
 */
export function readKeyring(text: string | Uint8Array, authority: Ed25519Public, minVersion = 0): Keyring {
  const document = keyringDocumentIn(authenticPayload(text, authority));
  if (document.version < minVersion) {
    throw invalid(`expected version ${minVersion} or higher, came ${document.version}`);
  }
  return new Keyring(document.version, document.keys.map(toKey));
}

function authenticPayload(text: string | Uint8Array, authority: Ed25519Public): Buffer {
  const jws = read(text);
  const kid = thumbprint(authority);
  const key = publicKeyObject(authority);
  if (jws.signatures.some((s) => s.kid === kid && signatureHolds(s, key))) return jws.payload;
  throw invalid(`expected a signature of the authority key ${kid}`);
}

function read(text: string | Uint8Array): ReturnType<typeof readJws> {
  try {
    return readJws(text);
  } catch (thrown) {
    if (thrown instanceof OrderRefusedError) throw invalid(thrown.message);
    throw thrown;
  }
}

function keyringDocumentIn(payload: Buffer): KeyringDocument {
  const parsed = keyringDocument.safeParse(json(payload));
  if (!parsed.success) throw invalid(issuesOf(parsed.error));
  const seen = new Set<string>();
  for (const { kid, role, key } of parsed.data.keys) {
    if (thumbprint(key) !== kid) throw invalid(`expected the thumbprint of its key as kid, came ${kid}`);
    if (seen.has(`${kid} ${role}`)) throw invalid(`${kid} stands twice as ${role}`);
    seen.add(`${kid} ${role}`);
  }
  return parsed.data;
}

function json(payload: Buffer): unknown {
  try {
    return parseStrictJson(payload);
  } catch (cause) {
    throw invalid(cause instanceof SyntaxError ? cause.message : 'not readable');
  }
}

function toKey({ kid, role, label, key, notBefore, notAfter }: KeyringDocument['keys'][number]): KeyringKey {
  try {
    return { kid, role, label, publicKey: publicKeyObject(key), notBefore, notAfter };
  } catch (cause) {
    throw new ConfigurationError('keyring-invalid', `keyring: key ${kid} is no Ed25519 key`, { cause });
  }
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError('keyring-invalid', `keyring: ${message}`);
}
