import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigurationError, systemCode } from '../agent/base/errors.ts';
import { readAtMost } from '../agent/base/files.ts';

/** Contents by path within a folder. */
export type FileTree = Readonly<Record<string, string>>;

/**
 * Makes a folder with its files whole or not at all: 0700 and 0600, durable when this returns.
 * @throws ConfigurationError `csu-folder-unusable` when there is something already or it cannot be written
 */
export async function createFolder(folder: string, files: FileTree): Promise<void> {
  const final = resolve(folder);
  const draft = join(dirname(final), `.${basename(final)}.${randomBytes(6).toString('hex')}`);
  try {
    await refuseContents(final);
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(draft, path)), { recursive: true, mode: 0o700 });
      await writeNew(join(draft, path), content);
    }
    await rename(draft, final);
    await syncFolder(dirname(final));
  } catch (thrown) {
    await rm(draft, { recursive: true, force: true });
    throw unusable(folder, thrown);
  }
}

/** Writes a file whole or not at all: temporary file, fsync, rename, fsync of the folder. Modes 0700 and 0600. */
export async function replaceFile(file: string, content: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeNew(draft, content);
    await rename(draft, file);
    await syncFolder(dirname(file));
  } catch (thrown) {
    await rm(draft, { force: true });
    throw unusable(file, thrown);
  }
}

/** Largest file of a folder of ours. Source: guess; a keyring of a hundred keys has 30 kB. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** @throws ConfigurationError `csu-folder-unusable` */
export async function readText(file: string): Promise<string> {
  const bytes = await readAtMost(file, MAX_TEXT_BYTES).catch((thrown: unknown) => {
    throw unusable(file, thrown);
  });
  if (bytes) return bytes.toString('utf8');
  throw new ConfigurationError('csu-folder-unusable', `${file}: expected at most ${MAX_TEXT_BYTES} bytes`);
}

async function refuseContents(folder: string): Promise<void> {
  const names = await readdir(folder).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return [];
    throw thrown;
  });
  if (names.length > 0) {
    throw new ConfigurationError('csu-folder-unusable', `${folder} is not empty: nothing is overwritten`);
  }
}

async function writeNew(file: string, content: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle: FileHandle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unusable(path: string, thrown: unknown): ConfigurationError {
  if (thrown instanceof ConfigurationError) return thrown;
  return new ConfigurationError('csu-folder-unusable', `${path}: ${systemCode(thrown) ?? String(thrown)}`, {
    cause: thrown,
  });
}
