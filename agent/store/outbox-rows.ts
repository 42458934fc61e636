import { crc32 } from 'node:zlib';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { OutboxEntry } from './store.ts';

/** Writes one event under its number. */
export function insertEvent(sql: Sql, entry: OutboxEntry): void {
  const bytes = Buffer.byteLength(entry.topic) + Buffer.byteLength(entry.payload);
  const check = checksum(entry);
  sql.run('INSERT INTO outbox VALUES (?, ?, ?, ?, ?)', entry.seq, entry.topic, entry.payload, bytes, check);
}

/** The event in a row; undefined when it is not what was written, which SQLite by itself does not notice. */
export function intactEvent(row: Row): OutboxEntry | undefined {
  const entry = { seq: integerIn(row, 'seq'), topic: textIn(row, 'topic'), payload: textIn(row, 'payload') };
  return integerIn(row, 'crc') === checksum(entry) ? entry : undefined;
}

function checksum(entry: OutboxEntry): number {
  return crc32(JSON.stringify([entry.seq, entry.topic, entry.payload]));
}
