import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError, systemCode } from '../base/errors.ts';
import { makeFolder } from '../base/files.ts';

/** The longest name of a socket in the folder. */
const SOCKET = 'status.sock';
/** @see unix(7): sun_path has 108 bytes with its final zero */
const MAX_SOCKET_PATH_BYTES = 107;

/**
 * Makes the folder for the sockets of the running agent where it is missing, and tries whether sockets can stand in it.
 * @throws ConfigurationError `runtime-folder-unusable`
 */
export function useRuntimeFolder(folder: string): void {
  checkSocketPath(folder);
  try {
    makeFolder(folder, 0o750);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    throw unusableFolder(folder, thrown);
  }
}

/** @throws ConfigurationError `runtime-folder-unusable` when the path of a socket would be longer than the system takes */
export function checkSocketPath(folder: string): void {
  const bytes = Buffer.byteLength(join(folder, SOCKET));
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  const why = `${folder}: the path of a socket has at most ${MAX_SOCKET_PATH_BYTES} bytes, here it would have ${bytes}`;
  throw new ConfigurationError('runtime-folder-unusable', why);
}

/** The error of the system in words of ours. */
export function unusableFolder(folder: string, thrown: unknown): ConfigurationError {
  if (thrown instanceof ConfigurationError) return thrown;
  const why = systemCode(thrown) ?? String(thrown);
  return new ConfigurationError('runtime-folder-unusable', `${folder}: ${why}`, { cause: thrown });
}
