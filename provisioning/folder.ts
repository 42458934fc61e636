import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError, systemCode } from '../agent/base/errors.ts';
import { quoted } from '../agent/base/text.ts';
import { x25519PublicKey } from '../agent/contract/lease-terms.ts';
import type { Role } from '../agent/contract/orders.ts';
import { ed25519PublicKey } from '../agent/contract/orders.ts';
import { SITE_PATTERN } from '../agent/contract/topics.ts';
import { parseSealKey, parseSigningKey, type SealKey, type SigningKey } from '../agent/trust/keys.ts';
import { CSU_USER } from './broker.ts';
import type { Identity } from './certificates.ts';
import { readText, replaceFile } from './files.ts';
import type { BrokerIdentity } from './link.ts';
import { type MemberRequest, readRequest } from './viewing/documents.ts';

/** The keys that a CSU makes and holds. Those of communes and partners are made and kept by their owners. */
export const CSU_ROLES = [
  'authority',
  'config',
  'operate',
  'maintain',
  'receive',
  'release',
] as const satisfies Role[];
export type CsuRole = (typeof CSU_ROLES)[number];

/** Where things lie in the folder of a CSU. */
export const PATHS = {
  /** Public key that signs the keyring. */
  authority: 'authority.jwk',
  keyring: 'keyring.jws',
  rootCertificate: 'pki/root.crt.pem',
  rootKey: 'pki/root.key.pem',
  boxesCertificate: 'pki/boxes.crt.pem',
  boxesKey: 'pki/boxes.key.pem',
  clientCertificate: 'client/csu.crt.pem',
  clientKey: 'client/csu.key.pem',
  broker: 'broker',
  key: (role: CsuRole) => `keys/${role}.jwk`,
  box: (site: string) => `boxes/${site}.json`,
  /** X25519: pictures of partners' cameras are sealed to it. */
  recipientKey: 'keys/recipient.jwk',
  members: 'members',
  member: (id: string) => `members/${id}.json`,
} as const;

const boxRecord = z.strictObject({
  site: z.string().regex(SITE_PATTERN),
  enrolled: z.iso.datetime(),
  certificateNotAfter: z.iso.datetime(),
  /** X25519: credentials are sealed to it. */
  seal: x25519PublicKey,
  /** Ed25519: the box signs its register with it. */
  sign: ed25519PublicKey,
  /** Last version of configuration that was signed for the box. */
  configVersion: z.int().min(0),
});
/** What the CSU keeps of a box: public halves only. */
export type BoxRecord = z.infer<typeof boxRecord>;

/** The folder of a CSU, made by `createCsu`. */
export class CsuFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  file(relative: string): string {
    return join(this.path, relative);
  }

  /** @throws ConfigurationError `csu-folder-unusable` */
  async text(relative: string): Promise<string> {
    return await readText(this.file(relative));
  }

  /** The key of a role. @throws ConfigurationError `csu-folder-unusable`, `key-file-unreadable` */
  async key(role: CsuRole): Promise<SigningKey> {
    return parseSigningKey(await this.text(PATHS.key(role)));
  }

  /** The key that opens the pictures of a lease. @throws ConfigurationError as `key` */
  async recipientKey(): Promise<SealKey> {
    return parseSealKey(await this.text(PATHS.recipientKey));
  }

  /** The CSU as a user of the broker. */
  get identity(): BrokerIdentity {
    return {
      user: CSU_USER,
      authorities: this.file(PATHS.rootCertificate),
      certificate: this.file(PATHS.clientCertificate),
      key: this.file(PATHS.clientKey),
    };
  }

  /** The partners and recipients that were let in. */
  async members(): Promise<MemberRequest[]> {
    const names = await readdir(this.file(PATHS.members)).catch(() => []);
    const files = names.filter((name) => name.endsWith('.json')).sort();
    return await Promise.all(
      files.map(async (name) => readRequest(await this.text(join(PATHS.members, name)))),
    );
  }

  /** @throws ConfigurationError `csu-folder-unusable` when it was let in already */
  async refuseMember(id: string): Promise<void> {
    if (!(await this.members()).some((member) => member.id === id)) return;
    throw new ConfigurationError('csu-folder-unusable', `${id} was let in already: nothing is overwritten`);
  }

  async saveMember(member: MemberRequest): Promise<void> {
    await replaceFile(this.file(PATHS.member(member.id)), `${JSON.stringify(member, null, 2)}\n`);
  }

  /** The authority that signs the certificates of boxes. */
  async boxAuthority(): Promise<Identity> {
    return { certificate: await this.text(PATHS.boxesCertificate), key: await this.text(PATHS.boxesKey) };
  }

  /** @throws ConfigurationError `csu-folder-unusable` when no such box is enrolled */
  async box(site: string): Promise<BoxRecord> {
    checkSite(site);
    return await this.#json(PATHS.box(site), boxRecord);
  }

  /** @throws ConfigurationError `csu-folder-unusable` when the site is enrolled already */
  async refuseEnrolled(site: string): Promise<void> {
    const enrolled = await this.box(site).then(
      () => true,
      (thrown: unknown) => systemCode((thrown as Error).cause) !== 'ENOENT',
    );
    if (!enrolled) return;
    throw new ConfigurationError(
      'csu-folder-unusable',
      `${site} is enrolled already: nothing is overwritten`,
    );
  }

  async saveBox(box: BoxRecord): Promise<void> {
    await replaceFile(this.file(PATHS.box(box.site)), `${JSON.stringify(box, null, 2)}\n`);
  }

  async #json<T>(relative: string, schema: z.ZodType<T>): Promise<T> {
    const parsed = schema.safeParse(parseJson(await this.text(relative)));
    if (parsed.success) return parsed.data;
    throw new ConfigurationError(
      'csu-folder-unusable',
      `${this.file(relative)}: not as beffroi-csu wrote it`,
    );
  }
}

/** @throws ConfigurationError `command-line-invalid` */
export function checkSite(site: string): void {
  if (SITE_PATTERN.test(site)) return;
  throw new ConfigurationError(
    'command-line-invalid',
    `site: expected an INSEE code and a label such as 57463-mairie, came ${quoted(site)}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
