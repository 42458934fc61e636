import { join } from 'node:path';
import { ConfigurationError } from '../../agent/base/errors.ts';
import { partnerId, RESERVED_IDS, type RecipientId, recipientId } from '../../agent/contract/lease-terms.ts';
import {
  type Ed25519Public,
  parseSealKey,
  parseSigningKey,
  type SealKey,
  type SigningKey,
  thumbprint,
} from '../../agent/trust/keys.ts';
import { generateSealKey, generateSigningKey } from '../../agent/trust/sign.ts';
import { requestClient } from '../certificates.ts';
import { createFolder, readText, replaceFile } from '../files.ts';
import type { BrokerIdentity } from '../link.ts';
import { type MemberGrant, type MemberRequest, readGrant, readRequest } from './documents.ts';

/** Where things lie in the folder of a partner or recipient. */
const PATHS = {
  request: 'request.json',
  grant: 'grant.json',
  key: 'keys/member.jwk',
  tlsKey: 'client/key.pem',
  certificate: 'client/crt.pem',
  authorities: 'pki/root.crt.pem',
} as const;

/** A partner, or a recipient beside the CSU: keys that nobody else holds. */
export class MemberFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes keys, and a request that goes to the CSU.
   * @throws ConfigurationError `csu-folder-unusable` when the folder holds something already
   */
  static async create(path: string, who: Pick<MemberRequest, 'kind' | 'id' | 'name'>): Promise<MemberFolder> {
    const client = await requestClient(checkedId(who));
    const key = who.kind === 'partner' ? generateSigningKey() : generateSealKey();
    const request = { ...who, key: key.publicJwk, request: client.request };
    await createFolder(path, {
      [PATHS.request]: json(request),
      [PATHS.key]: json(key.privateJwk),
      [PATHS.tlsKey]: client.key,
    });
    return new MemberFolder(path);
  }

  async request(): Promise<MemberRequest> {
    return readRequest(await this.#text(PATHS.request));
  }

  /** Key id of the member's key: to be compared by telephone. */
  async fingerprint(): Promise<string> {
    return thumbprint((await this.request()).key);
  }

  /** Takes the answer of the CSU. @throws ConfigurationError `command-line-invalid` when it is for another */
  async accept(text: string): Promise<void> {
    const grant = readGrant(text);
    const { id } = await this.request();
    if (grant.id !== id)
      throw new ConfigurationError(
        'command-line-invalid',
        `expected an answer for ${id}, came one for ${grant.id}`,
      );
    await replaceFile(this.#file(PATHS.certificate), grant.certificate);
    await replaceFile(this.#file(PATHS.authorities), grant.authorities);
    await replaceFile(this.#file(PATHS.grant), json(grant));
  }

  async grant(): Promise<MemberGrant> {
    return readGrant(await this.#text(PATHS.grant));
  }

  /** The key that signs leases. @throws ConfigurationError `key-file-unreadable` */
  async signingKey(): Promise<SigningKey> {
    return parseSigningKey(await this.#text(PATHS.key));
  }

  /** The key that opens pictures. @throws ConfigurationError `key-file-unreadable` */
  async sealKey(): Promise<SealKey> {
    return parseSealKey(await this.#text(PATHS.key));
  }

  /** The key by which a box signs. @throws ConfigurationError `command-line-invalid` when the CSU has not given it */
  async boxKey(site: string): Promise<Ed25519Public> {
    const { id, boxes } = await this.grant();
    const box = boxes.find((one) => one.site === site);
    if (box) return box.sign;
    const known = boxes.map((one) => one.site).join(', ') || 'none';
    throw new ConfigurationError(
      'command-line-invalid',
      `--site: the CSU has let ${id} in without the key of ${site} (known: ${known}): its pictures cannot be told from forged ones; expected an answer of \`recipient add … --site ${site}\``,
    );
  }

  /** The recipient that the folder is of. @throws ConfigurationError `command-line-invalid` for a partner */
  async recipient(): Promise<RecipientId> {
    const { kind, id } = await this.request();
    if (kind === 'recipient') return id;
    throw new ConfigurationError(
      'command-line-invalid',
      `${id} is a partner: its own pictures are not sent to it`,
    );
  }

  async identity(): Promise<BrokerIdentity> {
    return {
      user: (await this.request()).id,
      authorities: this.#file(PATHS.authorities),
      certificate: this.#file(PATHS.certificate),
      key: this.#file(PATHS.tlsKey),
    };
  }

  /** Whether the folder is that of a partner or recipient. */
  static async is(path: string): Promise<boolean> {
    return await readText(join(path, PATHS.request)).then(
      () => true,
      () => false,
    );
  }

  async #text(relative: string): Promise<string> {
    return await readText(this.#file(relative));
  }

  #file(relative: string): string {
    return join(this.path, relative);
  }
}

function checkedId({ kind, id }: Pick<MemberRequest, 'kind' | 'id'>): string {
  const schema = kind === 'partner' ? partnerId : recipientId;
  const free = kind === 'partner' || id !== 'csu';
  if (schema.safeParse(id).success && free) return id;
  const expected =
    kind === 'recipient'
      ? 'dipn: the CSU has its key with its own folder'
      : `small letters, digits and hyphens, but not ${RESERVED_IDS.join(', ')}`;
  throw new ConfigurationError('command-line-invalid', `--id: expected ${expected}`);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
