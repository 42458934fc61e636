import { crc32 } from 'node:zlib';
import { OUTBOX_CLASSES, type OutboxClass } from '../contract/delivery.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { OutboxEntry } from './store.ts';

/** Where an event stands. */
export const STATE = {
  /** Fresh: not acknowledged, and to be sent as it happens. */
  live: 0,
  /** To be sent as backlog: too old to be live, or sent before without a receipt. */
  backlog: 1,
  /** The broker has it; the receipt of the CSU is awaited. */
  sent: 2,
} as const;

/** An event with everything that the database keeps of it. Times but `wallMs` are operating time of the box. */
export interface StoredEvent extends OutboxEntry {
  readonly state: number;
  /** How often the broker has acknowledged it. */
  readonly attempts: number;
  readonly putMs: number;
  readonly wallMs: number;
  /** When a live event becomes backlog; when one that was sent is sent again. */
  readonly dueMs: number;
}

const INSERT = `INSERT INTO outbox
  (seq, topic, payload, bytes, crc, id, class, state, attempts, put_ms, wall_ms, due_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Writes one event under its number. */
export function insertEvent(sql: Sql, event: StoredEvent): void {
  const { seq, topic, payload, id, state, attempts, putMs, wallMs, dueMs } = event;
  const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload);
  const [check, rank] = [checksum(event), rankOf(event.class)];
  sql.run(INSERT, seq, topic, payload, bytes, check, id, rank, state, attempts, putMs, wallMs, dueMs);
}

/**
 * The event in a row; undefined when it is not what was written, which SQLite by itself does not notice. The checksum is
 * that of the first version of the database, so that an older program can carry the events over; a row of that version
 * has neither id nor class of its own.
 */
export function intactEvent(row: Row): StoredEvent | undefined {
  const [seq, topic, payload] = [integerIn(row, 'seq'), textIn(row, 'topic'), textIn(row, 'payload')];
  const id = 'id' in row ? textIn(row, 'id') : idIn(payload);
  if (integerIn(row, 'crc') !== checksum({ seq, topic, payload }) || !payload.includes(id)) return undefined;
  const state = integerOr(row, 'state', STATE.backlog);
  return {
    ...{ seq, topic, payload, id },
    class: classIn(row),
    state: state === STATE.live || state === STATE.sent ? state : STATE.backlog,
    attempts: integerOr(row, 'attempts', 0),
    putMs: integerOr(row, 'put_ms', 0),
    wallMs: integerOr(row, 'wall_ms', 0),
    dueMs: integerOr(row, 'due_ms', 0),
  };
}

/** The place of a class in the order of sending. */
export function rankOf(outboxClass: OutboxClass): number {
  return OUTBOX_CLASSES.indexOf(outboxClass);
}

/** The class in a row; one without, or with one that nobody wrote, is taken for an alarm. */
export function classIn(row: Row): OutboxClass {
  return OUTBOX_CLASSES[integerOr(row, 'class', 1)] ?? 'intrusion';
}

function integerOr(row: Row, column: string, otherwise: number): number {
  return column in row ? integerIn(row, column) : otherwise;
}

function idIn(payload: string): string {
  try {
    const { id } = JSON.parse(payload) as { id?: unknown };
    return typeof id === 'string' ? id : '';
  } catch {
    return '';
  }
}

function checksum({ seq, topic, payload }: Pick<OutboxEntry, 'seq' | 'topic' | 'payload'>): number {
  return crc32(JSON.stringify([seq, topic, payload]));
}
