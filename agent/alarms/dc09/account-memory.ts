import { createHash } from 'node:crypto';
import type { Store } from '../../store/store.ts';

/** What a message is recognised by when it comes again. */
export interface PanelMessage {
  readonly sequence: string;
  /** Its content without the time at which it was sent. */
  readonly text: string;
  /** The time stamp of the panel, where the message has one. */
  readonly sentMs: number | undefined;
  /** Only the stamp of an encrypted message can be relied on. */
  readonly encrypted: boolean;
  readonly wallMs: number;
  readonly monotonicMs: number;
}

interface Taken {
  readonly sequence: string;
  readonly hash: string;
  readonly sentMs?: number | undefined;
  readonly wallMs: number;
}

interface Kept {
  readonly silent: boolean;
  readonly taken: readonly Taken[];
  /** The latest time stamp of what is remembered no more. */
  readonly forgottenMs?: number | undefined;
}

const ROOM = 'panel-accounts';
/** Messages that are remembered of an account: more than its pace lets one address send with the same time stamp. */
const REMEMBERED = 128;
/**
 * The last message may come again for this long: a panel that hears no ACK repeats it. Source: guess; panels give up
 * within minutes, and one that says exactly the same with the same number later shall be heard.
 */
const REPEATED_MS = 600_000;
/** One before the last may come again for this long: a datagram that was late. Source: guess. */
const LATE_MS = 30_000;

/** What is on disk of one account: the messages taken last, and whether it was silent. */
export class AccountMemory {
  readonly #store: Pick<Store, 'memory' | 'transaction'>;
  readonly #key: string;
  /** When the messages of this start were taken, monotonic; of an earlier start only the wall time is known. */
  readonly #takenMs = new WeakMap<Taken, number>();
  #kept: Kept;

  constructor(store: Pick<Store, 'memory' | 'transaction'>, panel: string, account: string) {
    this.#store = store;
    this.#key = `${panel}/${account}`;
    this.#kept = parse(store.memory.get(ROOM, this.#key));
  }

  get silent(): boolean {
    return this.#kept.silent;
  }

  /** Unix ms; minus infinity where nothing with a time stamp was taken. */
  get newestSentMs(): number {
    return latest([this.forgottenMs, ...this.#kept.taken.map(({ sentMs }) => sentMs)]);
  }

  /** What was sent until then may have been taken and forgotten. Unix ms; minus infinity while nothing is forgotten. */
  get forgottenMs(): number {
    return this.#kept.forgottenMs ?? Number.NEGATIVE_INFINITY;
  }

  setSilent(silent: boolean): void {
    if (silent !== this.#kept.silent) this.#keep({ ...this.#kept, silent });
  }

  /**
   * Whether this message was taken before. An encrypted one is the same for ever when it is so to its time stamp. In clear a
   * panel may begin its numbers anew at any time, and some number every message alike: beside the very last message only
   * one that is the same to its time stamp, as a late datagram is, was taken.
   */
  isRepeated({ sequence, text, sentMs, encrypted, ...now }: PanelMessage): boolean {
    const last = this.#kept.taken.at(-1);
    const hash = hashOf(text);
    const same = this.#kept.taken.filter((taken) => taken.sequence === sequence && taken.hash === hash);
    if (encrypted) return same.some((taken) => taken.sentMs === sentMs);
    const match = same.at(-1);
    if (!match || !last) return false;
    const ageMs = this.#ageMs(match, now);
    if (match === last) return !isStampedAnew(match.sentMs, sentMs) && ageMs <= REPEATED_MS;
    return sequence !== last.sequence && sentMs === match.sentMs && ageMs <= LATE_MS;
  }

  /** Remembers a message in one transaction with what it brings `along` to the disk. */
  took({ sequence, text, sentMs, wallMs, monotonicMs }: PanelMessage, along: () => void): void {
    const last: Taken = { sequence, hash: hashOf(text), sentMs, wallMs };
    const all = [...this.#kept.taken, last];
    const forgottenMs = this.#forgottenWith(all.slice(0, -REMEMBERED), sentMs);
    this.#keep({ ...this.#kept, taken: all.slice(-REMEMBERED), forgottenMs }, along);
    this.#takenMs.set(last, monotonicMs);
  }

  /** A bound at or after what was taken all the same comes from a clock that was wrong. */
  #forgottenWith(gone: readonly Taken[], sentMs = Number.POSITIVE_INFINITY): number | undefined {
    const before = this.forgottenMs < sentMs ? this.forgottenMs : undefined;
    const ms = latest([before, ...gone.map((taken) => taken.sentMs)]);
    return Number.isFinite(ms) ? ms : undefined;
  }

  #ageMs(taken: Taken, { wallMs, monotonicMs }: Pick<PanelMessage, 'wallMs' | 'monotonicMs'>): number {
    const takenMs = this.#takenMs.get(taken);
    return takenMs === undefined ? Math.abs(wallMs - taken.wallMs) : monotonicMs - takenMs;
  }

  #keep(next: Kept, along: () => void = () => undefined): void {
    this.#store.transaction(() => {
      along();
      this.#store.memory.set(ROOM, this.#key, JSON.stringify(next));
    });
    this.#kept = next;
  }
}

function latest(stamps: readonly (number | undefined)[]): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...stamps.filter((ms) => ms !== undefined));
}

/** Two messages that both carry a time stamp, and not the same. */
function isStampedAnew(one: number | undefined, other: number | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('base64url').slice(0, 22);
}

function parse(text: string | undefined): Kept {
  const nothing: Kept = { silent: false, taken: [] };
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Kept> | null;
    if (typeof value?.silent !== 'boolean' || !Array.isArray(value.taken)) return nothing;
    const forgottenMs = typeof value.forgottenMs === 'number' ? value.forgottenMs : undefined;
    return { silent: value.silent, taken: value.taken.filter(isTaken), forgottenMs };
  } catch {
    return nothing;
  }
}

function isTaken(value: unknown): value is Taken {
  const { sequence, hash, wallMs } = (value ?? {}) as Partial<Taken>;
  return typeof sequence === 'string' && typeof hash === 'string' && typeof wallMs === 'number';
}
