import { OUTBOX_CLASSES, type OutboxClass } from '../contract/delivery.ts';
import { rankOf } from './outbox-rows.ts';
import { integerIn, type Sql } from './sql.ts';

interface ClassLimit {
  readonly bytes: number;
  /** Longest time in the outbox, ms of operating time; none when absent. */
  readonly ageMs?: number;
}

/** What the outbox holds at most, all together and of each class. */
export interface OutboxLimits {
  readonly events: number;
  readonly bytes: number;
  readonly classes?: Partial<Record<OutboxClass, ClassLimit>>;
}

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3600 * 1000;

/**
 * An alarm is about 500 bytes. Life-safety may take everything and has no age: nothing else goes after it.
 * Source: guess; a commune's alarms of months, and a bad sensor cannot push out more than its class.
 */
export const OUTBOX_LIMITS: OutboxLimits = {
  events: 150_000,
  bytes: 64 * MIB,
  classes: {
    intrusion: { bytes: 56 * MIB, ageMs: 90 * DAY_MS },
    technical: { bytes: 24 * MIB, ageMs: 30 * DAY_MS },
    service: { bytes: 8 * MIB, ageMs: 14 * DAY_MS },
  },
};

export interface Total {
  readonly events: number;
  readonly bytes: number;
}

/** What waits of each class, in the order of the classes. */
export function totalsOf(sql: Sql): Total[] {
  return sql
    .all('SELECT events, bytes FROM outbox_total ORDER BY class')
    .map((row) => ({ events: integerIn(row, 'events'), bytes: integerIn(row, 'bytes') }));
}

export function sumOf(totals: readonly Total[]): Total {
  return totals.reduce(
    (sum, { events, bytes }) => ({ events: sum.events + events, bytes: sum.bytes + bytes }),
    { events: 0, bytes: 0 },
  );
}

/**
 * The class of which the oldest event has to go: one that is above its own bound, else the least of all.
 * @returns undefined while everything fits; the last event of all always fits
 */
export function classToDrop(totals: readonly Total[], limits: OutboxLimits): OutboxClass | undefined {
  const all = sumOf(totals);
  if (all.events <= 1) return undefined;
  const filled = OUTBOX_CLASSES.toReversed().filter((of) => (totals[rankOf(of)]?.events ?? 0) > 0);
  const over = filled.find(
    (of) => (totals[rankOf(of)]?.bytes ?? 0) > (limits.classes?.[of]?.bytes ?? Number.POSITIVE_INFINITY),
  );
  if (over) return over;
  return all.events > limits.events || all.bytes > limits.bytes ? filled[0] : undefined;
}
