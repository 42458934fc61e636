import { type LossReason, OUTBOX_CLASSES, type OutboxClass } from '../contract/delivery.ts';
import { addLoss, reopenLoss } from './losses.ts';
import { classToDrop, type OutboxLimits, totalsOf } from './outbox-limits.ts';
import { rankOf } from './outbox-rows.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import { endStory } from './stories.ts';

/** Share of a class that makes room at a time, so that looking for what to drop is rare. Source: guess. */
const DROPPED_AT_ONCE = 1 / 64;
/** Events that are dropped for their age in one transaction. Source: guess; some ten milliseconds. */
const OLD_AT_ONCE = 2_000;

const BIGGEST_TOPIC = `SELECT topic, (SELECT events FROM outbox_total WHERE class = ?1) AS events
  FROM outbox WHERE state IN (0, 1, 2) AND class = ?1 GROUP BY topic ORDER BY sum(bytes) DESC, min(seq) LIMIT 1`;
const OLDEST_OF_TOPIC = 'SELECT seq, id FROM outbox WHERE topic = ? AND class = ? ORDER BY seq LIMIT ?';
const OLD = `SELECT seq, id FROM outbox
  WHERE state IN (0, 1, 2) AND class = ? AND put_ms < ? ORDER BY seq LIMIT ${OLD_AT_ONCE}`;

/**
 * Makes room: of the class that has to, the topic that takes most of it loses its oldest events. So an input that flaps
 * for days pushes out its own past and no alarm of another point.
 * @returns how many events were lost
 */
export function dropForSpace(sql: Sql, limits: OutboxLimits, wallMs: number): number {
  let lost = 0;
  for (;;) {
    const of = classToDrop(totalsOf(sql), limits);
    if (!of) return lost;
    const most = sql.get(BIGGEST_TOPIC, rankOf(of)) ?? {};
    const atOnce = Math.max(1, Math.floor(integerIn(most, 'events') * DROPPED_AT_ONCE));
    const rows = sql.all(OLDEST_OF_TOPIC, textIn(most, 'topic'), rankOf(of), atOnce);
    lost += drop(sql, of, rows, { reason: 'space', wallMs });
  }
}

/** Drops what has waited for longer than its class allows. */
export function dropForAge(
  sql: Sql,
  limits: OutboxLimits,
  { nowMs, wallMs }: { readonly nowMs: number; readonly wallMs: number },
): void {
  for (const of of OUTBOX_CLASSES) {
    const ageMs = limits.classes?.[of]?.ageMs;
    if (ageMs !== undefined)
      drop(sql, of, sql.all(OLD, rankOf(of), nowMs - ageMs), { reason: 'age', wallMs });
  }
}

/**
 * Removes events that go unconfirmed and enters them in the ledger; one that told of losses hands them back to it.
 * @param rows `seq` and `id` of events of one class
 * @returns how many were lost
 */
export function drop(
  sql: Sql,
  of: OutboxClass,
  rows: readonly Row[],
  { reason, wallMs }: { readonly reason: LossReason; readonly wallMs: number },
): number {
  if (rows.length === 0) return 0;
  const ids = JSON.stringify(rows.map((row) => textIn(row, 'id')));
  endStory(sql, 'lost', wallMs, { ids: 'SELECT value FROM json_each(?)', values: [ids] });
  const seqs = rows.map((row) => integerIn(row, 'seq'));
  sql.run('DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))', JSON.stringify(seqs));
  const lost = rows.filter((row) => !reopenLoss(sql, textIn(row, 'id'))).map((row) => integerIn(row, 'seq'));
  const [firstSeq, lastSeq] = [lost[0], lost.at(-1)];
  if (firstSeq !== undefined && lastSeq !== undefined)
    addLoss(sql, { class: of, reason, firstSeq, lastSeq, count: lost.length });
  return lost.length;
}
