import { metaNumber } from './meta.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { DayFigure, OpenSpan, PlannedSpan, Span, SubjectTimeline, TimelineOutline } from './store.ts';

const OPEN_COLUMNS = 'subject, track, from_ms, state, cause, side, via, noticed_ms';

/** Writes what of the span nobody has written yet: two spans of one track never hold the same moment. */
export function insertSpan(sql: Sql, span: Span): void {
  let fromMs = Math.max(span.fromMs, endBefore(sql, span));
  for (const next of begunWithin(sql, span, fromMs)) {
    put(sql, span, fromMs, next.fromMs);
    fromMs = next.untilMs;
  }
  put(sql, span, fromMs, span.untilMs);
}

function put(sql: Sql, span: Span, fromMs: number, untilMs: number): void {
  if (untilMs <= fromMs) return;
  const { subject, track, state, cause, side, via, noticedMs } = span;
  sql.run(
    'INSERT OR IGNORE INTO span VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ...[subject, track, fromMs, untilMs, state, cause, side, via],
    fromMs === span.fromMs ? noticedMs : -1,
  );
}

/** The end of what began at the same time or before. */
function endBefore(sql: Sql, { subject, track, fromMs }: Span): number {
  const row = sql.get(
    'SELECT until_ms FROM span WHERE subject = ? AND track = ? AND from_ms <= ? ORDER BY from_ms DESC LIMIT 1',
    ...[subject, track, fromMs],
  );
  return row ? integerIn(row, 'until_ms') : fromMs;
}

function begunWithin(sql: Sql, { subject, track, untilMs }: Span, fromMs: number) {
  const rows = sql.all(
    'SELECT from_ms, until_ms FROM span WHERE subject = ? AND track = ? AND from_ms >= ? AND from_ms < ? ORDER BY from_ms',
    ...[subject, track, fromMs, untilMs],
  );
  return rows.map((row) => ({ fromMs: integerIn(row, 'from_ms'), untilMs: integerIn(row, 'until_ms') }));
}

export function putOpen(
  sql: Sql,
  { subject, track, fromMs, state, cause, side, via, noticedMs }: OpenSpan,
): void {
  sql.run(
    'INSERT OR REPLACE INTO span_open VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ...[subject, track, fromMs, state, cause, side, via, noticedMs],
  );
}

export function raiseFigure(sql: Sql, { subject, day, name, value }: DayFigure): void {
  sql.run(
    'INSERT INTO figure VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)',
    ...[subject, day, name, value],
  );
}

export function putPlanned(sql: Sql, { id, subject, fromMs, untilMs, by, why }: PlannedSpan): void {
  sql.run(
    'INSERT INTO planned VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET until_ms = excluded.until_ms',
    ...[id, subject, fromMs, untilMs, by, why],
  );
}

const TOUCHES = 'from_ms < ? AND until_ms > ?';

export function readOutline(sql: Sql, fromMs: number, untilMs: number): TimelineOutline {
  return {
    subjects: readSubjects(sql),
    planned: sql
      .all(`SELECT * FROM planned WHERE ${TOUCHES} ORDER BY from_ms, id, subject`, untilMs, fromMs)
      .map(plannedIn),
    knownMs: metaNumber(sql, 'known_ms'),
  };
}

/** From one subject to the next by the key, not through all their spans. */
function readSubjects(sql: Sql): string[] {
  const rows = sql.all(
    `WITH RECURSIVE next(subject) AS (
       SELECT min(subject) FROM span
       UNION ALL
       SELECT (SELECT min(subject) FROM span WHERE subject > next.subject) FROM next WHERE subject IS NOT NULL
     )
     SELECT subject FROM next WHERE subject IS NOT NULL UNION SELECT subject FROM span_open ORDER BY subject`,
  );
  return rows.map((row) => textIn(row, 'subject'));
}

