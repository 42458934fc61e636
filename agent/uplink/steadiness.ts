import type { Clock } from '../base/clock.ts';
import { type Backoff, backoffMs } from '../base/retry.ts';

/** For how long a path that was lost has to hold. Source: guess. */
const HOLD: Backoff = { firstMs: 3_000, factor: 2, capMs: 300_000, jitter: 0 };
/** A path that was up for this long has left its past behind. Source: guess. */
const FORGOTTEN_AFTER_MS = 600_000;

/** Whether a path can be relied on: one that comes and goes has to hold for longer after each loss. */
export class Steadiness {
  readonly #clock: Clock;
  #losses = 0;
  #upSinceMs = 0;
  #relied = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  up(): void {
    this.#upSinceMs = this.#clock.monotonicMs();
    this.#relied = false;
  }

  lost(): void {
    if (this.#upForMs >= FORGOTTEN_AFTER_MS) this.#losses = 0;
    this.#losses += 1;
  }

  /** It counts as steady until it is lost. */
  rely(): void {
    this.#relied = true;
  }

  /** How long until it is steady, when it is up, ms. */
  get untilSteadyMs(): number {
    if (this.#relied || this.#losses === 0) return 0;
    return Math.max(0, backoffMs(HOLD, this.#losses, 0) - this.#upForMs);
  }

  get #upForMs(): number {
    return this.#clock.monotonicMs() - this.#upSinceMs;
  }
}
