import { ConfigurationError } from '../agent/base/errors.ts';
import { boxFileSchema } from '../agent/config/box-file-schema.ts';
import { describeIssues } from '../agent/config/issues.ts';
import type { Ed25519Public, X25519Public } from '../agent/trust/keys.ts';
import { type GeneratedKey, generateSealKey, generateSigningKey } from '../agent/trust/sign.ts';
import { createClient, type Identity, notAfterMs } from './certificates.ts';
import { createFolder, type FileTree } from './files.ts';
import { type BoxRecord, type CsuFolder, checkSite, PATHS } from './folder.ts';

export interface BoxOptions {
  readonly site: string;
  /** `mqtts://host[:port]`; `mqtt://` to a loopback address with `plainLoopback`. */
  readonly brokers: readonly string[];
  /** On the back-up path. */
  readonly backupBrokers?: readonly string[];
  readonly plainLoopback?: boolean;
  /** As in the box file; relative to the enrolment folder. */
  readonly stateFolder?: string;
  readonly runtimeFolder?: string;
  readonly clock?: 'chrony' | 'timesyncd' | 'host';
}

/** Where `systemd/beffroi.service` puts them. */
const STATE_FOLDER = '/var/lib/beffroi';
const RUNTIME_FOLDER = '/run/beffroi';

/** The names of the files in an enrolment folder, as the box file gives them. */
const TLS = { authorities: 'authorities.pem', certificate: 'box.crt.pem', key: 'box.key.pem' };
const TRUST = {
  authority: 'authority.jwk',
  keyring: 'keyring.jws',
  sealKey: 'seal.jwk',
  signKey: 'sign.jwk',
};

/**
 * Enrols a box: makes its certificate and keys and writes the folder that goes to `/etc/beffroi` on the box.
 * The CSU keeps the public halves only.
 * @throws ConfigurationError `csu-folder-unusable` when the box is enrolled already or `out` holds something,
 *   `box-file-invalid` for wrong options
 */
export async function addBox(
  csu: CsuFolder,
  options: BoxOptions,
  out: string,
  nowMs = Date.now(),
): Promise<BoxRecord> {
  checkSite(options.site);
  const boxFile = checkedBoxFile(options);
  await csu.refuseEnrolled(options.site);
  const certificate = await createClient(await csu.boxAuthority(), options.site, nowMs);
  const seal = generateSealKey();
  const sign = generateSigningKey();
  const record = boxRecord(options.site, certificate, seal, sign, nowMs);
  await createFolder(out, {
    'box.json': json(boxFile),
    ...(await tlsFiles(csu, certificate)),
    [TRUST.authority]: await csu.text(PATHS.authority),
    [TRUST.keyring]: await csu.text(PATHS.keyring),
    [TRUST.sealKey]: json(seal.privateJwk),
    [TRUST.signKey]: json(sign.privateJwk),
  });
  await csu.saveBox(record);
  return record;
}

async function tlsFiles(csu: CsuFolder, certificate: Identity): Promise<FileTree> {
  const authority = await csu.boxAuthority();
  return {
    [TLS.authorities]: await csu.text(PATHS.rootCertificate),
    [TLS.certificate]: certificate.certificate + authority.certificate,
    [TLS.key]: certificate.key,
  };
}

function checkedBoxFile(options: BoxOptions): unknown {
  const box = {
    site: options.site,
    brokers: options.brokers,
    ...(options.backupBrokers?.length ? { backupBrokers: options.backupBrokers } : {}),
    ...(options.plainLoopback ? { plainLoopback: true } : {}),
    tls: TLS,
    trust: TRUST,
    stateFolder: options.stateFolder ?? STATE_FOLDER,
    runtimeFolder: options.runtimeFolder ?? RUNTIME_FOLDER,
    clock: options.clock ?? 'chrony',
  };
  const parsed = boxFileSchema.safeParse(box);
  if (parsed.success) return box;
  throw new ConfigurationError('box-file-invalid', `box file: ${describeIssues(parsed.error).join('; ')}`);
}

function boxRecord(
  site: string,
  { certificate }: Identity,
  seal: GeneratedKey<X25519Public>,
  sign: GeneratedKey<Ed25519Public>,
  nowMs: number,
): BoxRecord {
  return {
    site,
    enrolled: new Date(nowMs).toISOString(),
    certificateNotAfter: new Date(notAfterMs(certificate)).toISOString(),
    seal: seal.publicJwk,
    sign: sign.publicJwk,
    configVersion: 0,
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
