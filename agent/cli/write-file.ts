import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { ConfigurationError, systemCode } from '../base/errors.ts';

/**
 * Writes a report under a name of its own until it is whole: others may write the same one, and where it stood no link is
 * followed.
 * @throws ConfigurationError `report-unwritable`
 */
export async function writeWhole(file: string, text: string): Promise<string> {
  const fresh = `${file}.${randomUUID()}.new`;
  try {
    await writeFile(fresh, text, { mode: 0o640, flag: 'wx' });
    await rename(fresh, file);
    return file;
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw new ConfigurationError('report-unwritable', `${file}: ${systemCode(cause) ?? 'not writable'}`, {
      cause,
    });
  }
}
