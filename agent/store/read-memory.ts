import { readOnly } from './read-only.ts';
import { textIn } from './sql.ts';

/**
 * A small value of a room, of a box whose agent may be running.
 * @returns undefined when it was never set
 * @throws InternalError `store-damaged` when the database cannot be read
 */
export function readMemory(folder: string, room: string, key: string): string | undefined {
  return readOnly(folder, (sql) => {
    const row = sql.get('SELECT value FROM memory WHERE room = ? AND key = ?', room, key);
    return row && textIn(row, 'value');
  });
}
