import { asError, InternalError } from '../base/errors.ts';
import { faultWords, storageFault } from './faults.ts';
import { Medium, type MediumNeeds } from './medium.ts';
import type { Sql } from './sql.ts';
import type { StoreFault } from './store.ts';

/** Tries of one call: on the disk, in a new file, in memory. */
const MAX_TRIES = 3;
/** Faults and breaks kept for a listener that comes later. */
const MAX_UNTOLD = 16;

export type EngineNeeds = Omit<MediumNeeds, 'onFault' | 'onReplaced'>;

/** Runs the calls of the store in transactions, and again elsewhere when file or disk fail. */
export class Engine {
  readonly medium: Medium;
  readonly #needs: EngineNeeds;
  readonly #afterCommit = new Set<() => void>();
  readonly #listeners: ((fault: StoreFault) => void)[] = [];
  #noteBreak: ((name: string) => void) | undefined;
  #untoldFaults: StoreFault[] = [];
  #untoldBreaks: string[] = [];
  /** Calls under way; told things wait until there are none, so that a listener may call the store. */
  #calls = 0;
  #inTransaction = false;
  #failedInside: unknown;

  constructor(file: string, needs: EngineNeeds) {
    this.#needs = needs;
    this.medium = new Medium(file, {
      ...needs,
      onFault: (fault) => this.#keepFault(fault),
      onReplaced: (name) => {
        this.#untoldBreaks = [...this.#untoldBreaks, name].slice(-MAX_UNTOLD);
      },
    });
  }

  /** Runs `work` on the database in force. */
  read<T>(work: (sql: Sql) => T): T {
    if (this.#inTransaction) return this.#inside(work);
    return this.#outermost(() => work(this.medium.sql));
  }

  /** Runs `work` in a transaction, or in the one that is open. */
  write<T>(work: (sql: Sql) => T): T {
    if (this.#inTransaction) return this.#inside(work);
    return this.#outermost(() => this.#transact(work));
  }

  /**
   * Runs `work` in a transaction that may be undone by a power cut, as one with all later ones of its kind: the next
   * `write` makes it durable. For what is done again by itself.
   * @see https://www.sqlite.org/pragma.html#pragma_synchronous: WAL with NORMAL stays consistent
   */
  writeLazily<T>(work: (sql: Sql) => T): T {
    if (this.#inTransaction) return this.#inside(work);
    return this.#outermost(() => this.#unsynced(work));
  }

  /** Calls once after the transaction that is open has become durable; not at all when it does not. */
  afterCommit(callback: () => void): void {
    this.#afterCommit.add(callback);
  }

  /** Sets who notes in the register that a new database was begun. */
  onBreak(note: (name: string) => void): void {
    this.#noteBreak = note;
    this.#noteBreaks();
  }

  onFault(listener: (fault: StoreFault) => void): void {
    this.#listeners.push(listener);
    this.#tellFaults();
  }

  fault(fault: StoreFault): void {
    this.#keepFault(fault);
    this.#tellFaults();
  }

  /** See the medium. */
  maintain(): void {
    this.#outermost(() => this.medium.maintain());
  }

  #outermost<T>(run: () => T): T {
    this.#calls += 1;
    try {
      return this.#tries(run);
    } finally {
      this.#calls -= 1;
      this.#tellCommitted();
      this.#noteBreaks();
      this.#tellFaults();
    }
  }

  #tries<T>(run: () => T): T {
    for (let tries = 1; ; tries += 1) {
      try {
        return run();
      } catch (thrown) {
        this.#afterCommit.clear();
        const fault = storageFault(thrown);
        if (!fault) throw thrown;
        if (!this.medium.durable || tries === MAX_TRIES) {
          throw new InternalError('store-unavailable', `store: ${faultWords(thrown)}`, { cause: thrown });
        }
        this.medium.recover(fault, thrown);
        this.#noteBreaks();
      }
    }
  }

  #transact<T>(work: (sql: Sql) => T): T {
    this.medium.leaveLostFile();
    const sql = this.medium.sql;
    sql.exec('BEGIN IMMEDIATE');
    this.#inTransaction = true;
    this.#failedInside = undefined;
    try {
      const result = work(sql);
      if (this.#failedInside !== undefined) throw this.#failedInside;
      sql.exec('COMMIT');
      this.medium.committed();
      return result;
    } catch (thrown) {
      rollBack(sql);
      throw this.#failedInside ?? thrown;
    } finally {
      this.#inTransaction = false;
    }
  }

  #unsynced<T>(work: (sql: Sql) => T): T {
    const { sql } = this.medium;
    sql.exec('PRAGMA synchronous = NORMAL');
    try {
      return this.#transact(work);
    } finally {
      if (!sql.isClosed) sql.exec('PRAGMA synchronous = FULL');
    }
  }

  /** Remembers a fault of the storage, so that the transaction fails even when the caller catches the error. */
  #inside<T>(work: (sql: Sql) => T): T {
    try {
      return work(this.medium.sql);
    } catch (thrown) {
      if (storageFault(thrown)) this.#failedInside ??= thrown;
      throw thrown;
    }
  }

  #keepFault(fault: StoreFault): void {
    this.#untoldFaults = [...this.#untoldFaults, fault].slice(-MAX_UNTOLD);
  }

  #tellCommitted(): void {
    const callbacks = [...this.#afterCommit];
    this.#afterCommit.clear();
    for (const callback of callbacks) this.#call(callback);
  }

  #noteBreaks(): void {
    const note = this.#noteBreak;
    if (!note) return;
    const names = this.#untoldBreaks;
    this.#untoldBreaks = [];
    for (const name of names) this.#call(() => note(name));
  }

  #tellFaults(): void {
    if (this.#listeners.length === 0 || this.#calls > 0 || this.#inTransaction) return;
    const faults = this.#untoldFaults;
    this.#untoldFaults = [];
    for (const fault of faults) {
      for (const listener of this.#listeners) this.#call(() => listener(fault));
    }
  }

  #call(listener: () => void): void {
    try {
      listener();
    } catch (thrown) {
      this.#needs.log.error({ err: asError(thrown) }, 'store: a listener failed');
    }
  }
}

function rollBack(sql: Sql): void {
  try {
    if (sql.inTransaction) sql.exec('ROLLBACK');
  } catch {
    // The medium gives the connection up.
  }
}
