import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { asError, systemCode } from '../../base/errors.ts';
import { readAtMostSync } from '../../base/files.ts';
import type { Log } from '../../base/log.ts';
import type { Memory } from '../../store/store.ts';
import { type Known, known, NOTHING_KNOWN, union } from './known.ts';

const ROOM = 'partners';
const KEY = 'known';
/** Name of the second copy in the state folder. */
const FILE = 'partners.json';
/** Far above what `MAX_KNOWN` cameras and addresses need. Source: guess. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/**
 * What is known of partners, in two copies: in the database, and in a file beside it. Each is enough, so that neither a
 * lost database nor a lost file makes the box forget whose a camera is.
 */
export class PartnerMemory {
  readonly #memory: Memory;
  readonly #file: string;
  readonly #log: Log;
  #known: Known;
  #damaged: boolean;

  constructor(memory: Memory, stateFolder: string, log: Log) {
    this.#memory = memory;
    this.#file = join(stateFolder, FILE);
    this.#log = log;
    const copies = [readCopy(() => memory.get(ROOM, KEY)), readCopy(() => this.#text())];
    const good = copies.filter((copy) => copy !== 'damaged').filter((copy) => copy !== undefined);
    this.#damaged = good.length === 0 && copies.includes('damaged');
    this.#known = good.reduce(union, NOTHING_KNOWN);
    if (copies.some((copy) => copy === 'damaged'))
      log.error('a copy of what is known of partners is damaged');
    if (good.length > 0) this.keep(this.#known); // heals the other copy
  }

  get known(): Known {
    return this.#known;
  }

  /** Something was known, and no copy can be read any more. */
  get damaged(): boolean {
    return this.#damaged;
  }

  /** Durable when this returns, as far as the disk takes it. */
  keep(next: Known): void {
    this.#known = next;
    this.#damaged = false;
    const text = JSON.stringify(next);
    if (this.#memory.get(ROOM, KEY) !== text) this.#memory.set(ROOM, KEY, text);
    try {
      if (this.#text() !== text) replaceDurably(this.#file, text);
    } catch (err) {
      this.#log.error(
        { err: asError(err) },
        'the second copy of what is known of partners cannot be written',
      );
    }
  }

  /** Undefined where there is no file, and empty where it is longer than any of ours. */
  #text(): string | undefined {
    try {
      return readAtMostSync(this.#file, MAX_FILE_BYTES)?.toString('utf8') ?? '';
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return undefined;
      throw thrown;
    }
  }
}

function readCopy(read: () => string | undefined): Known | 'damaged' | undefined {
  try {
    const text = read();
    return text === undefined ? undefined : known.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}

function replaceDurably(file: string, text: string): void {
  syncing(`${file}.new`, 'w', (handle) => writeSync(handle, text));
  renameSync(`${file}.new`, file);
  syncing(dirname(file), 'r', () => undefined);
}

function syncing(path: string, flags: 'r' | 'w', work: (handle: number) => unknown): void {
  const handle = openSync(path, flags, 0o600);
  try {
    work(handle);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
