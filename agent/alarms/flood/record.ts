import { OUTBOX_CLASSES, type OutboxClass } from '../../contract/delivery.ts';
import type { Fields } from '../../contract/messages.ts';
import type { MemoryOf } from '../read-points.ts';

/** The room's name in the store's memory, and the one key in it. */
export const ROOM = 'alarm-flood';
export const KEY = 'current';

/** An event that counts. */
export interface Counted {
  readonly seq: number;
  /** Wall time, Unix ms. */
  readonly atMs: number;
  readonly class: OutboxClass;
  /** What the point is fed by; `panel-signal` where there is no point. */
  readonly kind: string;
}

/** What is on disk of a flood that lasts. */
export interface FloodRecord {
  readonly first: Counted;
  readonly last: Counted;
  readonly count: number;
  readonly classes: Readonly<Partial<Record<OutboxClass, number>>>;
  readonly kinds: Readonly<Record<string, number>>;
}

/** A flood with one more event. @param record undefined for the first */
export function withEvent(record: FloodRecord | undefined, event: Counted): FloodRecord {
  const { first = event, count = 0, classes = {}, kinds = {} } = record ?? {};
  return {
    first,
    last: event,
    count: count + 1,
    classes: { ...classes, [event.class]: (classes[event.class] ?? 0) + 1 },
    kinds: { ...kinds, [event.kind]: (kinds[event.kind] ?? 0) + 1 },
  };
}

/** What is known of a flood that lasts: the fields of its summary. */
export type FloodOnDisk = Omit<Fields<'flood'>, 'id' | 'transition' | 'limit' | 'within_s'>;

/** What a summary says of it. */
export function summaryOf({ first, last, count, classes, kinds }: FloodRecord): FloodOnDisk {
  const sorted = Object.entries(kinds).sort(([a, most], [b, other]) => other - most || (a < b ? -1 : 1));
  const of = (name: OutboxClass) => classes[name] ?? 0;
  return {
    count,
    first_seq: first.seq,
    last_seq: last.seq,
    first_ts: first.atMs,
    last_ts: last.atMs,
    life_safety: of('life-safety'),
    intrusion: of('intrusion'),
    technical: of('technical'),
    service: of('service'),
    kinds: sorted.map(([kind, n]) => `${kind} ${n}`).join(' '),
  };
}

/** What is on disk of a flood, of a box whose agent may be running. @returns undefined when there is none */
export function floodOnDisk(memory: MemoryOf): FloodOnDisk | undefined {
  const text = memory(ROOM).find(([key]) => key === KEY)?.[1];
  const record = text === undefined ? undefined : parseFlood(text);
  return record && summaryOf(record);
}

/** @returns undefined when the text is none that this program wrote */
export function parseFlood(text: string): FloodRecord | undefined {
  try {
    const { first, last, count, classes, kinds } = JSON.parse(text) as FloodRecord;
    const counts = [count, ...Object.values(classes), ...Object.values(kinds)];
    const good = counts.every(Number.isSafeInteger) && isCounted(first) && isCounted(last);
    return good ? { first, last, count, classes, kinds } : undefined;
  } catch {
    return undefined;
  }
}

function isCounted({ seq, atMs, class: of, kind }: Counted): boolean {
  return [seq, atMs].every(Number.isSafeInteger) && OUTBOX_CLASSES.includes(of) && typeof kind === 'string';
}
