import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { ConfigurationError } from '../../agent/base/errors.ts';

const EVENTS = `
  CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    site TEXT NOT NULL,
    id TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    UNIQUE (site, id)
  ) STRICT;
  CREATE TABLE printed (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL) STRICT;
  INSERT INTO printed VALUES (1, 0);
`;
const OPERATING_TIME = `
  ALTER TABLE event ADD COLUMN ran_ms INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE ran (one INTEGER PRIMARY KEY CHECK (one = 1), ms INTEGER NOT NULL) STRICT;
  INSERT INTO ran VALUES (1, 0);
`;
/** From one version of the schema to the next; `user_version` counts the steps taken. */
const STEPS = [EVENTS, OPERATING_TIME];
const BUSY_TIMEOUT_MS = 5_000;

/** The SQLite file of the archive, for one process alone. */
export class ArchiveFile {
  readonly #db: DatabaseSync;
  readonly #lock: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(db: DatabaseSync, lock: DatabaseSync) {
    this.#db = db;
    this.#lock = lock;
  }

  /** Opens the file, or makes it (0600). @throws what SQLite or the file system says; ConfigurationError */
  static open(path: string, maxBytes: number): ArchiveFile {
    const lock = locked(`${path}.lock`);
    try {
      return new ArchiveFile(opened(path, maxBytes), lock);
    } catch (thrown) {
      lock.close();
      throw thrown;
    }
  }

  /** What may still be written until the file is as large as it may become. */
  get freeBytes(): number {
    const pragma = (name: string) => Number(this.sql(`PRAGMA ${name}`).get()?.[name]);
    const pages = pragma('max_page_count') - pragma('page_count') + pragma('freelist_count');
    return pages * pragma('page_size');
  }

  /** A statement, prepared once. */
  sql(text: string): StatementSync {
    const statement = this.#statements.get(text) ?? this.#db.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }

  /** All or nothing, and durable. */
  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (thrown) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw thrown;
    }
  }

  /** What a power cut may undo. */
  lazily(work: () => void): void {
    this.#db.exec('PRAGMA synchronous = NORMAL');
    try {
      work();
    } finally {
      this.#db.exec('PRAGMA synchronous = FULL');
    }
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
    this.#lock.close();
  }
}

/** The lock goes with the process, however it ends. */
function locked(path: string): DatabaseSync {
  makePrivate(path);
  const lock = new DatabaseSync(path);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    throw new ConfigurationError('receiver-archive-unusable', 'another receiver works with it', { cause });
  }
}

function opened(path: string, maxBytes: number): DatabaseSync {
  makePrivate(path);
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF');
    db.exec('PRAGMA journal_size_limit = 4194304');
    const verdict = String(db.prepare('PRAGMA quick_check(1)').get()?.quick_check);
    if (verdict !== 'ok') throw damaged(`damaged: ${verdict.slice(0, 200)}`);
    migrate(db);
    const pageBytes = Number(db.prepare('PRAGMA page_size').get()?.page_size);
    db.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / pageBytes)}`);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (version > STEPS.length)
    throw damaged(`expected schema version ${STEPS.length} or lower, came ${version}`);
  if (version === STEPS.length) return;
  db.exec(`BEGIN IMMEDIATE; ${STEPS.slice(version).join('')} PRAGMA user_version = ${STEPS.length}; COMMIT`);
}

function makePrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}

function damaged(message: string): ConfigurationError {
  return new ConfigurationError('receiver-archive-unusable', message);
}
