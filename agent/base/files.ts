import { mkdirSync, statSync } from 'node:fs';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigurationError, systemCode } from './errors.ts';

type FileCode = 'box-file-unreadable' | 'key-file-unreadable';

/**
 * Reads a file that somebody installed: a regular file, so neither a pipe nor a device that never ends.
 * @param code what is wrong when it cannot be read
 * @throws ConfigurationError `code`, with the path and why
 */
export async function readInstalled(file: string, maxBytes: number, code: FileCode): Promise<Buffer> {
  const wrong = (why: string, options?: ErrorOptions) =>
    new ConfigurationError(code, `${file}: ${why}`, options);
  // Opening a pipe would wait for somebody who writes.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw wrong(systemCode(cause) ?? 'unreadable', { cause });
  });
  try {
    if (!(await handle.stat()).isFile()) throw wrong('expected a regular file');
    const bytes = await readAtMost(handle, maxBytes);
    if (bytes.length > maxBytes) throw wrong(`expected at most ${maxBytes} bytes`);
    return bytes;
  } catch (cause) {
    throw cause instanceof ConfigurationError ? cause : wrong(systemCode(cause) ?? 'unreadable', { cause });
  } finally {
    await handle.close();
  }
}

/** Largest PEM file, bytes: a whole bundle of authorities fits. Source: guess. */
const MAX_PEM_BYTES = 1024 * 1024;

/** @throws ConfigurationError `key-file-unreadable` */
export function readPem(file: string): Promise<Buffer> {
  return readInstalled(file, MAX_PEM_BYTES, 'key-file-unreadable');
}

/** One byte more than asked for, so that the caller sees that there is more. */
async function readAtMost(handle: FileHandle, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of handle.createReadStream({ end: maxBytes, autoClose: false })) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/**
 * Makes a folder and those above it that are missing. Node's own way tries for ever where the system says of a folder
 * that cannot be that it is not there, as it does below /proc.
 * @throws the error of the system
 */
export function makeFolder(folder: string, mode: number): void {
  try {
    mkdirSync(folder, { mode });
  } catch (thrown) {
    if (isFolder(folder)) return;
    if (systemCode(thrown) !== 'ENOENT' || dirname(folder) === folder) throw thrown;
    makeFolder(dirname(folder), mode);
    mkdirSync(folder, { mode });
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
