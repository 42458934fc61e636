import type { KeyObject } from 'node:crypto';
import { readOnly } from './read-only.ts';
import { type RegisterVerdict, verifyRegister } from './register-chain.ts';
import { everyLine } from './register-lines.ts';

/**
 * Checks the register of a box whose agent may be running.
 * @param publicKey Ed25519 key of the box
 * @returns undefined when there is no database yet
 * @throws InternalError `store-damaged` when the database cannot be read
 */
export function checkRegister(folder: string, publicKey: KeyObject): RegisterVerdict | undefined {
  return readOnly(folder, (sql) => verifyRegister(everyLine(sql), publicKey));
}
