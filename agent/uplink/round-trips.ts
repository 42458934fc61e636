import type { Clock } from '../base/clock.ts';

/** What is not fetched is forgotten, the oldest first; and so many questions may be without an answer. Source: guess. */
const KEPT = 64;

/** How long the broker takes from PINGREQ to PINGRESP. @see MQTT 5 §3.12: the answers come in the order of the questions */
export class RoundTrips {
  readonly #clock: Clock;
  readonly #askedAtMs: number[] = [];
  #tookMs: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  asked(): void {
    if (this.#askedAtMs.length < KEPT) this.#askedAtMs.push(this.#clock.monotonicMs());
  }

  answered(): void {
    const askedAtMs = this.#askedAtMs.shift();
    if (askedAtMs === undefined) return;
    this.#tookMs = [...this.#tookMs, this.#clock.monotonicMs() - askedAtMs].slice(-KEPT);
  }

  /** Those since this was called last, ms. */
  take(): readonly number[] {
    const took = this.#tookMs;
    this.#tookMs = [];
    return took;
  }
}
