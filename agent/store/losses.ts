import { LOSS_REASONS, type LossReason } from '../contract/delivery.ts';
import { classIn, rankOf } from './outbox-rows.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { Loss } from './store.ts';

/** Losses that were told and are not confirmed; more are added up until some are. Source: guess. */
const MAX_TOLD = 64;

/** A line of the ledger with its number. */
export interface LossLine extends Loss {
  readonly number: number;
}

/** Adds to the line of this class and reason that is not told yet. */
export function addLoss(sql: Sql, { class: of, reason, firstSeq, lastSeq, count }: Loss): void {
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

/** The event is confirmed: whoever keeps the books has the line. */
export function closeLoss(sql: Sql, eventId: string): void {
  sql.run('DELETE FROM loss WHERE event_id = ?', eventId);
}

/**
 * The event that told a loss was itself dropped: the line is told again.
 * @returns whether the event told one
 */
export function reopenLoss(sql: Sql, eventId: string): boolean {
  const row = sql.get('SELECT * FROM loss WHERE event_id = ?', eventId);
  if (!row) return false;
  closeLoss(sql, eventId);
  addLoss(sql, lineOf(row));
  return true;
}

/** Copies the ledger of one database into another. */
export function copyLosses(from: Sql, to: Sql): void {
  if (!from.get("SELECT 1 FROM sqlite_schema WHERE name = 'loss'")) return;
  for (const row of from.iterate('SELECT * FROM loss ORDER BY number')) {
    if (row.event_id === null) addLoss(to, lineOf(row));
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
