import type { Clock } from '../base/clock.ts';

/** So many per second on the monotonic clock, and at most so many at once. */
export class Budget {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #atOnce: number;
  #left: number;
  #atMs: number;

  constructor(clock: Clock, perSecond: number, atOnce: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#atOnce = atOnce;
    this.#left = atOnce;
    this.#atMs = clock.monotonicMs();
  }

  /** @returns whether there was one left */
  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(this.#atOnce, this.#left + ((nowMs - this.#atMs) / 1000) * this.#perSecond);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
