import { join } from 'node:path';
import { LookFile } from './look-file.ts';
import { type Look, lookUnwritten, NOTHING_SEEN } from './looks.ts';
import type { Marks } from './marks.ts';
import type { Sql } from './sql.ts';

/** Events that are looked at again with one change, on average: a flood must not make each event dearer. Source: guess. */
const LOOKED_AT_PER_CHANGE = 256;

/** What a process that ended had in memory alone. */
export interface Left {
  readonly look: Look;
  /** No event had a higher number. */
  readonly upTo: number;
}

/**
 * What is in memory alone while the disk takes nothing, kept in two small files: in the runtime folder with each change,
 * which outlives the process but not the power; and on the disk, over one of the same length that lies there already, with
 * each look of the store.
 */
export class Unwritten {
  readonly #here: LookFile | undefined;
  readonly #there: LookFile;
  /** Events up to this number are on the disk. */
  #reached = 0;
  /** Events in the last look, and changes since then. */
  #seen = 0;
  #changes = 0;

  /** @param file of the database */
  constructor(file: string, runtimeFolder: string | undefined) {
    this.#here =
      runtimeFolder === undefined ? undefined : new LookFile(join(runtimeFolder, 'beffroi.db.unwritten'));
    this.#there = new LookFile(`${file}.unwritten`);
  }

  /**
   * What an earlier process left. The file of the runtime folder is exact. What comes from the disk may be of before the
   * last events, so every number that was reserved counts. A file of an earlier start than the marks tells of another time.
   */
  left(marks: Marks | undefined): Left | undefined {
    const boot = Math.max(1, marks?.boot ?? 0);
    const here = this.#here?.read();
    if (here && here.look.boot >= boot) return { look: here.look, upTo: here.given };
    if (!marks?.unwritten) return undefined;
    const there = this.#there.read();
    const look = there && there.look.boot >= boot ? there.look : NOTHING_SEEN;
    return { look, upTo: Math.max(marks.seq, there?.given ?? 0) };
  }

  /** From now on events are in memory alone, but for those up to this number. */
  begin(sql: Sql, reached: number): void {
    this.#reached = reached;
    this.remember(sql);
  }

  /** An event has this number. */
  gave(seq: number): void {
    if (this.#here?.gave(seq) === false) this.#here.forget();
    this.#there.gave(seq);
  }

  /** Call it after each change in memory. */
  changed(sql: Sql): void {
    this.#changes += 1;
    if (this.#changes * LOOKED_AT_PER_CHANGE >= this.#seen) this.#look(sql);
  }

  /** Brings both files up to date. */
  remember(sql: Sql): void {
    const look = this.#look(sql);
    if (look) this.#there.keep(look);
  }

  /** Nothing is in memory alone: the file on the disk lies ready for the time when no new one can be made. */
  end(): void {
    this.#here?.forget();
    if (this.#there.read()?.look.boot !== NOTHING_SEEN.boot) this.#there.keep(NOTHING_SEEN);
  }

  close(): void {
    this.#here?.close();
    this.#there.close();
  }

  /** A file that does not say the last number would let it be given again: then better none. */
  #look(sql: Sql): Look | undefined {
    const look = lookUnwritten(sql, this.#reached);
    if (!look) return undefined;
    this.#changes = 0;
    this.#seen = look.events.reduce((sum, events) => sum + events, 0);
    if (this.#here?.keep(look) === false) this.#here.forget();
    return look;
  }
}
