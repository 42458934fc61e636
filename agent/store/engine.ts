import { existsSync, statSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { asError, InternalError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { carryOver, setChainBase } from './carry.ts';
import { openDisk, openForReading, openMemory, setAside } from './database.ts';
import { faultWords, type StorageFault, storageFault } from './faults.ts';
import { type Marks, readMarks, writeMarks } from './marks.ts';
import { lastSeq, metaNumber, raiseLastSeq, raiseMeta } from './meta.ts';
import { type ChainEnd, chainEnd, type Sign } from './register-lines.ts';
import { rejoin } from './rejoin.ts';
import type { Sql } from './sql.ts';
import type { StoreFault } from './store.ts';

/** Event numbers are reserved in the marks file this many at a time. Source: guess; one small write per reserve. */
const SEQ_RESERVE = 4096;
/** Tries of one call: on the disk, on a new database, in memory. */
const MAX_TRIES = 3;
/** Faults kept for a listener that comes later. */
const MAX_UNTOLD = 16;

export interface EngineNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly sign: Sign;
}

/** What is known without reading the database. */
interface Known {
  seq: number;
  end: ChainEnd | undefined;
}

/**
 * Runs the calls of the store on the disk while it can and in memory while it cannot, and moves between the two.
 *
 * Event numbers keep rising whatever happens. While the disk works they rise by one, over all starts. A store in
 * memory, and a database whose predecessor was lost, number from above everything that is known: the numbers read, the
 * marks file, and the wall clock in milliseconds, which no box reaches by counting.
 */
export class Engine {
  readonly #file: string;
  readonly #marksFile: string;
  readonly #needs: EngineNeeds;
  readonly #known: Known = { seq: 0, end: undefined };
  readonly #afterCommit = new Set<() => void>();
  readonly #listeners: ((fault: StoreFault) => void)[] = [];
  #onReplaced: (name: string) => void = () => undefined;
  #marks: Marks;
  #sql: Sql;
  #durable = true;
  #depth = 0;
  #busy = 0;
  #brokenInside: unknown;
  #untold: StoreFault[] = [];
  #replaced: string | undefined;

  constructor(file: string, needs: EngineNeeds) {
    this.#file = file;
    this.#marksFile = `${file}.marks`;
    this.#needs = needs;
    this.#marks = readMarks(this.#marksFile) ?? { boot: 0, version: 0, seq: 0, apart: false };
    this.#sql = this.#open();
  }

  get durable(): boolean {
    return this.#durable;
  }

  /** Runs `work` on the database in force. */
  read<T>(work: (sql: Sql) => T): T {
    return this.#depth > 0 ? this.#inside(() => work(this.#sql)) : this.#outermost(() => work(this.#sql));
  }

  /** Runs `work` in a transaction, or in the one that is open. */
  write<T>(work: (sql: Sql) => T): T {
    if (this.#depth > 0) return this.#inside(() => work(this.#sql));
    return this.#outermost(() => this.#transact(() => work(this.#sql)));
  }

  /** Calls once after the transaction that is open has become durable; not at all when it does not. */
  afterCommit(callback: () => void): void {
    this.#afterCommit.add(callback);
  }

  /** Remembers numbers for the case that the database is lost. Call it after the commit. */
  remember(known: Partial<Known>): void {
    Object.assign(this.#known, known);
  }

  /** Writes the marks file when something rose above what it says. */
  mark(risen: { boot?: number; version?: number; seq?: number }): void {
    const seq = risen.seq ?? 0;
    const next = {
      boot: Math.max(this.#marks.boot, risen.boot ?? 0),
      version: Math.max(this.#marks.version, risen.version ?? 0),
      seq: seq > this.#marks.seq ? seq + (this.#durable ? SEQ_RESERVE : 0) : this.#marks.seq,
      apart: !this.#durable,
    };
    const same = (Object.keys(next) as (keyof Marks)[]).every((key) => next[key] === this.#marks[key]);
    if (same) return;
    this.#marks = next;
    if (!writeMarks(this.#marksFile, next)) this.#needs.log.debug('marks file not written');
  }

  /** Sets who notes in the register that a new database was begun; called with the name of the old one. */
  onReplaced(listener: (name: string) => void): void {
    this.#onReplaced = listener;
    this.#tellReplaced();
  }

  onFault(listener: (fault: StoreFault) => void): void {
    this.#listeners.push(listener);
    this.#tellFaults();
  }

  fault(fault: StoreFault): void {
    this.#untold = [...this.#untold, fault].slice(-MAX_UNTOLD);
    if (this.#busy === 0) this.#tellFaults();
  }

  /** Leaves the disk when the file below was taken away; goes back to it when it can. */
  maintain(): void {
    if (!this.#durable) this.#returnToDisk();
    else if (!this.#fileIsThere())
      this.#recover('unavailable', new InternalError('store-unavailable', 'database file gone'));
    this.#tellFaults();
  }

  close(): void {
    this.#sql.close();
  }

  #open(): Sql {
    try {
      const sql = openDisk(this.#file);
      this.#applyMarks(sql);
      return sql;
    } catch (thrown) {
      const fault = storageFault(thrown);
      if (!fault) throw thrown;
      return this.#begin(fault, thrown, openForReading(this.#file));
    }
  }

  #applyMarks(sql: Sql): void {
    if (!this.#marks.apart) return;
    raiseLastSeq(sql, Math.max(this.#marks.seq, this.#needs.clock.wallMs()));
  }

  /** A new beginning: through memory, which takes what can be read of `source`, to a new file where that is possible. */
  #begin(fault: StorageFault, cause: unknown, source: Sql | undefined): Sql {
    const gathered = openMemory();
    if (source) carryOver(source, gathered);
    source?.close();
    this.#raise(gathered);
    if (fault === 'damaged') {
      const disk = this.#replace(gathered, cause);
      if (disk) return disk;
    } else {
      this.#report('store-unavailable', false, faultWords(cause));
    }
    this.#durable = false;
    this.mark({ seq: lastSeq(gathered) });
    return gathered;
  }

  #raise(gathered: Sql): void {
    const seq = Math.max(this.#known.seq, this.#marks.seq, this.#needs.clock.wallMs());
    raiseLastSeq(gathered, seq);
    raiseMeta(gathered, 'boot', this.#marks.boot);
    raiseMeta(gathered, 'highest_version', this.#marks.version);
    if (this.#known.end && this.#known.end.length > chainEnd(gathered).length) {
      setChainBase(gathered, this.#known.end);
    }
  }

  #replace(gathered: Sql, cause: unknown): Sql | undefined {
    try {
      const name = setAside(this.#file, this.#needs.clock.wallMs());
      this.#replaced = name;
      this.#report('store-damaged', false, `${faultWords(cause)}; set aside as ${name}`);
      const disk = this.#joinDisk(gathered);
      gathered.close();
      return disk;
    } catch (thrown) {
      if (!storageFault(thrown)) throw thrown;
      this.#report('store-unavailable', false, faultWords(thrown));
      return undefined;
    }
  }

  #joinDisk(gathered: Sql): Sql {
    const disk = openDisk(this.#file);
    try {
      rejoin(gathered, disk, this.#needs.sign);
      return disk;
    } catch (thrown) {
      disk.close();
      throw thrown;
    }
  }

  #returnToDisk(): void {
    try {
      const disk = this.#joinDisk(this.#sql);
      this.#sql.close();
      this.#sql = disk;
      this.#durable = true;
      this.mark({ seq: lastSeq(disk), boot: metaNumber(disk, 'boot') });
      this.#report('store-unavailable', true, 'back on the disk');
    } catch (thrown) {
      const fault = storageFault(thrown);
      if (!fault) throw thrown;
      if (fault === 'damaged') this.#setAsideForLater(thrown);
    }
  }

  /** The next try begins a new file. */
  #setAsideForLater(cause: unknown): void {
    try {
      const name = setAside(this.#file, this.#needs.clock.wallMs());
      this.#report('store-damaged', false, `${faultWords(cause)}; set aside as ${name}`);
    } catch (thrown) {
      if (!storageFault(thrown)) throw thrown;
    }
  }

  #fileIsThere(): boolean {
    return existsSync(this.#file) && statSync(this.#file).size > 0;
  }

  #outermost<T>(run: () => T): T {
    this.#busy += 1;
    try {
      const result = this.#tries(run);
      return result;
    } finally {
      this.#busy -= 1;
      this.#flush();
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
        if (!this.#durable || tries === MAX_TRIES) {
          throw new InternalError('store-unavailable', `store: ${faultWords(thrown)}`, { cause: thrown });
        }
        this.#recover(fault, thrown);
      }
    }
  }

  #recover(fault: StorageFault, cause: unknown): void {
    this.#sql = this.#begin(fault, cause, this.#sql);
    this.#tellReplaced();
  }

  #transact<T>(work: () => T): T {
    this.#sql.exec('BEGIN IMMEDIATE');
    this.#depth += 1;
    this.#brokenInside = undefined;
    try {
      const result = work();
      if (this.#brokenInside !== undefined) throw this.#brokenInside;
      this.#sql.exec('COMMIT');
      return result;
    } catch (thrown) {
      rollBack(this.#sql);
      throw this.#brokenInside ?? thrown;
    } finally {
      this.#depth -= 1;
    }
  }

  /** Remembers a fault of the storage, so that the transaction fails even when the caller catches the error. */
  #inside<T>(run: () => T): T {
    try {
      return run();
    } catch (thrown) {
      if (storageFault(thrown)) this.#brokenInside ??= thrown;
      throw thrown;
    }
  }

  #flush(): void {
    const callbacks = [...this.#afterCommit];
    this.#afterCommit.clear();
    for (const callback of callbacks) callback();
    if (this.#busy === 0) this.#tellFaults();
  }

  #report(code: StoreFault['code'], recovered: boolean, detail: string): void {
    this.#needs.log[recovered ? 'info' : 'error']({ code, recovered, detail }, 'store');
    this.fault({ code, recovered, detail });
  }

  #tellReplaced(): void {
    const name = this.#replaced;
    if (name === undefined) return;
    this.#replaced = undefined;
    this.#onReplaced(name);
  }

  #tellFaults(): void {
    if (this.#listeners.length === 0) return;
    const faults = this.#untold;
    this.#untold = [];
    for (const fault of faults) for (const listener of this.#listeners) this.#call(() => listener(fault));
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
    // The connection is about to be given up.
  }
}
