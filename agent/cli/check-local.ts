import { createPrivateKey, X509Certificate } from 'node:crypto';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigurationError, InternalError, systemCode } from '../base/errors.ts';
import { readPem } from '../base/files.ts';
import type { BoxFile } from '../config/box-file.ts';
import { checkSocketPath, unusableFolder } from '../config/runtime-folder.ts';
import { type Finding, failed, good, warning } from './findings.ts';
import type { Language } from './language.ts';

const DAY_MS = 24 * 3600 * 1000;
/** A certificate that ends within this is worth a warning. Source: guess, two rounds of a technician. */
const CERTIFICATE_WARNING_DAYS = 30;
/** Source: guess; the database takes at most 256 MB. */
const MIN_FREE_MB = 512;
/** With less the agent cannot keep an alarm for long. Source: guess. */
const FULL_MB = 16;
/** The security releases of October 2026. */
const FIXED_NODE: Readonly<Record<number, readonly [minor: number, patch: number]>> = {
  24: [22, 1],
  26: [12, 1],
};
/** Read or written by the group or by others. */
const FOREIGN_ACCESS = 0o077;

const WORDS = {
  fr: {
    node: 'Node',
    nodeOld: (fixed: string) => `${process.version} est antérieur à la correction de sécurité ${fixed}`,
    nodeRemedy: 'Mettre à jour le collecteur.',
    disk: 'Disque',
    free: (mb: number) => `${mb} Mo libres`,
    sockets: 'Sockets',
    usable: 'utilisable',
    diskRemedy: "Libérer de la place dans le dossier d'état.",
    certificate: 'Certificat',
    until: (date: string, days: number) => `valable jusqu'au ${date} (${days} jours)`,
    renew: 'Demander un nouveau certificat au CSU.',
    files: 'Droits des clés',
    open: (file: string) => `${file} est lisible par d'autres comptes`,
    chmod: (file: string) => `chmod 600 ${file}`,
    closed: 'réservés au compte de service',
  },
  en: {
    node: 'Node',
    nodeOld: (fixed: string) => `${process.version} is older than the security release ${fixed}`,
    nodeRemedy: 'Update the box.',
    disk: 'Disk',
    free: (mb: number) => `${mb} MB free`,
    sockets: 'Sockets',
    usable: 'usable',
    diskRemedy: 'Free space in the state folder.',
    certificate: 'Certificate',
    until: (date: string, days: number) => `valid until ${date} (${days} days)`,
    renew: 'Ask the CSU for a new certificate.',
    files: 'Rights of the keys',
    open: (file: string) => `${file} can be read by other accounts`,
    chmod: (file: string) => `chmod 600 ${file}`,
    closed: 'kept to the service account',
  },
} as const;

/** Whether this Node has the security fixes that are known. */
export function checkNode(language: Language): Finding {
  const w = WORDS[language];
  const [major = 0, minor = 0, patch = 0] = process.versions.node.split('.').map(Number);
  const fixed = FIXED_NODE[major];
  const old = fixed !== undefined && (minor < fixed[0] || (minor === fixed[0] && patch < fixed[1]));
  return old
    ? warning(w.node, w.nodeOld(`${major}.${fixed.join('.')}`), w.nodeRemedy)
    : good(w.node, process.version);
}

/** Whether the sockets of the running agent have a place. */
export async function checkRuntimeFolder(folder: string, language: Language): Promise<Finding> {
  const what = `${WORDS[language].sockets} ${folder}`;
  try {
    checkSocketPath(folder);
    const unusable = (why: string) => new ConfigurationError('runtime-folder-unusable', `${folder}: ${why}`);
    await access(await nearestFolder(folder, unusable), constants.W_OK);
    return good(what, WORDS[language].usable);
  } catch (thrown) {
    return failed(what, unusableFolder(folder, thrown), language);
  }
}

