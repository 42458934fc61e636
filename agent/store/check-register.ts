import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InternalError } from '../base/errors.ts';
import { faultWords } from './faults.ts';
import { DATABASE_NAME } from './open-store.ts';
import { type RegisterVerdict, verifyRegister } from './register-chain.ts';
import { everyLine } from './register-lines.ts';
import { Sql } from './sql.ts';

/**
 * Checks the register of a box whose agent may be running: reads only, changes nothing.
 * @param publicKey Ed25519 key of the box
 * @returns undefined when there is no database yet
 * @throws InternalError `store-damaged` when the database cannot be read
 */
export function checkRegister(folder: string, publicKey: KeyObject): RegisterVerdict | undefined {
  const file = join(folder, DATABASE_NAME);
  if (!existsSync(file)) return undefined;
  let sql: Sql | undefined;
  try {
    sql = new Sql(file, { readOnly: true });
    return verifyRegister(everyLine(sql), publicKey);
  } catch (cause) {
    throw new InternalError('store-damaged', `${file}: ${faultWords(cause)}`, { cause });
  } finally {
    sql?.close();
  }
}
