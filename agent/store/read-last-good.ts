import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InternalError } from '../base/errors.ts';
import { DATABASE_NAME } from './open-store.ts';
import { integerIn, Sql, textIn } from './sql.ts';
import type { ConfigSlot } from './store.ts';

/**
 * The last good configuration of a box whose agent may be running: reads only, changes nothing.
 * @returns undefined when there is none yet
 * @throws InternalError `store-damaged` when the database cannot be read
 */
export function readLastGood(folder: string): ConfigSlot | undefined {
  const file = join(folder, DATABASE_NAME);
  if (!existsSync(file)) return undefined;
  try {
    const sql = new Sql(file, { readOnly: true });
    const row = sql.get('SELECT version, hash, jws FROM slot');
    sql.close();
    return row && { version: integerIn(row, 'version'), hash: textIn(row, 'hash'), jws: textIn(row, 'jws') };
  } catch (cause) {
    throw new InternalError('store-damaged', `${file}: ${String(cause)}`, { cause });
  }
}
