import { InternalError } from '../base/errors.ts';
import { integerIn, type Sql, textIn } from './sql.ts';

/**
 * Single values of the database itself. `base` values say where a register goes on that began in another file; `cut` is
 * the last line that made room; `dropped` counts the events that were lost, `overflow` those for want of room since the
 * outbox was last well below its bound; `ran_ms` is how long the box has run, `confirm` what an event leaves the outbox on;
 * up to `known_ms` of the wall clock the open spans of the timeline are known to last.
 */
export type MetaKey =
  | 'identity'
  | 'origin'
  | 'joined'
  | 'boot'
  | 'highest_version'
  | 'base_length'
  | 'base_hash'
  | 'cut'
  | 'dropped'
  | 'overflow'
  | 'ran_ms'
  | 'known_ms'
  | 'confirm';

export function metaText(sql: Sql, key: MetaKey): string | undefined {
  const row = sql.get('SELECT value FROM meta WHERE key = ?', key);
  return row && textIn(row, 'value');
}

/** @throws InternalError `store-damaged` when the value is no whole number */
export function metaNumber(sql: Sql, key: MetaKey): number {
  const text = metaText(sql, key) ?? '0';
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InternalError(
    'store-damaged',
    `expected a whole number as ${key}, came ${text.length} characters`,
  );
}

export function setMeta(sql: Sql, key: MetaKey, value: string | number): void {
  sql.run(
    'INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    key,
    String(value),
  );
}

/** Raises a number; a lower one changes nothing. */
export function raiseMeta(sql: Sql, key: MetaKey, value: number): void {
  if (value > metaNumber(sql, key)) setMeta(sql, key, value);
}

/** The highest number that an event ever had, also when none is left. */
export function lastSeq(sql: Sql): number {
  const row = sql.get("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'");
  return row ? integerIn(row, 'seq') : 0;
}

/** Events from now on have higher numbers than this. */
export function raiseLastSeq(sql: Sql, seq: number): void {
  if (seq <= lastSeq(sql)) return;
  sql.run("DELETE FROM sqlite_sequence WHERE name = 'outbox'");
  sql.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', ?)", seq);
}
