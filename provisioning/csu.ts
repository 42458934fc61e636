import { resolve } from 'node:path';
import { ConfigurationError, InternalError } from '../agent/base/errors.ts';
import { quoted } from '../agent/base/text.ts';
import { parseSigningKey } from '../agent/trust/keys.ts';
import { generateSealKey, generateSigningKey } from '../agent/trust/sign.ts';
import { CSU_USER, MOSQUITTO_ACL, mosquittoConfiguration } from './broker.ts';
import { createBoxAuthority, createBroker, createClient, createRoot, type Identity } from './certificates.ts';
import { createFolder, type FileTree } from './files.ts';
import { CSU_ROLES, CsuFolder, PATHS } from './folder.ts';
import { signKeyring } from './sign.ts';

export interface CsuOptions {
  /** Names and addresses by which boxes reach the broker; they stand in its certificate. */
  readonly brokerHosts: readonly string[];
  readonly brokerPort?: number;
  /** Where the files of `broker/` will lie on the machine of the broker; there by default. */
  readonly brokerFolder?: string;
  /** Where the broker keeps retained messages. */
  readonly brokerDataFolder?: string;
}

const BROKER_PORT = 8883;
const MOSQUITTO_DATA = '/var/lib/mosquitto/';
const HOST = /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$|^::1$/;

/**
 * Makes the folder of a new CSU: certification authorities, certificates of the broker and of the CSU's own client,
 * signing keys per role, the signed keyring, and a configuration for Mosquitto.
 * @throws ConfigurationError `csu-folder-unusable` when the folder holds something already
 */
export async function createCsu(folder: string, options: CsuOptions, nowMs = Date.now()): Promise<CsuFolder> {
  const files = {
    ...keyFiles(nowMs),
    ...(await certificateFiles(checkHosts(options.brokerHosts), nowMs)),
    ...brokerFiles(folder, options),
  };
  await createFolder(folder, files);
  return new CsuFolder(folder);
}

function keyFiles(nowMs: number): FileTree {
  const keys = new Map(CSU_ROLES.map((role) => [role, generateSigningKey().privateJwk]));
  const signers = new Map([...keys].map(([role, jwk]) => [role, parseSigningKey(json(jwk))]));
  const authority = signers.get('authority');
  signers.delete('authority');
  if (!authority) throw new InternalError('internal', 'no authority key was made');
  return {
    ...Object.fromEntries([...keys].map(([role, key]) => [PATHS.key(role), json(key)])),
    [PATHS.recipientKey]: json(generateSealKey().privateJwk),
    [PATHS.authority]: json(authority.publicJwk),
    [PATHS.keyring]: signKeyring(signers, authority, 1, nowMs),
  };
}

async function certificateFiles(hosts: [string, ...string[]], nowMs: number): Promise<FileTree> {
  const root = await createRoot('Beffroi CSU', nowMs);
  const boxes = await createBoxAuthority(root, 'Beffroi boxes', nowMs);
  const broker = await createBroker(root, hosts, nowMs);
  const client = await createClient(root, CSU_USER, nowMs);
  return {
    ...pair(root, PATHS.rootCertificate, PATHS.rootKey),
    ...pair(boxes, PATHS.boxesCertificate, PATHS.boxesKey),
    ...pair(client, PATHS.clientCertificate, PATHS.clientKey),
    ...pair(broker, `${PATHS.broker}/broker.crt.pem`, `${PATHS.broker}/broker.key.pem`),
    [`${PATHS.broker}/clients.crt.pem`]: boxes.certificate + root.certificate,
  };
}

function pair({ certificate, key }: Identity, certificatePath: string, keyPath: string): FileTree {
  return { [certificatePath]: certificate, [keyPath]: key };
}

function brokerFiles(folder: string, options: CsuOptions): FileTree {
  const configuration = mosquittoConfiguration({
    folder: options.brokerFolder ?? resolve(folder, PATHS.broker),
    port: options.brokerPort ?? BROKER_PORT,
    dataFolder: options.brokerDataFolder ?? MOSQUITTO_DATA,
  });
  return { [`${PATHS.broker}/mosquitto.conf`]: configuration, [`${PATHS.broker}/acl`]: MOSQUITTO_ACL };
}

function checkHosts(hosts: readonly string[]): [string, ...string[]] {
  const wrong = hosts.find((host) => !HOST.test(host));
  const [first, ...others] = hosts;
  if (first !== undefined && wrong === undefined) return [first, ...others];
  throw new ConfigurationError(
    'command-line-invalid',
    `broker host: expected a host name or an IP address, came ${wrong === undefined ? 'none' : quoted(wrong)}`,
  );
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
