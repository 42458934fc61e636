import { createHash } from 'node:crypto';
import type { ClockTrust } from '../../base/clock.ts';
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
  /** Whether the wall clock can be believed. */
  readonly trust: ClockTrust;
  readonly monotonicMs: number;
}

interface Taken {
  readonly sequence: string;
  readonly hash: string;
  readonly sentMs?: number | undefined;
  readonly wallMs: number;
}

/** A message of which not all is done yet. */
interface Begun extends Taken {
  /** The parts that are done. */
  readonly done: readonly string[];
}

/** A part of a message. */
export interface Part {
  /** It was done before, in a try that did not come to its end. */
  readonly isDone: boolean;
  /** Writes that it is done; call it in the transaction that does it. */
  write(): void;
  /** That transaction is durable. */
  written(): void;
}

interface Kept {
  readonly silent: boolean;
  readonly taken: readonly Taken[];
  readonly begun?: Begun | undefined;
  /** The latest time stamp of what is remembered no more. */
  readonly forgottenMs?: number | undefined;
  /** The latest time stamp of a sign of life, as old as `KEEP_HEARD_MS` at most. */
  readonly heardMs?: number | undefined;
  /** Where genuine messages came from lately, the last one last. */
  readonly addresses?: readonly string[] | undefined;
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
/**
 * The tries of a panel that writes the time of each lie within this, and those of one that numbers every message alike.
 * Source: guess, above the time after which panels give up one path.
 */
const RETRIED_MS = 60_000;
/** How often the time stamp of the last sign of life is written. Source: guess; of each would wear the disk. */
const KEEP_HEARD_MS = 60_000;
/** Addresses that are kept of an account: paths of one panel, before and after it got another. Source: guess. */
const ADDRESSES = 4;

/** What is on disk of one account: the messages taken last, and whether it was silent. */
export class AccountMemory {
  readonly #store: Pick<Store, 'memory' | 'transaction'>;
  readonly #key: string;
  /** When the messages of this start were taken, monotonic; of an earlier start only the wall time is known. */
  readonly #takenMs = new WeakMap<Taken, number>();
  readonly #startMs: number;
  #kept: Kept;

