import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { readAtMostSync } from '../base/files.ts';
import { OUTBOX_CLASSES } from '../contract/delivery.ts';
import type { Look } from './looks.ts';
import { MAX_NUMBER, replaceFile } from './marks.ts';
import { isStrange } from './strange.ts';

/** Digits of the largest whole number; all lines keep their length, so that they can be written over. */
const DIGITS = 16;
/** Two lines of a few numbers each; whatever is longer is none of ours. */
const MAX_BYTES = 4096;

/** What is known of the outbox apart from the database. */
export interface Known {
  readonly look: Look;
  /** The last number that is known to have been given. */
  readonly given: number;
}

/**
 * The last look at the outbox in a small file of its own, so that what waited can be entered in the ledger when the
 * database is lost. Its first line has the number given last: it is written over after each event, without waiting for
 * the disk, so that it outlives the process at once and the power with the next look.
 */
export class LookFile {
  readonly #file: string;
  #handle: number | undefined;
  #kept = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** @returns undefined when the file is missing, unreadable or torn */
  read(): Known | undefined {
    const [number = '', line = ''] = readLines(this.#file);
    const values = valuesIn(line);
    const [boot, first, last, ...events] = values ?? [];
    if (boot === undefined || first === undefined || last === undefined) return undefined;
    if (events.length !== OUTBOX_CLASSES.length) return undefined;
    return { look: { boot, first, last, events }, given: Math.max(last, valuesIn(number)?.[0] ?? 0) };
  }

  /**
   * Keeps a look durably, when it is another one. Where that cannot be, the older one stays.
   * @returns whether the file says what was looked at
   */
  keep({ boot, first, last, events }: Look): boolean {
    const line = lineOf([boot, first, last, ...events]);
    if (line === this.#kept) return true;
    const text = lineOf([last]) + line;
    const isKept = attempt(() => this.#replace(text)) || attempt(() => this.#writeOver(text));
    if (isKept) this.#kept = line;
    return isKept;
  }

  /** An event has this number. @returns whether the file says so */
  gave(seq: number): boolean {
    const handle = this.#handle;
    return handle !== undefined && attempt(() => writeSync(handle, lineOf([seq]), 0, 'ascii'));
  }

  /** There is nothing to be known of any more. */
  forget(): void {
    this.close();
    this.#kept = '';
    attempt(() => rmSync(this.#file, { force: true }));
  }

  close(): void {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle !== undefined) attempt(() => closeSync(handle));
  }

  #replace(text: string): void {
    replaceFile(this.#file, text);
    this.close();
    this.#handle = openSync(this.#file, 'r+');
  }

  #writeOver(text: string): void {
    this.#handle ??= openSync(this.#file, 'r+');
    writeSync(this.#handle, text, 0, 'ascii');
    fsyncSync(this.#handle);
  }
}

function lineOf(values: readonly number[]): string {
  const text = values.map((value) => String(value).padStart(DIGITS)).join(' ');
  return `${text} ${checkOf(text)}\n`;
}

function valuesIn(line: string): number[] | undefined {
  const text = line.slice(0, line.lastIndexOf(' '));
  if (line !== `${text} ${checkOf(text)}`) return undefined;
  const values = text.trim().split(/ +/).map(Number);
  const areOurs = values.every((value) => Number.isSafeInteger(value) && value >= 0 && value <= MAX_NUMBER);
  return areOurs ? values : undefined;
}

function checkOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

function readLines(file: string): string[] {
  if (isStrange(file)) return [];
  try {
    return readAtMostSync(file, MAX_BYTES)?.toString('latin1').split('\n') ?? [];
  } catch {
    return [];
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
