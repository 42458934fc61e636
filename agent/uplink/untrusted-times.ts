import type { Envelope } from '../contract/envelope.ts';
import type { Fields } from '../contract/messages.ts';
import type { Store } from '../store/store.ts';

/** Events with consecutive numbers that were written while wall time and operating time went side by side. */
interface Stretch {
  readonly boot: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Wall time minus operating time, ms. */
  readonly offsetMs: number;
  readonly exact: boolean;
}

type Correction = Omit<Fields<'timeCorrection'>, 'id'>;

const ROOM = 'uplink.times';
/** A wall clock that moves against operating time by more than this was set, ms. Source: guess; drift is far below. */
const STEP_MS = 1_000;
/** Stretches that are kept; a clock that is set more often than this makes the last one inexact. Source: guess. */
const MAX_STRETCHES = 64;

/**
 * Remembers by how much the wall clock was off while nobody could believe it: operating time goes on whatever the wall
 * clock does. When the clock is good again, the times of the events of each stretch are corrected. Durable with the
 * events themselves.
 */
export class UntrustedTimes {
  readonly #store: Pick<Store, 'memory' | 'ranMs' | 'transaction'>;

  constructor(store: Pick<Store, 'memory' | 'ranMs' | 'transaction'>) {
    this.#store = store;
  }

  /** An event is written with this envelope. Call it in the transaction of the event. */
  note({ seq, ts, clock, boot }: Envelope): void {
    if (clock !== 'untrusted') return;
    const offsetMs = ts - this.#store.ranMs;
    const stretches = this.#kept();
    const last = stretches.at(-1);
    const goesOn = last?.boot === boot && Math.abs(last.offsetMs - offsetMs) <= STEP_MS;
    if (last && goesOn) this.#keep({ ...last, lastSeq: seq });
    else if (last && stretches.length >= MAX_STRETCHES) this.#keep({ ...last, lastSeq: seq, exact: false });
    else this.#keep({ boot, firstSeq: seq, lastSeq: seq, offsetMs, exact: true });
  }

  /** The clock is good: hands over every correction that is owed, together with forgetting it. */
  settle(now: Pick<Envelope, 'ts' | 'boot'>, tell: (correction: Correction) => void): void {
    if (this.#kept().length === 0) return;
    this.#store.transaction(() => {
      const offsetMs = now.ts - this.#store.ranMs;
      for (const stretch of this.#kept()) {
        tell(correctionOf(stretch, offsetMs, now.boot));
        this.#store.memory.delete(ROOM, keyOf(stretch));
      }
    });
  }

  #kept(): Stretch[] {
    return this.#store.memory.entries(ROOM).flatMap(([, text]) => parse(text) ?? []);
  }

  #keep(stretch: Stretch): void {
    const { boot, firstSeq, lastSeq, offsetMs, exact } = stretch;
    const text = [boot, firstSeq, lastSeq, offsetMs, exact ? 1 : 0].join(' ');
    this.#store.memory.set(ROOM, keyOf(stretch), text);
  }
}

function correctionOf(
  { boot, firstSeq, lastSeq, offsetMs, exact }: Stretch,
  nowMs: number,
  nowBoot: number,
): Correction {
  return {
    about_boot: boot,
    first_seq: firstSeq,
    last_seq: lastSeq,
    correction_ms: nowMs - offsetMs,
    exact: exact && boot === nowBoot,
  };
}

/** In the order of the numbers. */
function keyOf({ firstSeq }: Stretch): string {
  return String(firstSeq).padStart(16, '0');
}

/** @returns undefined for what this program did not write */
function parse(text: string): Stretch | undefined {
  const numbers = text.split(' ').map(Number);
  const [boot, firstSeq, lastSeq, offsetMs, exact] = numbers;
  if (boot === undefined || firstSeq === undefined || lastSeq === undefined || offsetMs === undefined)
    return undefined;
  if (!numbers.every((number) => Number.isSafeInteger(number))) return undefined;
  return { boot, firstSeq, lastSeq, offsetMs, exact: exact === 1 };
}
