import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder, readAtMostSync } from '../base/files.ts';
import { syncFolder } from './database.ts';
import { isStrange, makeWay } from './strange.ts';

/**
 * High-water marks in a small file of their own, so that numbers keep rising and old configurations stay refused when
 * the database is lost.
 */
export interface Marks {
  /** Number of the last start. */
  readonly boot: number;
  /** Highest configuration version ever seen. */
  readonly version: number;
  /** No event had a higher number, unless `unwritten`. */
  readonly seq: number;
  /** True when events were numbered in memory, from `seq` up, and did not come back to the disk. */
  readonly unwritten: boolean;
}

/** More than any box reaches, also by the clock: what is above is no number of ours, and would leave none to give. */
export const MAX_NUMBER = 2 ** 52;
/** One line of four numbers; whatever is longer is none of ours. */
const MAX_BYTES = 4096;

/** The highest of several files. @returns undefined when none can be read */
export function highestMarks(files: readonly string[]): Marks | undefined {
  const [one, ...more] = files.flatMap((file) => readMarks(file) ?? []);
  return one && more.reduce(higher, one);
}

function higher(a: Marks, b: Marks): Marks {
  return {
    boot: Math.max(a.boot, b.boot),
    version: Math.max(a.version, b.version),
    seq: Math.max(a.seq, b.seq),
    unwritten: a.unwritten || b.unwritten,
  };
}

/** @returns undefined when the file is missing, unreadable or torn */
function readMarks(file: string): Marks | undefined {
  if (isStrange(file)) return undefined;
  try {
    const [boot, version, seq, unwritten] = fieldsIn(file);
    const good = [boot, version, seq].every(
      (n) => Number.isSafeInteger(n) && Number(n) >= 0 && Number(n) <= MAX_NUMBER,
    );
    if (!good || boot === undefined || version === undefined || seq === undefined) return undefined;
    return unwritten === 0 || unwritten === 1
      ? { boot, version, seq, unwritten: unwritten === 1 }
      : undefined;
  } catch {
    return undefined;
  }
}

function fieldsIn(file: string): number[] {
  const text = readAtMostSync(file, MAX_BYTES)?.toString('ascii') ?? '';
  return text.trim().split(' ').map(Number);
}

/**
 * Writes the marks durably; on a full disk over the old ones.
 * @returns false when neither way works
 */
export function writeMarks(file: string, marks: Marks): boolean {
  const text = `${[marks.boot, marks.version, marks.seq, marks.unwritten ? 1 : 0].join(' ')}\n`.padStart(64);
  return attempt(() => replaceFile(file, text)) || attempt(() => writeDurably(file, text, 'r+'));
}

/** Puts a small file in the place of the old one, durably: it is the old one or the new one, whatever happens. */
export function replaceFile(file: string, text: string): void {
  makeFolder(dirname(file), 0o700);
  for (const name of [file, `${file}.new`]) makeWay(name);
  writeDurably(`${file}.new`, text, 'w');
  renameSync(`${file}.new`, file);
  syncFolder(dirname(file));
}

function writeDurably(file: string, text: string, flags: 'w' | 'r+'): void {
  const handle = openSync(file, flags, 0o600);
  try {
    writeSync(handle, text, 0, 'ascii');
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
