import type { Clock } from './clock.ts';

/** One line per interval while a fault repeats. Source: guess. */
const REPEAT_INTERVAL_MS = 60_000;

/** What to say of a fault that just happened again; undefined means: say nothing, it is counted. */
export interface Occurrence {
  readonly count: number;
  readonly first: boolean;
}

/**
 * Counts a repeated fault instead of repeating it: the first occurrence is told, then one per interval with the
 * count, then the recovery.
 */
export class RepeatedFault {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #count = 0;
  #toldAtMs = 0;
  #key = '';

  constructor(clock: Clock, intervalMs = REPEAT_INTERVAL_MS) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** @param key what makes two faults the same, such as the error code; another key is a new fault */
  happened(key: string): Occurrence | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (key !== this.#key) {
      this.#key = key;
      this.#count = 0;
    }
    this.#count += 1;
    const first = this.#count === 1;
    if (!first && nowMs - this.#toldAtMs < this.#intervalMs) return undefined;
    this.#toldAtMs = nowMs;
    return { count: this.#count, first };
  }

  /** @returns how often the fault had happened, 0 when there was none */
  recovered(): number {
    const count = this.#count;
    this.#count = 0;
    this.#key = '';
    return count;
  }
}