/** Reads what touches a stretch, and the fault that lasts into it; open spans end at the time up to which they are known. */
export function readSubject(sql: Sql, subject: string, fromMs: number, untilMs: number): SubjectTimeline {
  const knownMs = metaNumber(sql, 'known_ms');
  const touched = [subject, untilMs, lastWellMs(sql, subject, fromMs)];
  const ended = sql
    .all(`SELECT * FROM span WHERE subject = ? AND ${TOUCHES} ORDER BY track, from_ms`, ...touched)
    .map((row) => ({ ...openIn(row), untilMs: integerIn(row, 'until_ms') }));
  const tracks = Map.groupBy(ended, ({ track }) => track);
  const lasting = sql
    .all(`SELECT ${OPEN_COLUMNS} FROM span_open WHERE subject = ? ORDER BY track`, subject)
    .map(openIn)
    .flatMap((span) => free({ ...span, untilMs: knownMs }, tracks.get(span.track) ?? []))
    .filter((span) => span.fromMs < untilMs && span.untilMs > fromMs);
  return {
    own: [...ended, ...lasting].sort(inOrder),
    planned: sql
      .all(`SELECT * FROM planned WHERE subject = ? AND ${TOUCHES} ORDER BY from_ms, id`, ...touched)
      .map(plannedIn),
    figures: sql.all('SELECT * FROM figure WHERE subject = ? ORDER BY day, name', subject).map(figureIn),
  };
}

/** When it was last known to be anything but down before then: a fault has other causes and times of not knowing in it. */
function lastWellMs(sql: Sql, subject: string, beforeMs: number): number {
  const row = sql.get(
    `SELECT until_ms FROM span WHERE subject = ?1 AND track = 'health' AND from_ms < ?2 AND until_ms <= ?2
     AND state NOT IN ('down', 'unknown') ORDER BY from_ms DESC LIMIT 1`,
    ...[subject, beforeMs],
  );
  return row ? integerIn(row, 'until_ms') : 0;
}

/** What of the span no ended one holds: a clock that was set back may have written later ones already. */
function free(span: Span, ended: readonly Span[]): Span[] {
  const parts: Span[] = [];
  let { fromMs } = span;
  for (const other of ended) {
    if (other.untilMs <= fromMs || other.fromMs >= span.untilMs) continue;
    if (other.fromMs > fromMs) parts.push({ ...span, fromMs, untilMs: other.fromMs });
    fromMs = other.untilMs;
  }
  return fromMs < span.untilMs ? [...parts, { ...span, fromMs }] : parts;
}

function inOrder(a: Span, b: Span): number {
  if (a.track !== b.track) return a.track < b.track ? -1 : 1;
  return a.fromMs - b.fromMs;
}

/** Every span that is open, in no stretch. */
export function openSpans(sql: Sql): OpenSpan[] {
  return sql.all(`SELECT ${OPEN_COLUMNS} FROM span_open ORDER BY subject, track`).map(openIn);
}

/** What is open here goes on elsewhere. */
export function endAllOpen(sql: Sql): void {
  sql.run('DELETE FROM span_open');
}

/** Copies the timeline of one database into another; what both have stays. */
export function copyTimeline(from: Sql, to: Sql): void {
  if (!from.get("SELECT 1 FROM sqlite_schema WHERE name = 'span'")) return;
  // What comes into an empty table from one meets nothing: hundreds of thousands of them are not looked up one by one.
  const isEmpty = to.get('SELECT 1 FROM span LIMIT 1') === undefined;
  for (const row of from.iterate('SELECT * FROM span')) {
    const span = { ...openIn(row), untilMs: integerIn(row, 'until_ms') };
    if (isEmpty) put(to, span, span.fromMs, span.untilMs);
    else insertSpan(to, span);
  }
  for (const row of from.iterate('SELECT * FROM span_open')) putOpen(to, openIn(row));
  for (const row of from.iterate('SELECT * FROM figure')) raiseFigure(to, figureIn(row));
  for (const row of from.iterate('SELECT * FROM planned')) putPlanned(to, plannedIn(row));
}

function openIn(row: Row): OpenSpan {
  return {
    subject: textIn(row, 'subject'),
    track: textIn(row, 'track'),
    fromMs: integerIn(row, 'from_ms'),
    state: textIn(row, 'state'),
    cause: textIn(row, 'cause'),
    side: textIn(row, 'side'),
    via: textIn(row, 'via'),
    noticedMs: integerIn(row, 'noticed_ms'),
  };
}

function figureIn(row: Row): DayFigure {
  const [subject, day, name] = [textIn(row, 'subject'), textIn(row, 'day'), textIn(row, 'name')];
  return { subject, day, name, value: integerIn(row, 'value') };
}

function plannedIn(row: Row): PlannedSpan {
  return {
    id: textIn(row, 'id'),
    subject: textIn(row, 'subject'),
    fromMs: integerIn(row, 'from_ms'),
    untilMs: integerIn(row, 'until_ms'),
    by: textIn(row, 'by'),
    why: textIn(row, 'why'),
  };
}
