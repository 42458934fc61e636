import { OUTBOX_CLASSES, type OutboxClass } from '../contract/delivery.ts';
import { addLoss } from './losses.ts';
import { lastSeq } from './meta.ts';
import { OUTBOX_LIMITS, totalsOf } from './outbox-limits.ts';
import type { Sql } from './sql.ts';

/** What the outbox held at some moment. */
export interface Look {
  /** How many of each class. */
  readonly events: readonly number[];
  /** The oldest number that waited, and the last that was given. */
  readonly first: number;
  readonly last: number;
}

/** @returns undefined when it cannot be read */
export function lookAt(sql: Sql): Look | undefined {
  try {
    const last = lastSeq(sql);
    const oldest = sql.get('SELECT min(seq) AS seq FROM outbox')?.seq;
    const first = typeof oldest === 'number' ? oldest : last + 1;
    return { events: totalsOf(sql).map(({ events }) => events), first, last };
  } catch {
    return undefined;
  }
}

/** Nothing is known but the numbers that may have been given: each may have waited, as many as fit into the outbox. */
export function unseen(upTo: number): Look {
  return { events: [], first: 1, last: Math.max(0, upTo - OUTBOX_LIMITS.events) };
}

/**
 * Enters what cannot be read: what waited at the last look, and every number after it, whether it was given, left or
 * not, up to as many as fit into the outbox. Rather too many than one too few.
 * @param upTo no event had a higher number
 * @param reached events up to this number are there
 */
export function enterRemembered(to: Sql, look: Look, upTo: number, reached = 0): void {
  const first = Math.max(look.first, reached + 1);
  for (const [rank, events] of look.events.entries())
    lose(to, OUTBOX_CLASSES[rank], first, look.last, Math.min(events, look.last - first + 1));
  const since = Math.max(look.last, reached);
  lose(to, 'intrusion', since + 1, upTo, Math.min(upTo - since, OUTBOX_LIMITS.events));
}

function lose(to: Sql, of: OutboxClass | undefined, firstSeq: number, last: number, count: number): void {
  if (of && count > 0) addLoss(to, { class: of, reason: 'damaged', firstSeq, lastSeq: last, count });
}
