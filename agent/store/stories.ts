import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { NewEvent } from './store.ts';

/** Events that are kept of one point; an alarm is a handful. With 1,024 points below 40 MB. Source: guess. */
export const STORY_MAX = 40;

/** What became of an event: `waits` in the outbox, or why it is no longer there. */
export const FATES = ['waits', 'receipt', 'broker', 'lost'] as const;
export type Fate = (typeof FATES)[number];

const TRIM = `DELETE FROM story WHERE of = ?1 AND number <=
  (SELECT number FROM story WHERE of = ?1 ORDER BY number DESC LIMIT 1 OFFSET ${STORY_MAX})`;
const COLUMNS = 'of, id, payload, fate, fate_ms';

/** Keeps an event in the story of what it is about, and forgets the oldest of it. */
export function tellStory(sql: Sql, { story, id, payload }: NewEvent): void {
  if (story === undefined) return;
  sql.run(`INSERT INTO story (${COLUMNS}) VALUES (?, ?, ?, 'waits', 0)`, story, id, payload);
  sql.run(TRIM, story);
}

/** Notes what became of events. @param ids a query of one column, or `json_each`, with its values behind */
export function endStory(
  sql: Sql,
  fate: Exclude<Fate, 'waits'>,
  wallMs: number,
  { ids, values }: { readonly ids: string; readonly values: readonly string[] },
): void {
  sql.run(`UPDATE story SET fate = ?, fate_ms = ? WHERE id IN (${ids})`, fate, Math.round(wallMs), ...values);
}

/** Events that are gone with a part of the database. */
export function loseOrphans(sql: Sql, wallMs: number): void {
  const gone = "SELECT id FROM story WHERE fate = 'waits' AND id NOT IN (SELECT id FROM outbox)";
  endStory(sql, 'lost', wallMs, { ids: gone, values: [] });
}

/** Copies every story of one database into another; what is there already takes its fate from the copy. */
export function copyStories(from: Sql, to: Sql): void {
  if (!from.get("SELECT 1 FROM sqlite_schema WHERE name = 'story'")) return;
  for (const row of from.iterate('SELECT * FROM story ORDER BY number')) copyLine(row, to);
}

function copyLine(row: Row, to: Sql): void {
  const of = textIn(row, 'of');
  to.run(
    `INSERT INTO story (${COLUMNS}) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET fate = excluded.fate, fate_ms = excluded.fate_ms`,
    of,
    ...['id', 'payload', 'fate'].map((column) => textIn(row, column)),
    integerIn(row, 'fate_ms'),
  );
  to.run(TRIM, of);
}
