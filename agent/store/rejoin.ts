import { copyOrder, copyValue, setChainBase } from './carry.ts';
import { copyConfirm } from './confirm.ts';
import { copyLosses, reopenOrphans } from './losses.ts';
import { lastSeq, metaNumber, metaText, raiseLastSeq, raiseMeta, setMeta } from './meta.ts';
import { insertEvent, intactEvent } from './outbox-rows.ts';
import { NO_HASH } from './register-chain.ts';
import { appendLine, type ChainEnd, chainEnd, insertLine, linesFrom, type Sign } from './register-lines.ts';
import { integerIn, type Sql, textIn } from './sql.ts';
import { copyStories } from './stories.ts';
import { copyTimeline, endAllOpen } from './timeline-rows.ts';

/**
 * How the database on the disk relates to what was gathered in memory:
 * `same`: memory began as its copy; `joined`: it already took them in, though the disk had said no; `other`: neither.
 */
type Relation = 'same' | 'joined' | 'other';

/**
 * Moves what was gathered in memory to the disk, all or nothing: nothing lost, nothing doubled, order kept.
 * @throws what SQLite says; the disk is then as before
 */
export function rejoin(gathered: Sql, disk: Sql, sign: Sign): void {
  disk.exec('BEGIN IMMEDIATE');
  try {
    const relation = relate(gathered, disk);
    joinOutbox(gathered, disk, relation);
    if (relation !== 'other') disk.run('DELETE FROM loss');
    copyLosses(gathered, disk);
    reopenOrphans(disk);
    copyConfirm(gathered, disk);
    for (const row of gathered.iterate('SELECT * FROM journal ORDER BY number')) copyOrder(row, disk);
    joinSlot(gathered, disk);
    joinMemory(gathered, disk, relation);
    if (relation === 'same') disk.run('DELETE FROM story');
    copyStories(gathered, disk);
    if (relation !== 'other') endAllOpen(disk);
    copyTimeline(gathered, disk);
    raiseMeta(disk, 'known_ms', metaNumber(gathered, 'known_ms'));
    joinRegister(gathered, disk, sign);
    raiseMeta(disk, 'ran_ms', metaNumber(gathered, 'ran_ms'));
    raiseMeta(disk, 'boot', metaNumber(gathered, 'boot'));
    raiseMeta(disk, 'dropped', metaNumber(gathered, 'dropped'));
    raiseMeta(disk, 'overflow', metaNumber(gathered, 'overflow'));
    raiseMeta(disk, 'highest_version', metaNumber(gathered, 'highest_version'));
    setMeta(disk, 'joined', metaText(gathered, 'identity') ?? '');
    disk.exec('COMMIT');
  } catch (thrown) {
    if (disk.inTransaction) disk.exec('ROLLBACK');
    throw thrown;
  }
}

function relate(gathered: Sql, disk: Sql): Relation {
  if (metaText(disk, 'joined') === metaText(gathered, 'identity')) return 'joined';
  return metaText(gathered, 'origin') === metaText(disk, 'identity') ? 'same' : 'other';
}

function joinOutbox(gathered: Sql, disk: Sql, relation: Relation): void {
  if (relation === 'same') followStates(gathered, disk);
  const diskSeq = relation === 'other' ? 0 : lastSeq(disk);
  for (const row of gathered.iterate('SELECT * FROM outbox WHERE seq > ? ORDER BY seq', diskSeq)) {
    const entry = intactEvent(row);
    // Above every number of the disk, so that the order is kept even after the clock went back.
    if (entry) insertEvent(disk, { ...entry, seq: Math.max(entry.seq, lastSeq(disk) + 1) });
  }
  raiseLastSeq(disk, lastSeq(gathered));
}

/** What was confirmed meanwhile is forgotten; of the rest the disk learns where it stands. */
function followStates(gathered: Sql, disk: Sql): void {
  for (const row of disk.all('SELECT seq FROM outbox')) {
    const seq = integerIn(row, 'seq');
    const now = gathered.get('SELECT class, state, attempts, due_ms FROM outbox WHERE seq = ?', seq);
    if (!now) disk.run('DELETE FROM outbox WHERE seq = ?', seq);
    else
      disk.run(
        'UPDATE outbox SET class = ?, state = ?, attempts = ?, due_ms = ? WHERE seq = ?',
        ...['class', 'state', 'attempts', 'due_ms'].map((column) => integerIn(now, column)),
        seq,
      );
  }
}

function joinSlot(gathered: Sql, disk: Sql): void {
  const row = gathered.get('SELECT * FROM slot');
  if (!row) return;
  disk.run(
    `INSERT INTO slot VALUES (1, ?, ?, ?) ON CONFLICT DO UPDATE
      SET version = excluded.version, hash = excluded.hash, jws = excluded.jws WHERE excluded.version >= version`,
    integerIn(row, 'version'),
    textIn(row, 'hash'),
    textIn(row, 'jws'),
  );
}

function joinMemory(gathered: Sql, disk: Sql, relation: Relation): void {
  if (relation === 'same') disk.run('DELETE FROM memory');
  for (const row of gathered.iterate('SELECT * FROM memory')) copyValue(row, disk);
}

function joinRegister(gathered: Sql, disk: Sql, sign: Sign): void {
  const base = {
    length: metaNumber(gathered, 'base_length'),
    hash: metaText(gathered, 'base_hash') ?? NO_HASH,
  };
  const end = chainEnd(disk);
  if (end.length === 0) setChainBase(disk, base);
  const from = end.length === 0 ? base.length : fits(gathered, base, end);
  const lines = linesFrom(gathered, (from ?? base.length) + 1, -1);
  if (from !== undefined) {
    for (const line of lines) insertLine(disk, line);
    return;
  }
  for (const { wallMs, clock, who, action, subject, result, detail } of lines) {
    appendLine(disk, sign, { wallMs, clock, who, action, subject, result, detail });
  }
}

/** The number of the line that both have last in common; undefined when the disk tells another story. */
function fits(gathered: Sql, base: ChainEnd, end: ChainEnd): number | undefined {
  if (end.length === base.length && end.hash === base.hash) return base.length;
  const line = linesFrom(gathered, end.length, 1)[0];
  return line?.number === end.length && line.hash === end.hash ? end.length : undefined;
}
