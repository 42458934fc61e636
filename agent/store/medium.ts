import { statSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { InternalError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { carryOver, setChainBase } from './carry.ts';
import { doubtConfirm } from './confirm.ts';
import { hasRoom, openDisk, openForReading, openMemory, setAside } from './database.ts';
import { faultWords, type StorageFault, storageFault } from './faults.ts';
import { KeptMarks } from './kept-marks.ts';
import { LookFile } from './look-file.ts';
import { enterRemembered, type Look, lookAt, unseen } from './looks.ts';
import { lastSeq, metaNumber, raiseLastSeq, raiseMeta } from './meta.ts';
import { type ChainEnd, chainEnd, type Sign } from './register-lines.ts';
import { rejoin } from './rejoin.ts';
import type { Sql } from './sql.ts';
import type { StoreFault } from './store.ts';
import { type Left, Unwritten } from './unwritten.ts';

/** No box reaches it by counting. A clock that is not set, or goes back, shows less. */
const LEAST_CLOCK_NUMBER = Date.UTC(2026, 0, 1);
/** Pages given back to the file system at a time, and the number of free ones from which on. Source: guess. */
const VACUUM_PAGES = 512;

export interface MediumNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly sign: Sign;
  /** A folder that outlives the process, though not the power, and takes what the disk refuses. */
  readonly runtimeFolder?: string | undefined;
  readonly onFault: (fault: StoreFault) => void;
  /** A new database took the place of the one of this name. */
  readonly onReplaced: (name: string) => void;
}

/**
 * Where the database lies: on the disk while it can, in memory while it cannot.
 *
 * Event numbers keep rising whatever happens. They rise by one over all starts, also while in memory. When the database
 * is lost, they go on above what this process knows, else above the marks file, which reserves numbers ahead of use;
 * where that is lost too, or cannot be written while numbers are given in memory, above the wall clock in milliseconds,
 * which no box reaches by counting.
 *
 * What an ended process had in memory alone is entered in the loss ledger by the next one.
 */
export class Medium {
  readonly #file: string;
  readonly #needs: MediumNeeds;
  readonly #marks: KeptMarks;
  readonly #lookFile: LookFile;
  readonly #unwritten: Unwritten;
  /** What the process before had in memory alone, until it is in the ledger. */
  #left: Left | undefined;
  #sql: Sql;
  #durable = true;
  /** Of the database and its write-ahead log. */
  #inodes: readonly (number | undefined)[] = [];
  /** The end of the register as this process wrote it; undefined before the database was open. */
  #end: ChainEnd | undefined;
  /** The last event number that this process gave or found; before the database was open, that may have been given. */
  #seq: number;
  /** The last event number that earlier processes are known to have given. */
  readonly #given: number;
  /** What the outbox held when it was last looked at, be it by an earlier process. */
  #look: Look | undefined;

  constructor(file: string, needs: MediumNeeds) {
    this.#file = file;
    this.#needs = needs;
    this.#marks = new KeptMarks(file, needs.runtimeFolder);
    this.#unwritten = new Unwritten(file, needs.runtimeFolder);
    this.#left = this.#unwritten.left(this.#marks.now);
    this.#lookFile = new LookFile(`${file}.look`);
    const known = this.#lookFile.read();
    this.#given = known?.given ?? 0;
    this.#seq = Math.max(this.#given, this.#marks.now?.seq ?? 0);
    this.#look = known?.look ?? unseen(this.#seq);
    this.#sql = this.#open();
    this.#seq = lastSeq(this.#sql);
    this.#end = chainEnd(this.#sql);
    this.#lookAgain();
  }

  get sql(): Sql {
    return this.#sql;
  }

  get durable(): boolean {
    return this.#durable;
  }

  /** The register ends here now; call it after the commit. */
  endsAt(end: ChainEnd): void {
    this.#end = end;
  }

  /** Says that an event was written under this number; call it after the commit. */
  gaveNumber(seq: number): void {
    this.#seq = seq;
    if (this.#durable) this.#lookFile.gave(seq);
    else this.#unwritten.gave(seq);
  }

  /** Something was written; call it after each commit. */
  committed(): void {
    if (!this.#durable) this.#unwritten.changed(this.#sql);
  }

  /** Raises the marks to at least these, before the numbers are used. */
  mark(least: { boot?: number; version?: number; seq?: number }): void {
    const isKept = this.#marks.raise(least, !this.#durable);
    if (isKept === undefined) return;
    if (!isKept && !this.#durable) this.#numberByClock();
    if (least.boot === undefined) return;
    if (!this.#durable) this.#unwritten.remember(this.#sql);
    else if (isKept) this.#unwritten.end();
  }

  /** The number of the next event, reserved. Call it in a transaction. */
  nextNumber(): number {
    this.mark({ seq: lastSeq(this.#sql) + 1 });
    return lastSeq(this.#sql) + 1;
  }

  /** Goes elsewhere after a call failed: to a new file when this one is damaged, to memory when the disk refuses. */
  recover(fault: StorageFault, cause: unknown): void {
    if (this.#sql.inTransaction) this.#sql.close();
    const open = !this.#sql.isClosed;
    this.#sql = this.#begin(fault, cause, open ? this.#sql : openForReading(this.#file));
  }

  /**
   * Leaves the disk when the database or its write-ahead log was taken away: SQLite goes on writing to a file without a
   * name, which is gone with the process.
   */
  leaveLostFile(): void {
    if (!this.#durable || this.#filesAreThere()) return;
    this.recover('unavailable', new InternalError('store-unavailable', 'the database file was taken away'));
    this.#returnToDisk();
  }

  /** Leaves the disk when the file was taken away, goes back to it when it can, gives free pages back. */
  maintain(): void {
    this.leaveLostFile();
    if (!this.#durable) this.#returnToDisk();
    else this.#vacuum();
    this.#marks.calm();
    this.#lookAgain();
  }

  /** Tries a last time to bring to the disk what is in memory. */
  close(): void {
    if (!this.#durable) this.#returnToDisk();
    if (!this.#durable) this.#needs.log.error('store: closed in memory; what the disk did not take is lost');
    this.#lookAgain();
    this.#marks.giveReserveBack(Math.max(this.#seq, this.#look?.last ?? 0));
    this.#lookFile.close();
    this.#unwritten.close();
    this.#sql.close();
  }

  /** What is kept of the outbox apart from the database follows it. */
  #lookAgain(): void {
    this.#look = lookAt(this.#sql) ?? this.#look;
    if (!this.#durable) this.#unwritten.remember(this.#sql);
    else if (this.#look) this.#lookFile.keep(this.#look);
  }

  #open(): Sql {
    try {
      return this.#settled(this.#openDisk());
    } catch (thrown) {
      const fault = storageFault(thrown);
      if (!fault) throw thrown;
      return this.#begin(fault, thrown, openForReading(this.#file));
    }
  }

  /** What is known apart from the database is in it then. */
  #settled(sql: Sql): Sql {
    try {
      this.#enterMissing(sql);
      this.#enterLeft(sql);
      this.#raiseToMarks(sql);
      return sql;
    } catch (thrown) {
      sql.close();
      throw thrown;
    }
  }

  #openDisk(): Sql {
    const sql = openDisk(this.#file);
    this.#inodes = this.#inodesNow();
    return sql;
  }

  /**
   * SQLite drops the end of a damaged write-ahead log without a word, and an older file opens like any other: then
   * numbers were given that the database does not know. Whether more followed nobody knows; all that were reserved count.
   */
  #enterMissing(sql: Sql): void {
    const reached = lastSeq(sql);
    if (!this.#look || reached >= this.#seq || !this.#isBehind(sql, reached)) return;
    sql.exec('BEGIN IMMEDIATE');
    enterRemembered(sql, this.#look, { upTo: this.#seq, reached, reason: 'damaged' });
    raiseLastSeq(sql, this.#seq);
    sql.exec('COMMIT');
    this.#report('store-damaged', false, `the newest events are gone: all after number ${reached}`);
  }

  /** What ended in memory alone with the process before. */
  #enterLeft(sql: Sql): void {
    if (!this.#left) return;
    const { look, upTo } = this.#left;
    const reached = lastSeq(sql);
    sql.exec('BEGIN IMMEDIATE');
    enterRemembered(sql, look, { upTo, reached, reason: 'unwritten' });
    raiseLastSeq(sql, upTo);
    sql.exec('COMMIT');
    this.#left = undefined;
    if (upTo > reached)
      this.#needs.log.warn({ after: reached, upTo }, 'store: the process before ended in memory');
  }

  /** A start that the database does not know was in memory, else it was there once. */
  #isBehind(sql: Sql, reached: number): boolean {
    const marks = this.#marks.now;
    return reached < this.#given || (marks?.unwritten === false && metaNumber(sql, 'boot') < marks.boot);
  }

  /** The marks know more than the disk when it is a new or an older file; up to where memory got is known by then. */
  #raiseToMarks(sql: Sql): void {
    const marks = this.#marks.now;
    if (!marks) return;
    const behind = !marks.unwritten && metaNumber(sql, 'boot') < marks.boot;
    if (behind) raiseLastSeq(sql, marks.seq);
    raiseMeta(sql, 'boot', marks.boot);
    raiseMeta(sql, 'highest_version', marks.version);
  }

  /** A new beginning: through memory, which takes what can be read, to a new file where that is possible. */
  #begin(fault: StorageFault, cause: unknown, source: Sql | undefined): Sql {
    const gathered = openMemory();
    const complete = source !== undefined && carryOver(source, gathered, this.#wallMs());
    const reached = lastSeq(gathered);
    this.#enterLost(gathered, fault, source);
    if (complete || fault === 'damaged') this.#enterLeft(gathered);
    if (!complete) doubtConfirm(gathered);
    source?.close();
    this.#raiseToKnown(gathered, complete && fault === 'unavailable');
    const disk = fault === 'damaged' ? this.#replace(gathered, cause) : undefined;
    if (disk) return disk;
    if (fault === 'unavailable') this.#report('store-unavailable', false, faultWords(cause));
    this.#sql = gathered;
    this.#durable = false;
    this.mark({ seq: lastSeq(gathered) + 1 });
    this.#unwritten.begin(gathered, complete ? reached : lastSeq(gathered));
    return gathered;
  }

  /** Where not even the sums can be read and no event was found, the ledger has what is known apart from the database. */
  #enterLost(gathered: Sql, fault: StorageFault, source: Sql | undefined): void {
    const isReadable = source !== undefined && lookAt(source) !== undefined;
    if (this.#look && fault === 'damaged' && !isReadable && !foundAny(gathered))
      enterRemembered(gathered, this.#look, { upTo: this.#seq, reason: 'damaged' });
    else if (source && !this.#end) this.#enterMissing(gathered);
  }

  /** @param complete the numbers read are all there were */
  #raiseToKnown(gathered: Sql, complete: boolean): void {
    const marks = this.#marks.now;
    if (marks) {
      raiseMeta(gathered, 'boot', marks.boot);
      raiseMeta(gathered, 'highest_version', marks.version);
    }
    if (this.#end) {
      raiseLastSeq(gathered, this.#seq);
      setChainBase(gathered, this.#end);
    } else if (!complete) {
      raiseLastSeq(gathered, marks ? Math.max(this.#seq, this.#left?.upTo ?? 0) : this.#clockNumber());
    }
  }

  #numberByClock(): void {
    raiseLastSeq(this.#sql, this.#clockNumber());
  }

  #clockNumber(): number {
    return Math.max(this.#wallMs(), LEAST_CLOCK_NUMBER);
  }

  #wallMs(): number {
    return Math.trunc(this.#needs.clock.wallMs());
  }

  #replace(gathered: Sql, cause: unknown): Sql | undefined {
    try {
      const name = this.#setAside(cause);
      const disk = this.#joinDisk(gathered);
      gathered.close();
      this.#durable = true;
      this.#needs.onReplaced(name);
      return disk;
    } catch (thrown) {
      if (!storageFault(thrown)) throw thrown;
      this.#report('store-unavailable', false, faultWords(thrown));
      return undefined;
    }
  }

  #setAside(cause: unknown): string {
    const name = setAside(this.#file, this.#needs.clock.wallMs());
    this.#report('store-damaged', false, `${faultWords(cause)}; set aside as ${name}`);
    return name;
  }

  #joinDisk(gathered: Sql): Sql {
    const disk = this.#openDisk();
    try {
      this.#enterLeft(disk);
      rejoin(gathered, disk, this.#needs.sign);
      return disk;
    } catch (thrown) {
      disk.close();
      throw thrown;
    }
  }

  #returnToDisk(): void {
    if (!hasRoom(this.#file)) return;
    try {
      this.#moveTo(this.#joinDisk(this.#sql));
    } catch (thrown) {
      const fault = storageFault(thrown);
      if (!fault) throw thrown;
      if (fault === 'damaged') this.#returnToNewFile(thrown);
    }
  }

  #returnToNewFile(cause: unknown): void {
    try {
      const name = this.#setAside(cause);
      this.#moveTo(this.#joinDisk(this.#sql));
      this.#needs.onReplaced(name);
    } catch (thrown) {
      if (!storageFault(thrown)) throw thrown;
    }
  }

  #moveTo(disk: Sql): void {
    this.#sql.close();
    this.#sql = disk;
    this.#durable = true;
    this.#end = chainEnd(disk);
    this.#seq = lastSeq(disk);
    this.mark({ seq: this.#seq, boot: metaNumber(disk, 'boot') });
    this.#report('store-unavailable', true, 'back on the disk');
  }

  #inodesNow(): (number | undefined)[] {
    return [this.#file, `${this.#file}-wal`].map((file) => statSync(file, { throwIfNoEntry: false })?.ino);
  }

  #filesAreThere(): boolean {
    const now = this.#inodesNow();
    return this.#inodes.every((inode, index) => inode === now[index]);
  }

  #vacuum(): void {
    const free = Number(this.#sql.get('PRAGMA freelist_count')?.freelist_count);
    if (free >= VACUUM_PAGES) this.#sql.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
  }

  #report(code: StoreFault['code'], recovered: boolean, detail: string): void {
    this.#needs.log[recovered ? 'info' : 'error']({ code, recovered, detail }, 'store');
    this.#needs.onFault({ code, recovered, detail });
  }
}

function foundAny(gathered: Sql): boolean {
  const found = 'SELECT 1 FROM outbox UNION SELECT 1 FROM loss WHERE reason = ? AND event_id IS NULL LIMIT 1';
  return gathered.get(found, 'damaged') !== undefined;
}
