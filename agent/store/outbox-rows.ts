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
  const bytes = Buffer.byteLength(event.topic) + Buffer.byteLength(event.payload);
  sql.run(
    INSERT,
    event.seq,
    event.topic,
    event.payload,
    bytes,
    checksum(event),
    event.id,
    rankOf(event.class),
    event.state,
    event.attempts,
    event.putMs,
    event.wallMs,
    event.dueMs,
  );
}

/** The event in a row; undefined when it is not what was written, which SQLite by itself does not notice. */
export function intactEvent(row: Row): StoredEvent | undefined {
  const entry = {
    seq: integerIn(row, 'seq'),
    topic: textIn(row, 'topic'),
    payload: textIn(row, 'payload'),
    id: 'id' in row ? textIn(row, 'id') : '',
    class: classIn(row),
    state: integerOr(row, 'state', STATE.backlog),
    attempts: integerOr(row, 'attempts', 0),
    putMs: integerOr(row, 'put_ms', 0),
    wallMs: integerOr(row, 'wall_ms', 0),
    dueMs: integerOr(row, 'due_ms', 0),
  };
  return integerIn(row, 'crc') === checksum(entry) ? entry : undefined;
}

/** The place of a class in the order of sending. */
export function rankOf(outboxClass: OutboxClass): number {
  return OUTBOX_CLASSES.indexOf(outboxClass);
}

/** The class in a row; a row of an older database has none. */
export function classIn(row: Row): OutboxClass {
  return OUTBOX_CLASSES[integerOr(row, 'class', 1)] ?? 'intrusion';
}

function integerOr(row: Row, column: string, otherwise: number): number {
  return column in row ? integerIn(row, column) : otherwise;
}

function checksum({ seq, topic, payload }: OutboxEntry): number {
  return crc32(JSON.stringify([seq, topic, payload]));
}
