import type { Clock } from '../../base/clock.ts';

/** How many messages in a row are judged at once, whatever their pace: a button that is pressed and let go. Source: guess. */
const BURST = 20;

/** Lets messages through at a pace, after a burst. */
export class Pace {
  readonly #clock: Clock;
  readonly #perMs: number;
  #left = BURST;
  #countedAtMs: number;

  constructor(clock: Clock, perS: number) {
    this.#clock = clock;
    this.#perMs = perS / 1000;
    this.#countedAtMs = clock.monotonicMs();
  }

  /** @returns whether one more may go now */
  take(): boolean {
    this.#count();
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** How long until one more may go. */
  get waitMs(): number {
    this.#count();
    return Math.max(0, Math.ceil((1 - this.#left) / this.#perMs));
  }

  #count(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(BURST, this.#left + (nowMs - this.#countedAtMs) * this.#perMs);
    this.#countedAtMs = nowMs;
  }
}