  /** @param startMs monotonic */
  constructor(
    store: Pick<Store, 'memory' | 'transaction'>,
    {
      panel,
      account,
      startMs,
    }: { readonly panel: string; readonly account: string; readonly startMs: number },
  ) {
    this.#startMs = startMs;
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

  /** Unix ms; minus infinity where none is known. */
  get heardMs(): number {
    return this.#kept.heardMs ?? Number.NEGATIVE_INFINITY;
  }

  get addresses(): readonly string[] {
    return this.#kept.addresses ?? [];
  }

  setSilent(silent: boolean): void {
    if (silent !== this.#kept.silent) this.#keep({ ...this.#kept, silent });
  }

  /**
   * A genuine message came. What anybody can forge, since it came in clear, is no reason to write.
   * @param sentMs its time stamp, where it can be relied on
   */
  heard(address: string, sentMs: number | undefined): void {
    const { addresses, heardMs } = this;
    const isKnown = addresses.includes(address);
    const isOld = sentMs !== undefined && Math.abs(sentMs - heardMs) >= KEEP_HEARD_MS;
    if (isKnown && !isOld) return;
    const all = isKnown ? addresses : [...addresses, address].slice(-ADDRESSES);
    const next = { ...this.#kept, addresses: all, heardMs: sentMs ?? this.#kept.heardMs };
    if (sentMs === undefined) this.#kept = next;
    else this.#keep(next);
  }

  /**
   * Whether this message was taken before. An encrypted one is the same for ever when it is so to its time stamp. In clear a
   * panel may begin its numbers anew at any time, and some number every message alike: beside the very last message only
   * one that is the same to its time stamp, as a late datagram is, was taken.
   */
  isRepeated(message: PanelMessage): boolean {
    const { sequence, text, sentMs, encrypted } = message;
    const last = this.#kept.taken.at(-1);
    const hash = hashOf(text);
    const same = this.#kept.taken.filter((taken) => taken.sequence === sequence && taken.hash === hash);
    const match = same.at(-1);
    if (!match || !last) return false;
    if (match === last && this.#isRetried(match, sentMs)) return true;
    if (encrypted) return same.some((taken) => taken.sentMs === sentMs);
    const ageMs = this.#ageMs(match, message);
    if (match === last) return !isStampedAnew(match.sentMs, sentMs) && ageMs <= this.#repeatedMs(match);
    return sequence !== last.sequence && sentMs === match.sentMs && ageMs <= LATE_MS;
  }

  /** The same message with the time of another try. A panel that numbers every message alike says something new by that. */
  #isRetried(taken: Taken, sentMs: number | undefined): boolean {
    if (taken.sentMs === undefined || sentMs === undefined || !this.#counts(taken)) return false;
    return sentMs > taken.sentMs && sentMs - taken.sentMs <= RETRIED_MS;
  }

  /** For how long the last message without a time stamp may come again. */
  #repeatedMs(taken: Taken): number {
    return this.#counts(taken) ? REPEATED_MS : RETRIED_MS;
  }

  /** Whether the panel gives its messages different numbers. Of the first one nobody knows; then it is taken to. */
  #counts(taken: Taken): boolean {
    const others = this.#kept.taken.filter((other) => other !== taken);
    return others.length === 0 || others.some(({ sequence }) => sequence !== taken.sequence);
  }

  /** @param name tells it apart from the other parts of this message */
  part(message: PanelMessage, name: string): Part {
    const done = this.#doneOf(message);
    const begun: Begun = { ...takenOf(message), done: [...done, name] };
    const next = { ...this.#kept, begun };
    return {
      isDone: done.includes(name),
      write: () => this.#write(next),
      written: () => {
        this.#kept = next;
        this.#takenMs.set(begun, message.monotonicMs);
      },
    };
  }

  /** A message that was begun is recognised as the last one that was taken is. */
  #doneOf(message: PanelMessage): readonly string[] {
    const { begun } = this.#kept;
    if (begun?.sequence !== message.sequence || begun.hash !== hashOf(message.text)) return [];
    const { sentMs, encrypted } = message;
    if (this.#isRetried(begun, sentMs)) return begun.done;
    const isSame = encrypted
      ? begun.sentMs === sentMs
      : !isStampedAnew(begun.sentMs, sentMs) && this.#ageMs(begun, message) <= this.#repeatedMs(begun);
    return isSame ? begun.done : [];
  }

  /** Remembers a message in one transaction with what it brings `along` to the disk. */
  took(message: PanelMessage, along: () => void): void {
    const last = takenOf(message);
    const all = [...this.#kept.taken, last];
    const forgottenMs = this.#forgottenWith(all.slice(0, -REMEMBERED), message.sentMs);
    const taken = all.slice(-REMEMBERED);
    this.#keep({ ...this.#kept, taken, forgottenMs, begun: undefined }, along);
    this.#takenMs.set(last, message.monotonicMs);
  }

  /** A bound at or after what was taken all the same comes from a clock that was wrong. */
  #forgottenWith(gone: readonly Taken[], sentMs = Number.POSITIVE_INFINITY): number | undefined {
    const before = this.forgottenMs < sentMs ? this.forgottenMs : undefined;
    const ms = latest([before, ...gone.map((taken) => taken.sentMs)]);
    return Number.isFinite(ms) ? ms : undefined;
  }

  /**
   * Of a message of an earlier start only the wall time is known. Where that cannot be believed, or goes backwards, it is
   * taken for another one: a message that is told twice does less harm than one that is not told. In no case is it younger
   * than this start.
   */
  #ageMs(taken: Taken, { wallMs, monotonicMs, trust }: Now): number {
    const takenMs = this.#takenMs.get(taken);
    if (takenMs !== undefined) return monotonicMs - takenMs;
    const ageMs = wallMs - taken.wallMs;
    return trust !== 'untrusted' && ageMs >= 0
      ? Math.max(ageMs, monotonicMs - this.#startMs)
      : Number.POSITIVE_INFINITY;
  }

  #keep(next: Kept, along: () => void = () => undefined): void {
    this.#store.transaction(() => {
      along();
      this.#write(next);
    });
    this.#kept = next;
  }

  #write(next: Kept): void {
    this.#store.memory.set(ROOM, this.#key, JSON.stringify(next));
  }
}

type Now = Pick<PanelMessage, 'wallMs' | 'monotonicMs' | 'trust'>;

function latest(stamps: readonly (number | undefined)[]): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...stamps.filter((ms) => ms !== undefined));
}

/** Two messages that both carry a time stamp, and not the same. */
function isStampedAnew(one: number | undefined, other: number | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}

function takenOf({ sequence, text, sentMs, wallMs }: PanelMessage): Taken {
  return { sequence, hash: hashOf(text), sentMs, wallMs };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('base64url').slice(0, 22);
}

function parse(text: string | undefined): Kept {
  const nothing: Kept = { silent: false, taken: [] };
  try {
    const value = JSON.parse(text ?? 'null') as Partial<Kept> | null;
    if (typeof value?.silent !== 'boolean' || !Array.isArray(value.taken)) return nothing;
    const { silent, taken, addresses } = value;
    const [forgottenMs, heardMs] = [numberOr(value.forgottenMs), numberOr(value.heardMs)];
    const texts = Array.isArray(addresses) ? addresses.filter((one) => typeof one === 'string') : undefined;
    const begun = isBegun(value.begun) ? value.begun : undefined;
    return { silent, taken: taken.filter(isTaken), begun, forgottenMs, heardMs, addresses: texts };
  } catch {
    return nothing;
  }
}

function numberOr(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function isTaken(value: unknown): value is Taken {
  const { sequence, hash, wallMs } = (value ?? {}) as Partial<Taken>;
  return typeof sequence === 'string' && typeof hash === 'string' && typeof wallMs === 'number';
}

function isBegun(value: unknown): value is Begun {
  const { done } = (value ?? {}) as Partial<Begun>;
  return isTaken(value) && Array.isArray(done);
}
