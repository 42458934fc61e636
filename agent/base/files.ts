import { closeSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
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
    const bytes = await gatherFile(handle, maxBytes);
    if (!bytes) throw wrong(`expected at most ${maxBytes} bytes`);
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

/**
 * Reads a file to its end, also one of the kernel that does not say its length, or a pipe.
 * @returns undefined when it is longer than this
 * @throws the error of the system
 */
export async function readAtMost(file: string, maxBytes: number): Promise<Buffer | undefined> {
  const handle = await open(file, 'r');
  try {
    return await gatherFile(handle, maxBytes);
  } finally {
    await handle.close();
  }
}

/** Most that is read at once, bytes; most files are smaller. The kernel gives a page of its tables at a time. */
const CHUNK_BYTES = 64 * 1024;

/** The same at once, for small files; what is no regular file must not be waited for, and is not. */
export function readAtMostSync(file: string, maxBytes: number): Buffer | undefined {
  const handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const scratch = Buffer.alloc(Math.min(CHUNK_BYTES, maxBytes + 1));
    const chunks: Buffer[] = [];
    let left = maxBytes;
    for (let bytes = readSync(handle, scratch); bytes > 0; bytes = readSync(handle, scratch)) {
      if (bytes > left) return undefined;
      chunks.push(Buffer.from(scratch.subarray(0, bytes)));
      left -= bytes;
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(handle);
  }
}

/** Reads one byte more than this at most: then it is longer. */
function gatherFile(handle: FileHandle, maxBytes: number): Promise<Buffer | undefined> {
  return gather(handle.createReadStream({ end: maxBytes, autoClose: false }), maxBytes);
}

/** All that a stream brings. @returns undefined when it is more than this */
export async function gather(
  stream: AsyncIterable<Buffer | string>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(piece);
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
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
