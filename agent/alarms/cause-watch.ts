import type { Clock } from '../base/clock.ts';

/** Another cause of what still holds is told when it has lasted for so long. Source: guess, as for a loss. */
const HOLDS_MS = 10_000;
/** Between two changes of cause that are told: a source that fails now so and now so shall not flood. Source: guess. */
const EVERY_MS = 300_000;

/** Whether a condition that lasts has another cause than the one that was told. */
export class CauseWatch {
  readonly #clock: Clock;
  #other: { readonly cause: string; readonly sinceMs: number } | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What the source says now, at each look.
   * @returns whether the cause is to be told
   */
  hasChanged(told: string | undefined, now: string | undefined): boolean {
    if (told === undefined || now === undefined || now === told) {
      this.#other = undefined;
      return false;
    }
    const nowMs = this.#clock.monotonicMs();
    if (this.#other?.cause !== now) this.#other = { cause: now, sinceMs: nowMs };
    if (nowMs - this.#other.sinceMs < HOLDS_MS || nowMs - this.#toldMs < EVERY_MS) return false;
    this.#toldMs = nowMs;
    return true;
  }
}
