import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { highestMarks, type Marks, writeMarks } from './marks.ts';

/**
 * Event numbers are reserved in the marks file so many at a time: few, since each may have to be told as lost, and ever
 * more while many events come, since each reserve is one small write. Source: guess.
 */
const LEAST_RESERVE = 16;
const MOST_RESERVE = 4096;
const RESERVE_GROWTH = 4;
const NOTHING_MARKED: Marks = { boot: 0, version: 0, seq: 0, unwritten: false };

/** The marks of one database, beside it; in the runtime folder while the disk does not take even them. */
export class KeptMarks {
  readonly #file: string;
  readonly #passing: readonly string[];
  #marks: Marks | undefined;
  #reserve = LEAST_RESERVE;

  /** @param file of the database */
  constructor(file: string, runtimeFolder: string | undefined) {
    this.#file = `${file}.marks`;
    this.#passing = runtimeFolder === undefined ? [] : [join(runtimeFolder, 'beffroi.db.marks')];
    this.#marks = highestMarks([this.#file, ...this.#passing]);
  }

  /** Undefined where there are none. */
  get now(): Marks | undefined {
    return this.#marks;
  }

  /**
   * Raises them to at least these, with a reserve of event numbers.
   * @returns whether they are on the disk; undefined when they were so already
   */
  raise(
    { boot = 0, version = 0, seq = 0 }: Partial<Omit<Marks, 'unwritten'>>,
    unwritten: boolean,
  ): boolean | undefined {
    const old = this.#marks ?? NOTHING_MARKED;
    const next = {
      boot: Math.max(old.boot, boot),
      version: Math.max(old.version, version),
      seq: seq > old.seq ? seq + this.#reserve : old.seq,
      unwritten,
    };
    if (this.#marks && (Object.keys(next) as (keyof Marks)[]).every((key) => next[key] === old[key]))
      return undefined;
    if (next.seq > old.seq) this.#reserve = Math.min(this.#reserve * RESERVE_GROWTH, MOST_RESERVE);
    return this.#write(next);
  }

  /** Few events come: few numbers are reserved again. */
  calm(): void {
    this.#reserve = LEAST_RESERVE;
  }

  /** After a clean end it is known which number was the last. */
  giveReserveBack(seq: number): void {
    if (this.#marks && this.#marks.seq > seq) this.#write({ ...this.#marks, seq });
  }

  /** @returns whether they are on the disk */
  #write(marks: Marks): boolean {
    this.#marks = marks;
    const isKept = writeMarks(this.#file, marks);
    for (const file of this.#passing) {
      if (isKept) removeIfThere(file);
      else writeMarks(file, marks);
    }
    return isKept;
  }
}

function removeIfThere(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Older marks are lower ones.
  }
}
