import { chmodSync, closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { ConfigurationError } from '../../agent/base/errors.ts';

/** An event of a box as it came. */
export interface Incoming {
  readonly site: string;
  readonly id: string;
  readonly topic: string;
  readonly payload: string;
}

/** What the archive made of an event: stored now, stored before, or another one of the same id is stored. */
export type Stored = 'new' | 'known' | 'other';

/** An event as the archive keeps it. */
export interface Archived {
  /** Rises with each event that is stored, and is never given again. */
  readonly number: number;
  readonly receivedMs: number;
  readonly topic: string;
  readonly payload: string;
}

const SCHEMA_VERSION = 1;
const SCHEMA = `
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
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
/** Events forgotten in one transaction. Source: guess; some ten milliseconds. */
const FORGOTTEN_AT_ONCE = 2_000;

/** Every event that the centre has received, once for each site and id; the truth that receipts speak of. */
export class Archive {
  readonly #db: DatabaseSync;
  readonly #lock: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(db: DatabaseSync, lock: DatabaseSync) {
    this.#db = db;
    this.#lock = lock;
  }

  /**
   * Opens the file, or makes it (0600), for this process alone.
   * @throws ConfigurationError `receiver-archive-unusable`
   */
  static open(file: string): Archive {
    let lock: DatabaseSync | undefined;
    try {
      lock = locked(`${file}.lock`);
      return new Archive(opened(file), lock);
    } catch (cause) {
      lock?.close();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigurationError('receiver-archive-unusable', `${file}: ${why}`, { cause });
    }
  }

  /** Stores all of them durably, or throws and stores none. @returns what became of each, in their order */
  store(events: readonly Incoming[], receivedMs: number): Stored[] {
    return this.#transaction(() => events.map((event) => this.#storeOne(event, Math.round(receivedMs))));
  }

  /** The events after a number, in their order. */
  after(number: number, limit: number): Archived[] {
    const rows = this.#sql(
      'SELECT number, received_ms, topic, payload FROM event WHERE number > ? ORDER BY number LIMIT ?',
    );
    return rows.all(number, limit).map((row) => ({
      number: Number(row.number),
      receivedMs: Number(row.received_ms),
      topic: String(row.topic),
      payload: String(row.payload),
    }));
  }

  /** Number of the last event that was handed on. */
  get printed(): number {
    return Number(this.#sql('SELECT number FROM printed').get()?.number);
  }

  /** A power cut may undo it: lines come again. */
  set printed(number: number) {
    this.#db.exec('PRAGMA synchronous = NORMAL');
    try {
      this.#sql('UPDATE printed SET number = ?').run(number);
    } finally {
      this.#db.exec('PRAGMA synchronous = FULL');
    }
  }

  /** Forgets events received before a time that were handed on, some thousand at a time. @returns how many */
  forget(beforeMs: number): number {
    const { changes } = this.#sql(
      `DELETE FROM event WHERE number IN (SELECT number FROM event
       WHERE number <= (SELECT number FROM printed) AND received_ms < ? ORDER BY number LIMIT ${FORGOTTEN_AT_ONCE})`,
    ).run(Math.round(beforeMs));
    return Number(changes);
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
    this.#lock.close();
  }

  #storeOne({ site, id, topic, payload }: Incoming, receivedMs: number): Stored {
    const known = this.#sql('SELECT payload FROM event WHERE site = ? AND id = ?').get(site, id);
    if (known) return known.payload === payload ? 'known' : 'other';
    const insert = 'INSERT INTO event (site, id, topic, payload, received_ms) VALUES (?, ?, ?, ?, ?)';
    this.#sql(insert).run(site, id, topic, payload, receivedMs);
    return 'new';
  }

  #transaction<T>(work: () => T): T {
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

  #sql(text: string): StatementSync {
    const statement = this.#statements.get(text) ?? this.#db.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }
}

/** The lock goes with the process, however it ends. */
function locked(file: string): DatabaseSync {
  makePrivate(file);
  const lock = new DatabaseSync(file);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    throw new ConfigurationError('receiver-archive-unusable', 'another receiver works with it', { cause });
  }
}

function opened(file: string): DatabaseSync {
  makePrivate(file);
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF');
    const verdict = String(db.prepare('PRAGMA quick_check(1)').get()?.quick_check);
    if (verdict !== 'ok') throw damaged(`damaged: ${verdict.slice(0, 200)}`);
    const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
    if (version === 0) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
    else if (version !== SCHEMA_VERSION)
      throw damaged(`expected schema version ${SCHEMA_VERSION}, came ${version}`);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

function damaged(message: string): ConfigurationError {
  return new ConfigurationError('receiver-archive-unusable', message);
}
