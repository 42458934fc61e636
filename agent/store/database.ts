import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InternalError } from '../base/errors.ts';
import { makeFolder } from '../base/files.ts';
import { checkSchema, migrate } from './schema.ts';
import { Sql } from './sql.ts';
import { isStrange, makeWay } from './strange.ts';

/** Largest database file, bytes: a full register of long lines and a full outbox fit. */
const MAX_DATABASE_BYTES = 640 * 1024 * 1024;
/**
 * Largest database in memory, bytes: a full outbox, every story and the whole timeline fit, and so does what is added
 * meanwhile. Source: guess: the box has at least 1 GB.
 */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
const PAGE_BYTES = 4096;
/** Free space that a return to the disk asks for, bytes. */
const ROOM_BYTES = 1024 * 1024;
/** What SQLite keeps beside a database, and looks for when it opens one. */
const COMPANIONS = ['-wal', '-shm', '-journal'];
/** How many damaged databases are kept for whoever looks at them. Source: guess. */
const KEPT_DAMAGED = 3;

/**
 * Opens the database file, making folder (0700), file (0600) and schema where they are missing, and checks it.
 * @throws what SQLite or the file system says; `storageFault` tells which kind it is
 */
export function openDisk(file: string): Sql {
  makeFolder(dirname(file), 0o700);
  if (isStrange(file))
    throw new InternalError('store-damaged', `expected a file, came something else: ${file}`);
  for (const suffix of COMPANIONS) makeWay(file + suffix);
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const sql = new Sql(file);
  try {
    sql.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`);
    sql.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    sql.exec('PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 4194304');
    sql.exec(`PRAGMA max_page_count = ${MAX_DATABASE_BYTES / PAGE_BYTES}`);
    checkDatabase(sql);
    migrate(sql);
    withFresh((fresh) => checkSchema(sql, fresh));
    checkOutbox(sql);
    return sql;
  } catch (thrown) {
    sql.close();
    throw thrown;
  }
}

function withFresh(work: (fresh: Sql) => void): void {
  const fresh = openMemory();
  try {
    work(fresh);
  } finally {
    fresh.close();
  }
}

function checkDatabase(sql: Sql): void {
  check(sql, 'quick_check(1)');
}

/** An event that an index or a total does not know would never be sent, and nobody would notice. */
function checkOutbox(sql: Sql): void {
  check(sql, 'integrity_check(outbox)');
  const wrong = sql.get(
    `SELECT 1 FROM outbox_total LEFT JOIN (
       SELECT class, count(*) AS events, sum(bytes) AS bytes, sum(state = 2) AS sent FROM outbox GROUP BY class
     ) AS real USING (class)
     WHERE (outbox_total.events, outbox_total.bytes, outbox_total.sent)
       IS NOT (coalesce(real.events, 0), coalesce(real.bytes, 0), coalesce(real.sent, 0))`,
  );
  if (wrong) throw new InternalError('store-damaged', 'expected totals that fit the outbox, came others');
}

function check(sql: Sql, pragma: string): void {
  const row = sql.get(`PRAGMA ${pragma}`);
  const verdict = String(Object.values(row ?? {})[0] ?? 'nothing');
  if (verdict === 'ok') return;
  const name = pragma.replace(/\(.*/, '');
  throw new InternalError('store-damaged', `expected ${name} to say ok, came ${verdict.slice(0, 200)}`);
}

/** Whether the disk takes a megabyte: less is as good as full. */
export function hasRoom(file: string): boolean {
  const probe = `${file}.probe`;
  try {
    makeFolder(dirname(file), 0o700);
    makeWay(probe);
    writeFileSync(probe, Buffer.alloc(ROOM_BYTES), { mode: 0o600, flush: true });
    return true;
  } catch {
    return false;
  } finally {
    attempt(() => rmSync(probe, { force: true }));
  }
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // What cannot be removed now is written over by the next probe.
  }
}

/** An empty database in memory with the same schema. */
export function openMemory(): Sql {
  const sql = new Sql(':memory:');
  sql.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA max_page_count = ${MAX_MEMORY_BYTES / PAGE_BYTES}`);
  migrate(sql);
  return sql;
}

/**
 * Opens a database for reading in whichever way still works: on a full disk without the shared-memory file, on a
 * read-only disk as it lies there.
 * @returns undefined when there is no way
 * @see https://www.sqlite.org/wal.html#noshm and #readonly
 */
export function openForReading(file: string): Sql | undefined {
  if (!existsSync(file) || isStrange(file)) return undefined;
  const ways = [
    () => new Sql(file, { readOnly: true }),
    () => openExclusive(file),
    () => openImmutable(file),
  ];
  for (const open of ways) {
    const sql = readableOrUndefined(open);
    if (sql) return sql;
  }
  return undefined;
}

function openExclusive(file: string): Sql {
  const sql = new Sql(file);
  sql.exec('PRAGMA locking_mode = EXCLUSIVE');
  return sql;
}

/** Ignores the write-ahead log, so it is right only where none is left. */
function openImmutable(file: string): Sql {
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log && log.size > 0) throw new InternalError('store-unavailable', 'a write-ahead log is left');
  return new Sql(new URL(`${pathToFileURL(file).href}?immutable=1`), { readOnly: true });
}

function readableOrUndefined(open: () => Sql): Sql | undefined {
  let sql: Sql | undefined;
  try {
    sql = open();
    sql.get('SELECT count(*) FROM sqlite_schema');
    return sql;
  } catch {
    sql?.close();
    return undefined;
  }
}

/**
 * Renames a damaged database and its companions and forgets the oldest ones set aside before.
 * @returns the new name
 */
export function setAside(file: string, wallMs: number): string {
  const stamp = new Date(wallMs).toISOString().replaceAll(':', '-');
  let name = `${file}.damaged-${stamp}`;
  for (let n = 2; existsSync(name); n += 1) name = `${file}.damaged-${stamp}-${n}`;
  for (const suffix of ['', ...COMPANIONS]) {
    if (existsSync(file + suffix)) renameSync(file + suffix, name + suffix);
  }
  pruneDamaged(file);
  return name;
}

/** The databases set aside before, oldest first. @throws what the file system says */
export function damagedDatabases(file: string): string[] {
  const folder = dirname(file);
  const prefix = `${file.slice(folder.length + 1)}.damaged-`;
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && !/-(wal|shm|journal)$/.test(name))
    .map((name) => join(folder, name))
    .sort((a, b) => statSync(a).ctimeMs - statSync(b).ctimeMs);
}

function pruneDamaged(file: string): void {
  for (const old of damagedDatabases(file).slice(0, -KEPT_DAMAGED)) {
    for (const suffix of ['', ...COMPANIONS]) rmSync(old + suffix, { force: true, recursive: true });
  }
}

/** Makes a rename in the folder durable. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
