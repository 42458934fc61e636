import { eventDigest, type ReceiptedEvent } from '../contract/receipt.ts';
import { entryOf } from './outbox-lanes.ts';
import { type Row, type Sql, textIn } from './sql.ts';

/** Of the events that a receipt names and that wait: ids. */
export interface Comparison {
  /** The CSU has them as they are here. */
  readonly intact: readonly string[];
  /** The receipt names other bytes. */
  readonly altered: readonly string[];
}

const OF_IDS = 'SELECT id, topic, payload FROM outbox WHERE id IN (SELECT value FROM json_each(?))';
const WHOLE = 'SELECT * FROM outbox WHERE id IN (SELECT value FROM json_each(?))';

/**
 * Compares what a receipt names with what waits; ids that do not wait are passed over.
 * @throws InternalError `store-damaged` when it is the own event that is not what was written
 */
export function compare(sql: Sql, events: readonly ReceiptedEvent[]): Comparison {
  const rows = sql.all(OF_IDS, JSON.stringify(events.map(({ id }) => id)));
  const digests = new Map(rows.map((row) => [textIn(row, 'id'), digestOf(row)]));
  const waiting = events.filter(({ id }) => digests.has(id));
  const intact = waiting.filter(({ id, sha256 }) => digests.get(id) === sha256).map(({ id }) => id);
  if (intact.length === waiting.length) return { intact, altered: [] };
  const altered = waiting.filter(({ id, sha256 }) => digests.get(id) !== sha256).map(({ id }) => id);
  for (const row of sql.all(WHOLE, JSON.stringify(altered))) entryOf(row);
  return { intact, altered };
}

function digestOf(row: Row): string {
  return eventDigest(textIn(row, 'topic'), textIn(row, 'payload'));
}
