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
 * A week without link in which one input changes every four seconds. Life-safety may take everything and has no age.
 * Source of the classes: guess; a bad sensor cannot push out more than its class.
 * @see docs/decisions/0008-outbox.md
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

/** What waits of one class; `sent` are those that wait for their receipt. */
export interface Total {
  readonly events: number;
  readonly bytes: number;
  readonly sent: number;
}

/** What waits of each class, in the order of the classes. */
export function totalsOf(sql: Sql): Total[] {
  const rows = sql.all('SELECT events, bytes, sent FROM outbox_total ORDER BY class');
  return rows.map((row) => ({
    events: integerIn(row, 'events'),
    bytes: integerIn(row, 'bytes'),
    sent: integerIn(row, 'sent'),
  }));
}

export function sumOf(totals: readonly Total[]): Total {
  return totals.reduce(
    (sum, { events, bytes, sent }) => ({
      events: sum.events + events,
      bytes: sum.bytes + bytes,
      sent: sum.sent + sent,
    }),
    { events: 0, bytes: 0, sent: 0 },
  );
}

/** How full the fullest bound is, percent; may be a little above 100. */
export function filledPercent(totals: readonly Total[], limits: OutboxLimits): number {
  const all = sumOf(totals);
  const ofClasses = OUTBOX_CLASSES.map((of) => {
    const limitBytes = limits.classes?.[of]?.bytes;
    return limitBytes === undefined ? 0 : (totals[rankOf(of)]?.bytes ?? 0) / limitBytes;
  });
  return 100 * Math.max(all.events / limits.events, all.bytes / limits.bytes, ...ofClasses);
}

/**
 * The class that has to make room: one that is above its own bound, else the least of all.
 * @returns undefined while everything fits; the last event of all always fits, and so does the last of a class
 */
export function classToDrop(totals: readonly Total[], limits: OutboxLimits): OutboxClass | undefined {
  const least = OUTBOX_CLASSES.toReversed();
  const over = least.find((of) => isOver(totals[rankOf(of)], limits.classes?.[of]?.bytes, 1));
  const all = sumOf(totals);
  if (over || all.events <= 1) return over;
  const full = all.events > limits.events || all.bytes > limits.bytes;
  return full ? least.find((of) => (totals[rankOf(of)]?.events ?? 0) > 0) : undefined;
}

/** Whether half is free again, of everything and of each class. */
export function hasRoomAgain(totals: readonly Total[], limits: OutboxLimits): boolean {
  const all = sumOf(totals);
  if (all.events > limits.events / 2 || all.bytes > limits.bytes / 2) return false;
  return !OUTBOX_CLASSES.some((of) => isOver(totals[rankOf(of)], limits.classes?.[of]?.bytes, 1 / 2));
}

function isOver(total: Total | undefined, limitBytes: number | undefined, share: number): boolean {
  return (
    total !== undefined && limitBytes !== undefined && total.events > 1 && total.bytes > limitBytes * share
  );
}
