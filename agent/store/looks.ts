import { type LossReason, OUTBOX_CLASSES, type OutboxClass } from '../contract/delivery.ts';
import { addLoss } from './losses.ts';
import { lastSeq, metaNumber } from './meta.ts';
import { OUTBOX_LIMITS, totalsOf } from './outbox-limits.ts';
import { rankOf } from './outbox-rows.ts';
import { integerIn, type Sql } from './sql.ts';

/** Of each class that is in memory alone, what waits and what was dropped there. */
const UNWRITTEN = `SELECT class, sum(n) AS n, min(first) AS first FROM (
    SELECT class, count(*) AS n, min(seq) AS first FROM outbox WHERE seq > ?1 GROUP BY class
    UNION ALL SELECT class, sum(count), min(first_seq) FROM loss WHERE last_seq > ?1 GROUP BY class
  ) GROUP BY class`;

/** What the outbox held at some moment. */
export interface Look {
  /** Number of the start of the agent that looked. */
  readonly boot: number;
  /** How many of each class. */
  readonly events: readonly number[];
  /** The oldest number that waited, and the last that was given. */
  readonly first: number;
  readonly last: number;
}

/** Nobody has looked. */
export const NOTHING_SEEN: Look = { boot: 0, events: OUTBOX_CLASSES.map(() => 0), first: 1, last: 0 };

/** @returns undefined when it cannot be read */
export function lookAt(sql: Sql): Look | undefined {
  try {
    const last = lastSeq(sql);
    const oldest = sql.get('SELECT min(seq) AS seq FROM outbox')?.seq;
    const first = typeof oldest === 'number' ? oldest : last + 1;
    const boot = metaNumber(sql, 'boot');
    return { boot, events: totalsOf(sql).map(({ events }) => events), first, last };
  } catch {
    return undefined;
  }
}

/**
 * What of a database in memory is on no disk: events above this number that wait, and those that were dropped and are not
 * known to have been told.
 * @returns undefined when it cannot be read
 */
export function lookUnwritten(sql: Sql, reached: number): Look | undefined {
  try {
    const last = Math.max(lastSeq(sql), reached);
    const rows = sql.all(UNWRITTEN, reached);
    const firsts = rows.map((row) => Math.max(integerIn(row, 'first'), reached + 1));
    const counts = new Map(rows.map((row) => [integerIn(row, 'class'), integerIn(row, 'n')]));
    const events = OUTBOX_CLASSES.map((of) => counts.get(rankOf(of)) ?? 0);
    return { boot: metaNumber(sql, 'boot'), events, first: Math.min(last + 1, ...firsts), last };
  } catch {
    return undefined;
  }
}

/** Nothing is known but the numbers that may have been given: each may have waited, as many as fit into the outbox. */
export function unseen(upTo: number): Look {
  return { ...NOTHING_SEEN, last: Math.max(0, upTo - OUTBOX_LIMITS.events) };
}

/**
 * Enters what cannot be read: what waited at the last look, and every number after it, whether it was given, left or
 * not, up to as many as fit into the outbox. Rather too many than one too few.
 * @param upTo no event had a higher number; events up to `reached` are there
 */
export function enterRemembered(
  to: Sql,
  look: Look,
  {
    upTo,
    reached = 0,
    reason,
  }: { readonly upTo: number; readonly reached?: number; readonly reason: LossReason },
): void {
  const lose = (of: OutboxClass | undefined, firstSeq: number, last: number, count: number) => {
    if (of && count > 0) addLoss(to, { class: of, reason, firstSeq, lastSeq: last, count });
  };
  const first = Math.max(look.first, reached + 1);
  for (const [rank, events] of look.events.entries())
    lose(OUTBOX_CLASSES[rank], first, look.last, Math.min(events, look.last - first + 1));
  const since = Math.max(look.last, reached);
  lose('intrusion', since + 1, upTo, Math.min(upTo - since, OUTBOX_LIMITS.events));
}