/** Whether the state folder can be written and has room. */
export async function checkDisk(folder: string, language: Language): Promise<Finding> {
  const w = WORDS[language];
  const what = `${w.disk} ${folder}`;
  try {
    const existing = await nearestFolder(folder, (why) => unavailable(folder, why));
    await access(existing, constants.W_OK);
    const { bavail, bsize } = await statfs(existing);
    const freeMb = Math.floor((bavail * bsize) / (1024 * 1024));
    if (freeMb < FULL_MB)
      throw unavailable(folder, `expected ${FULL_MB} MB free at least, came ${freeMb} MB`);
    return freeMb < MIN_FREE_MB ? warning(what, w.free(freeMb), w.diskRemedy) : good(what, w.free(freeMb));
  } catch (thrown) {
    const error =
      thrown instanceof InternalError ? thrown : unavailable(folder, systemCode(thrown) ?? String(thrown));
    return failed(what, error, language);
  }
}

/** The agent makes its folders itself where it may: then the folder above counts. */
async function nearestFolder(folder: string, wrong: (why: string) => Error): Promise<string> {
  const found = await stat(folder).catch(() => undefined);
  if (!found && dirname(folder) !== folder) return await nearestFolder(dirname(folder), wrong);
  if (found?.isDirectory()) return folder;
  throw wrong('expected a folder');
}

function unavailable(folder: string, why: string): InternalError {
  return new InternalError('store-unavailable', `${folder}: ${why}`);
}

/** Dates, name and key of the certificate of the box, and the authority that it will believe. */
export async function checkCertificate(
  files: NonNullable<BoxFile['tls']>,
  site: string,
  language: Language,
): Promise<Finding> {
  const w = WORDS[language];
  try {
    checkDates(await readWith(files.authorities, readCertificate), files.authorities);
    const certificate = await readWith(files.certificate, readCertificate);
    const key = await readWith(files.key, createPrivateKey);
    if (!certificate.checkPrivateKey(key))
      throw unusable(`${files.key} is not the key of ${files.certificate}`);
    if (!certificate.subject.split('\n').includes(`CN=${site}`))
      throw unusable(`${files.certificate} is not for ${site}`);
    checkDates(certificate, files.certificate);
    return validity(certificate, language);
  } catch (thrown) {
    return failed(w.certificate, thrown, language);
  }
}

function readCertificate(pem: Buffer): X509Certificate {
  return new X509Certificate(pem);
}

async function readWith<T>(file: string, parse: (bytes: Buffer) => T): Promise<T> {
  const bytes = await readPem(file);
  try {
    return parse(bytes);
  } catch {
    throw unusable(`${file}: expected PEM, came something else`);
  }
}

function checkDates({ validFromDate: from, validToDate: to }: X509Certificate, file: string): void {
  if (from.getTime() <= Date.now() && Date.now() <= to.getTime()) return;
  throw new ConfigurationError(
    'certificate-expired',
    `${file}: valid from ${from.toISOString()} to ${to.toISOString()}`,
  );
}

function validity({ validToDate: to }: X509Certificate, language: Language): Finding {
  const w = WORDS[language];
  const days = Math.floor((to.getTime() - Date.now()) / DAY_MS);
  const text = w.until(to.toISOString().slice(0, 10), days);
  return days < CERTIFICATE_WARNING_DAYS ? warning(w.certificate, text, w.renew) : good(w.certificate, text);
}

function unusable(message: string): ConfigurationError {
  return new ConfigurationError('key-file-unreadable', message);
}

/** Whether private keys are closed to other accounts. Files that are missing are told elsewhere. */
export async function* checkPrivateFiles(box: BoxFile, language: Language): AsyncGenerator<Finding> {
  const w = WORDS[language];
  const files = [box.trust.sealKey, box.trust.signKey, ...(box.tls ? [box.tls.key] : [])];
  const open: string[] = [];
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (found && (found.mode & FOREIGN_ACCESS) !== 0) open.push(file);
  }
  for (const file of open) yield { what: w.files, verdict: 'bad', text: w.open(file), remedy: w.chmod(file) };
  if (open.length === 0) yield good(w.files, w.closed);
}
