import { copyConfirm } from './confirm.ts';
import { copyLosses, reopenOrphans } from './losses.ts';
import { lastSeq, metaNumber, metaText, raiseLastSeq, raiseMeta, setMeta } from './meta.ts';
import { lineHash } from './register-chain.ts';
import { type ChainEnd, chainEnd, linesFrom } from './register-lines.ts';
import { salvageEvents } from './salvage.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import { copyStories, loseOrphans } from './stories.ts';
import { copyTimeline } from './timeline-rows.ts';

/**
 * Copies what can be read of one database into an empty one: all but the lines of the register, which goes on from
 * its end.
 * @returns whether everything could be read
 */
export function carryOver(from: Sql, to: Sql, wallMs: number): boolean {
  const steps = [
    () => raiseMeta(to, 'dropped', metaNumber(from, 'dropped')),
    () => copyLosses(from, to),
    () => copyEvents(from, to),
    () => copyRows(from, 'journal', 'number', (row) => copyOrder(row, to)),
    () => copyRows(from, 'slot', 'one', (row) => copySlot(row, to)),
    () => copyRows(from, 'memory', 'room, key', (row) => copyValue(row, to)),
    () => copyStories(from, to),
    () => loseOrphans(to, wallMs),
    () => copyTimeline(from, to),
    () => raiseMeta(to, 'known_ms', metaNumber(from, 'known_ms')),
    () => raiseLastSeq(to, lastSeq(from)),
    () => raiseMeta(to, 'boot', metaNumber(from, 'boot')),
    () => raiseMeta(to, 'overflow', metaNumber(from, 'overflow')),
    () => raiseMeta(to, 'highest_version', metaNumber(from, 'highest_version')),
    () => raiseMeta(to, 'ran_ms', metaNumber(from, 'ran_ms')),
    () => copyConfirm(from, to),
    () => setChainBase(to, checkedEnd(from)),
  ];
  const complete =
    steps.map((step) => attemptIn(to, step)).every(Boolean) &&
    attemptIn(to, () => setMeta(to, 'origin', identityOf(from)));
  attemptIn(to, () => reopenOrphans(to));
  return complete;
}

/**
 * What could be copied stays, whatever becomes of the rest: where there is no room for a row SQLite undoes the whole
 * transaction, so that each step has its own.
 * @see https://www.sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction"
 */
function attemptIn(to: Sql, step: () => void): boolean {
  to.exec('BEGIN');
  const isDone = attempt(step);
  if (to.inTransaction) to.exec('COMMIT');
  return isDone;
}

function identityOf(sql: Sql): string {
  return metaText(sql, 'identity') ?? '';
}

/** Says that the register goes on from a line of an older database. */
export function setChainBase(sql: Sql, end: ChainEnd): void {
  setMeta(sql, 'base_length', end.length);
  setMeta(sql, 'base_hash', end.hash);
}

type Table = 'journal' | 'slot' | 'memory';

/** From the front as far as it goes; where a page is damaged, also from the back. */
function copyRows(from: Sql, table: Table, order: string, copy: (row: Row) => void): void {
  try {
    for (const row of from.iterate(`SELECT * FROM ${table} ORDER BY ${order}`)) copy(row);
  } catch (thrown) {
    const back = order.replaceAll(/\w+/g, '$& DESC');
    attempt(() => {
      for (const row of from.iterate(`SELECT * FROM ${table} ORDER BY ${back}`)) copy(row);
    });
    throw thrown;
  }
}

function copyEvents(from: Sql, to: Sql): void {
  if (!salvageEvents(from, to)) throw new RangeError('some pages of the outbox could not be read');
}

/** Copies one row of the journal. */
export function copyOrder(row: Row, to: Sql): void {
  to.run(
    'INSERT OR IGNORE INTO journal (id, not_after_ms) VALUES (?, ?)',
    textIn(row, 'id'),
    integerIn(row, 'not_after_ms'),
  );
}

function copySlot(row: Row, to: Sql): void {
  const version = integerIn(row, 'version');
  to.run('INSERT OR REPLACE INTO slot VALUES (1, ?, ?, ?)', version, textIn(row, 'hash'), textIn(row, 'jws'));
}

/** Copies one value of a room. */
export function copyValue(row: Row, to: Sql): void {
  to.run(
    'INSERT OR REPLACE INTO memory VALUES (?, ?, ?)',
    textIn(row, 'room'),
    textIn(row, 'key'),
    textIn(row, 'value'),
  );
}

/** The end of the register, when its last line is what was written. */
function checkedEnd(from: Sql): ChainEnd {
  const end = chainEnd(from);
  const last = linesFrom(from, end.length, 1)[0];
  if (last && lineHash(last) !== end.hash) throw new RangeError('the last line of the register is damaged');
  return end;
}

function attempt(step: () => void): boolean {
  try {
    step();
    return true;
  } catch {
    return false;
  }
}
