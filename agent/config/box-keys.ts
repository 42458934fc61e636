import { ConfigurationError } from '../base/errors.ts';
import { readInstalled } from '../base/files.ts';
import { type Keyring, readKeyring } from '../trust/keyring.ts';
import {
  parsePublicKey,
  parseSealKey,
  parseSigningKey,
  type SealKey,
  type SigningKey,
  thumbprint,
} from '../trust/keys.ts';
import type { BoxFile } from './box-file.ts';
import { seenKeyring } from './keyring-memory.ts';

/** The keys that the box file names: whom the box believes, and its own. */
export interface BoxKeys {
  readonly keyring: Keyring;
  /** Key id of the authority that signed the keyring. */
  readonly authority: string;
  readonly sealKey: SealKey;
  readonly signKey: SigningKey;
}

/** Largest key or keyring file, in bytes. Source: guess; a keyring of 200 keys is about 60 KB. */
const MAX_KEY_FILE_BYTES = 512 * 1024;

/**
 * Reads the keys and verifies the keyring, which must be as new as the newest that this box has begun with.
 * @throws ConfigurationError `key-file-unreadable` or `keyring-invalid`; the message names the file, never its content
 */
export async function readBoxKeys({
  trust,
  stateFolder,
}: Pick<BoxFile, 'trust' | 'stateFolder'>): Promise<BoxKeys> {
  return {
    ...(await readSigningKeys({ trust, stateFolder })),
    sealKey: await read(trust.sealKey, parseSealKey),
  };
}

/**
 * Reads the keys but the one that opens credentials, which the video process has no use for.
 * @throws ConfigurationError as `readBoxKeys`
 */
export async function readSigningKeys({
  trust,
  stateFolder,
}: Pick<BoxFile, 'trust' | 'stateFolder'>): Promise<Omit<BoxKeys, 'sealKey'>> {
  const publicKey = await read(trust.authority, parsePublicKey);
  const authority = thumbprint(publicKey);
  const seen = seenKeyring(stateFolder, authority);
  const keyring = await read(trust.keyring, (text) => readKeyring(text, publicKey, seen));
  return { authority, keyring, signKey: await read(trust.signKey, parseSigningKey) };
}

async function read<T>(file: string, parse: (text: string) => T): Promise<T> {
  const bytes = await readInstalled(file, MAX_KEY_FILE_BYTES, 'key-file-unreadable');
  try {
    return parse(bytes.toString('utf8'));
  } catch (thrown) {
    if (!(thrown instanceof ConfigurationError)) throw thrown;
    throw new ConfigurationError(thrown.code as 'key-file-unreadable', `${file}: ${thrown.message}`, {
      cause: thrown,
    });
  }
}
