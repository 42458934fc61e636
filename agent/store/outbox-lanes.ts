import { InternalError } from '../base/errors.ts';
import { OUTBOX_CLASSES } from '../contract/delivery.ts';
import { anyTold, closeLosses } from './losses.ts';
import { intactEvent, rankOf, STATE } from './outbox-rows.ts';
import { integerIn, type Row, type Sql } from './sql.ts';
import type { DueQuery, OutboxEntry } from './store.ts';
import { endStory } from './stories.ts';

/**
 * An event without a receipt is sent again at ever longer intervals up to this one, ms. A lone alarm has nobody but this
 * to bring it up again, since the broker keeps nothing for a receiver that is away. Source: guess.
 */
const MAX_RESEND_MS = { alarms: 2 * 60_000, others: 15 * 60_000 };
/** The least of the classes that are sent again at the shorter interval. */
const LEAST_ALARM = rankOf('intrusion');
const MAX_RESEND = `CASE WHEN class <= ${LEAST_ALARM} THEN ${MAX_RESEND_MS.alarms} ELSE ${MAX_RESEND_MS.others} END`;
/** Events that change their state in one transaction. Source: guess; some ten milliseconds. */
const MOVED_AT_ONCE = 2_000;

const SOME = 'IN (SELECT value FROM json_each(?))';
const DUE = 'SELECT * FROM outbox WHERE state = ? AND class = ? AND seq > ?';
const FIRST_LIVE = `SELECT due_ms FROM outbox WHERE state = ${STATE.live} AND class = ? ORDER BY seq LIMIT 1`;
const OLDEST_LIVE = `SELECT seq, due_ms FROM outbox
  WHERE state = ${STATE.live} AND class = ? ORDER BY seq LIMIT ${MOVED_AT_ONCE}`;
const OVERDUE_SENT = `SELECT seq FROM outbox
  WHERE state = ${STATE.sent} AND due_ms <= ? ORDER BY due_ms LIMIT ${MOVED_AT_ONCE}`;

/** What is to be sent next of one lane and class, in order. */
export function dueEvents(sql: Sql, { lane, class: of, afterSeq, limit, without }: DueQuery): OutboxEntry[] {
  const values = [STATE[lane], rankOf(of), afterSeq];
  const rows =
    without.length === 0
      ? sql.all(`${DUE} ORDER BY seq LIMIT ?`, ...values, limit)
      : sql.all(
          `${DUE} AND topic NOT ${SOME} ORDER BY seq LIMIT ?`,
          ...values,
          JSON.stringify(without),
          limit,
        );
  return rows.map(entryOf);
}

/** @throws InternalError `store-damaged` when the row is not what was written */
export function entryOf(row: Row): OutboxEntry {
  const event = intactEvent(row);
  if (!event)
    throw new InternalError('store-damaged', `event ${integerIn(row, 'seq')} is not what was written`);
  const { seq, topic, payload, id, class: of } = event;
  return { seq, topic, payload, id, class: of };
}

/** Whether an event is overdue: live for too long, or without a receipt. Within a class the oldest live one is due first. */
export function anyOverdue(sql: Sql, nowMs: number): boolean {
  return overdueClasses(sql, nowMs).length > 0 || sql.get(OVERDUE_SENT, nowMs) !== undefined;
}

/** Makes backlog of what is overdue, some thousand at a time. */
export function moveOverdue(sql: Sql, nowMs: number): void {
  const moved = `UPDATE outbox SET state = ${STATE.backlog} WHERE seq IN`;
  for (const rank of overdueClasses(sql, nowMs))
    sql.run(`${moved} (SELECT seq FROM (${OLDEST_LIVE}) WHERE due_ms <= ?)`, rank, nowMs);
  sql.run(`${moved} (${OVERDUE_SENT})`, nowMs);
}

function overdueClasses(sql: Sql, nowMs: number): number[] {
  return OUTBOX_CLASSES.map(rankOf).filter((rank) => {
    const first = sql.get(FIRST_LIVE, rank);
    return first !== undefined && integerIn(first, 'due_ms') <= nowMs;
  });
}

/** Events of earlier starts are live only where they were put in this stretch of wall time. */
export function moveEarlier(sql: Sql, lastSeq: number, fromMs: number, toMs: number): void {
  sql.run(
    `UPDATE outbox SET state = ${STATE.backlog}
     WHERE state = ${STATE.live} AND seq <= ? AND (wall_ms < ? OR wall_ms > ?)`,
    lastSeq,
    fromMs,
    toMs,
  );
}

/** The broker has these, which wait for their receipt now; those without an id are forgotten. */
export function awaitReceipts(sql: Sql, seqs: string, nowMs: number, resendAfterMs: number): void {
  sql.run(`DELETE FROM outbox WHERE seq ${SOME} AND id = ''`, seqs);
  sql.run(
    `UPDATE outbox SET state = ${STATE.sent}, attempts = attempts + 1,
       due_ms = ?2 + min(?3 * (1 << min(attempts, 20)), max(?3, ${MAX_RESEND}))
     WHERE seq IN (SELECT value FROM json_each(?1))`,
    seqs,
    nowMs,
    resendAfterMs,
  );
}

/** Nothing waits longer for its receipt, from now on, than it would after many tries. */
export function boundWait(sql: Sql, nowMs: number, resendAfterMs: number): void {
  sql.run(
    `UPDATE outbox SET due_ms = ?1 + max(?2, ${MAX_RESEND})
     WHERE state = ${STATE.sent} AND due_ms > ?1 + max(?2, ${MAX_RESEND})`,
    nowMs,
    resendAfterMs,
  );
}

/** What waits for a receipt for later than this is sent again at this time. */
export function hasten(sql: Sql, dueMs: number): number {
  return sql.run(
    `UPDATE outbox SET due_ms = ?1, attempts = 1
     WHERE state = ${STATE.sent} AND due_ms > ?1`,
    dueMs,
  );
}

/** Forgets events that are confirmed, by number, and closes the losses that they told. */
export function forgetSeqs(sql: Sql, seqs: string, wallMs: number): void {
  if (anyTold(sql)) {
    const ids = sql.all(`SELECT id FROM outbox WHERE seq ${SOME}`, seqs).map(({ id }) => id);
    closeLosses(sql, JSON.stringify(ids));
  }
  endStory(sql, 'broker', wallMs, { ids: `SELECT id FROM outbox WHERE seq ${SOME}`, values: [seqs] });
  sql.run(`DELETE FROM outbox WHERE seq ${SOME}`, seqs);
}

/** Forgets events that are confirmed, by id. @returns how many there were */
export function forgetIds(sql: Sql, ids: readonly string[], wallMs: number): number {
  if (ids.length === 0) return 0;
  const list = JSON.stringify(ids);
  if (anyTold(sql)) closeLosses(sql, list);
  endStory(sql, 'receipt', wallMs, { ids: 'SELECT value FROM json_each(?)', values: [list] });
  return sql.run(`DELETE FROM outbox WHERE id ${SOME}`, list);
}

/** Forgets everything that waits for a receipt: the broker has it. */
export function forgetSent(sql: Sql, wallMs: number): void {
  const sent = sql.all(`SELECT seq FROM outbox WHERE state = ${STATE.sent}`).map(({ seq }) => seq);
  forgetSeqs(sql, JSON.stringify(sent), wallMs);
}
