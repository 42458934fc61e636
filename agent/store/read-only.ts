import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InternalError } from '../base/errors.ts';
import { faultWords } from './faults.ts';
import { DATABASE_NAME } from './open-store.ts';
import { Sql } from './sql.ts';

/**
 * Reads the database of a box whose agent may be running, and changes nothing.
 * @returns undefined when there is no database yet
 * @throws InternalError `store-damaged` when it cannot be read
 */
export function readOnly<T>(folder: string, read: (sql: Sql) => T): T | undefined {
  const file = join(folder, DATABASE_NAME);
  if (!existsSync(file)) return undefined;
  let sql: Sql | undefined;
  try {
    sql = new Sql(file, { readOnly: true });
    return read(sql);
  } catch (cause) {
    throw new InternalError('store-damaged', `${file}: ${faultWords(cause)}`, { cause });
  } finally {
    sql?.close();
  }
}
