import { readOnly } from './read-only.ts';
import { integerIn, textIn } from './sql.ts';
import type { ConfigSlot } from './store.ts';

/**
 * The last good configuration of a box whose agent may be running.
 * @returns undefined when there is none yet
 * @throws InternalError `store-damaged` when the database cannot be read
 */
export function readLastGood(folder: string): ConfigSlot | undefined {
  return readOnly(folder, (sql) => {
    const row = sql.get('SELECT version, hash, jws FROM slot');
    return row && { version: integerIn(row, 'version'), hash: textIn(row, 'hash'), jws: textIn(row, 'jws') };
  });
}
