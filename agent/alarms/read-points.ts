import type { Fields } from '../contract/messages.ts';
import { ROOM } from './keeping.ts';
import { parseRecord } from './record-text.ts';
import { stateOf } from './telling.ts';

/** What is on disk of a point: the fields of its retained state, but for what only the running agent knows. */
export type PointOnDisk = Omit<Fields<'alarmCurrent'>, 'armed' | 'unarmed_by' | 'window'>;

/** Small values of a room, as the store holds them. */
export type MemoryOf = (room: string) => readonly (readonly [key: string, value: string])[];

/** The points of a box whose agent may be running, by what is on disk. */
export function pointsOnDisk(memory: MemoryOf): PointOnDisk[] {
  return memory(ROOM).flatMap(([id, text]) => {
    const record = parseRecord(text);
    if (!record) return [];
    const shown = { state: record.settled, since: Math.max(0, Math.round(record.since)) };
    const { armed, ...fields } = stateOf(id, record, shown, { armed: true });
    return [fields];
  });
}
