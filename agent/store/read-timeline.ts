import { readOnly } from './read-only.ts';
import { textIn } from './sql.ts';
import type { SubjectTimeline, TimelineOutline } from './store.ts';
import { readOutline, readSubject } from './timeline-rows.ts';

/** What a report is made of; all of one moment. */
export interface TimelineOnDisk {
  readonly outline: TimelineOutline;
  readonly of: (subject: string) => SubjectTimeline;
  /** Small values of a room. */
  readonly memory: (room: string) => [key: string, value: string][];
}

/**
 * Reads a stretch of the timeline of a box whose agent may be running; empty where there is no database yet.
 * @throws InternalError `store-damaged` when the database cannot be read
 */
export function readTimelineOf(folder: string, fromMs: number, untilMs: number): TimelineOnDisk {
  const values: [room: string, key: string, value: string][] = [];
  const subjects = new Map<string, SubjectTimeline>();
  const outline = readOnly(folder, (sql) => {
    sql.exec('BEGIN');
    if (!sql.get("SELECT 1 FROM sqlite_schema WHERE name = 'span'")) return undefined;
    for (const row of sql.all("SELECT * FROM memory WHERE room LIKE 'report-%' ORDER BY room, key"))
      values.push([textIn(row, 'room'), textIn(row, 'key'), textIn(row, 'value')]);
    const read = readOutline(sql, fromMs, untilMs);
    for (const subject of read.subjects) subjects.set(subject, readSubject(sql, subject, fromMs, untilMs));
    return read;
  });
  return {
    outline: outline ?? { subjects: [], planned: [], knownMs: 0 },
    of: (subject) => subjects.get(subject) ?? { own: [], planned: [], figures: [] },
    memory: (room) => values.flatMap(([of, key, value]) => (of === room ? [[key, value]] : [])),
  };
}
