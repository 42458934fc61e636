import type { Clock } from '../../base/clock.ts';

/** Bytes of one address in one minute that may come without a message that is answered. Source: guess. */
const MAX_BYTES = 65_536;
const WITHIN_MS = 60_000;
/** Addresses that have a count of their own; all others share one. Source: guess. */
const ADDRESSES = 256;
const OTHERS = '';

/** What came from each address and was no message, over all its connections. */
export class UnansweredBytes {
  readonly #clock: Clock;
  readonly #bytes = new Map<string, number>();
  #begunMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  came(address: string, bytes: number): void {
    this.#turn();
    const key = this.#bytes.has(address) || this.#bytes.size < ADDRESSES ? address : OTHERS;
    this.#bytes.set(key, Math.max(0, (this.#bytes.get(key) ?? 0) + bytes));
  }

  /** They were a message that is answered. */
  answered(address: string, bytes: number): void {
    this.came(address, -bytes);
  }

  isTooMuch(address: string): boolean {
    this.#turn();
    return (this.#bytes.get(address) ?? this.#bytes.get(OTHERS) ?? 0) > MAX_BYTES;
  }

  #turn(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#begunMs < WITHIN_MS) return;
    this.#begunMs = nowMs;
    this.#bytes.clear();
  }
}
