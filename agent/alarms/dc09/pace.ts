import type { Clock } from '../../base/clock.ts';

/** Messages of one address in one second; each may wait for the disk. Source: guess. */
const PER_SECOND = 100;
/** Addresses that are counted apart in one second; all others share one count. Source: guess. */
const ADDRESSES = 256;
const OTHERS = '';

/** Counts messages per address and second, so that none keeps the box from its other work. */
export class Pace {
  readonly #clock: Clock;
  readonly #counts = new Map<string, number>();
  #second = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns false when the address has had its share of this second */
  allows(address: string): boolean {
    const second = Math.floor(this.#clock.monotonicMs() / 1000);
    if (second !== this.#second) this.#counts.clear();
    this.#second = second;
    const key = this.#counts.has(address) || this.#counts.size < ADDRESSES ? address : OTHERS;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count <= PER_SECOND;
  }
}
