import type { Clock } from '../base/clock.ts';

/** How much of a second may be sent at once after a pause. Source: guess. */
const BURST_S = 0.25;

/** A steady rate: so many tokens come per second, and few are kept. */
export class Pace {
  readonly #clock: Clock;
  #perSecond: number;
  #tokens = 1;
  #atMs: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#atMs = clock.monotonicMs();
  }

  get perSecond(): number {
    return this.#perSecond;
  }

  set perSecond(value: number) {
    this.#refill();
    this.#perSecond = value;
  }

  /** How many may be sent now. */
  get available(): number {
    this.#refill();
    return Math.max(0, Math.floor(this.#tokens));
  }

  /** How long until one may be sent, ms. */
  get waitMs(): number {
    this.#refill();
    return Math.max(0, ((1 - this.#tokens) / this.#perSecond) * 1000);
  }

  spend(count: number): void {
    this.#tokens -= count;
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs();
    const most = Math.max(1, this.#perSecond * BURST_S);
    this.#tokens = Math.min(most, this.#tokens + ((nowMs - this.#atMs) / 1000) * this.#perSecond);
    this.#atMs = nowMs;
  }
}
