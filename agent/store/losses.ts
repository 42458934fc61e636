import { LOSS_REASONS, type LossReason } from '../contract/delivery.ts';
import { metaNumber, setMeta } from './meta.ts';
import { classIn, rankOf } from './outbox-rows.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { Loss } from './store.ts';

/** Losses that were told and are not confirmed; more are added up until some are. Source: guess. */
const MAX_TOLD = 64;

/** A line of the ledger with its number. */
export interface LossLine extends Loss {
  readonly number: number;
}

/** Enters events that are lost: in the line of their class and reason that is not told yet, and in the count of all. */
export function addLoss(sql: Sql, loss: Loss): void {
  addLine(sql, loss);
  setMeta(sql, 'dropped', metaNumber(sql, 'dropped') + loss.count);
}

function addLine(sql: Sql, { class: of, reason, firstSeq, lastSeq, count }: Loss): void {
  sql.run(
    `INSERT INTO loss (class, reason, first_seq, last_seq, count) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (class, reason) WHERE event_id IS NULL DO UPDATE SET
       first_seq = min(first_seq, excluded.first_seq),
       last_seq = max(last_seq, excluded.last_seq),
       count = count + excluded.count`,
    rankOf(of),
    reason,
    firstSeq,
    lastSeq,
    count,
  );
}

/** Lines that wait to be told, as many as may be told now. */
export function untold(sql: Sql): LossLine[] {
  const told = integerIn(
    sql.get('SELECT count(*) AS n FROM loss WHERE event_id IS NOT NULL') ?? { n: 0 },
    'n',
  );
  return sql
    .all('SELECT * FROM loss WHERE event_id IS NULL ORDER BY number LIMIT ?', Math.max(0, MAX_TOLD - told))
    .map(lineOf);
}

/** The line travels in the event of this id. */
export function markTold(sql: Sql, number: number, eventId: string): void {
  sql.run('UPDATE loss SET event_id = ? WHERE number = ?', eventId, number);
}

/** Events of these ids are confirmed: whoever keeps the books has the lines that they told. */
export function closeLosses(sql: Sql, eventIds: string): void {
  sql.run('DELETE FROM loss WHERE event_id IN (SELECT value FROM json_each(?))', eventIds);
}

/** Whether some line is told and not closed yet. */
export function anyTold(sql: Sql): boolean {
  return sql.get('SELECT 1 FROM loss WHERE event_id IS NOT NULL LIMIT 1') !== undefined;
}

/**
 * The event that told a loss was itself dropped: the line is told again.
 * @returns whether the event told one
 */
export function reopenLoss(sql: Sql, eventId: string): boolean {
  const row = sql.get('SELECT * FROM loss WHERE event_id = ?', eventId);
  if (!row) return false;
  sql.run('DELETE FROM loss WHERE event_id = ?', eventId);
  addLine(sql, lineOf(row));
  return true;
}

/** Tells the lines again whose events are gone with a part of the database. */
export function reopenOrphans(sql: Sql): void {
  const told = 'SELECT event_id FROM loss WHERE event_id IS NOT NULL';
  for (const row of sql.all(`${told} AND event_id NOT IN (SELECT id FROM outbox)`))
    reopenLoss(sql, textIn(row, 'event_id'));
}

/** Copies the lines of the ledger of one database into another; the count of all losses is copied by itself. */
export function copyLosses(from: Sql, to: Sql): void {
  if (!from.get("SELECT 1 FROM sqlite_schema WHERE name = 'loss'")) return;
  for (const row of from.iterate('SELECT * FROM loss ORDER BY number')) {
    if (row.event_id === null) addLine(to, lineOf(row));
    else copyTold(to, row);
  }
}

function copyTold(to: Sql, row: Row): void {
  const eventId = textIn(row, 'event_id');
  if (to.get('SELECT 1 FROM loss WHERE event_id = ?', eventId)) return;
  const { class: of, reason, firstSeq, lastSeq, count } = lineOf(row);
  to.run(
    'INSERT INTO loss (class, reason, first_seq, last_seq, count, event_id) VALUES (?, ?, ?, ?, ?, ?)',
    rankOf(of),
    reason,
    firstSeq,
    lastSeq,
    count,
    eventId,
  );
}

function lineOf(row: Row): LossLine {
  const reason = textIn(row, 'reason');
  return {
    number: integerIn(row, 'number'),
    class: classIn(row),
    reason: LOSS_REASONS.find((known) => known === reason) ?? ('damaged' satisfies LossReason),
    firstSeq: integerIn(row, 'first_seq'),
    lastSeq: integerIn(row, 'last_seq'),
    count: integerIn(row, 'count'),
  };
}
