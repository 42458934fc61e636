import { createHash } from 'node:crypto';
import type { Memory } from '../../store/store.ts';

interface Taken {
  readonly sequence: string;
  readonly hash: string;
  readonly wallMs: number;
}

interface Kept {
  readonly silent: boolean;
  readonly taken: readonly Taken[];
}

const ROOM = 'panel-accounts';
/** Messages that are remembered of an account. Source: guess. */
const REMEMBERED = 16;
/**
 * The last message may come again for this long: a panel that hears no ACK repeats it. Source: guess; panels give up
 * within minutes, and one that says exactly the same with the same number later shall be heard.
 */
const REPEATED_MS = 600_000;
/** One before the last may come again for this long: a datagram that was late. Source: guess. */
const LATE_MS = 30_000;

/** What is on disk of one account: the messages taken last, and whether it was silent. */
export class AccountMemory {
  readonly #memory: Memory;
  readonly #key: string;
  #kept: Kept;

  constructor(memory: Memory, panel: string, account: string) {
    this.#memory = memory;
    this.#key = `${panel}/${account}`;
    this.#kept = parse(memory.get(ROOM, this.#key));
  }

  get silent(): boolean {
    return this.#kept.silent;
  }

  setSilent(silent: boolean): void {
    if (silent !== this.#kept.silent) this.#keep({ ...this.#kept, silent });
  }

  /**
   * Whether this message was taken before. Panels that number every message alike are heard: then only the very last
   * one can be meant by a repetition.
   */
  isRepeated(sequence: string, text: string, wallMs: number): boolean {
    const last = this.#kept.taken.at(-1);
    const hash = hashOf(text);
    const match = this.#kept.taken.findLast((taken) => taken.sequence === sequence && taken.hash === hash);
    if (!match || !last) return false;
    const ageMs = Math.abs(wallMs - match.wallMs);
    return match === last ? ageMs <= REPEATED_MS : sequence !== last.sequence && ageMs <= LATE_MS;
  }

  took(sequence: string, text: string, wallMs: number): void {
    const taken = [...this.#kept.taken, { sequence, hash: hashOf(text), wallMs }].slice(-REMEMBERED);
    this.#keep({ ...this.#kept, taken });
  }

  #keep(next: Kept): void {
    this.#memory.set(ROOM, this.#key, JSON.stringify(next));
    this.#kept = next;
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('base64url').slice(0, 22);
}

function parse(text: string | undefined): Kept {
  const nothing: Kept = { silent: false, taken: [] };
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Kept> | null;
    if (typeof value?.silent !== 'boolean' || !Array.isArray(value.taken)) return nothing;
    return { silent: value.silent, taken: value.taken.filter(isTaken) };
  } catch {
    return nothing;
  }
}

function isTaken(value: unknown): value is Taken {
  const { sequence, hash, wallMs } = (value ?? {}) as Partial<Taken>;
  return typeof sequence === 'string' && typeof hash === 'string' && typeof wallMs === 'number';
}
