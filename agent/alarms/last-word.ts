import type { Clock } from '../base/clock.ts';
import type { Observation } from './source.ts';

/** When the source of a point spoke last, by the clock of the box and by its own. */
export class LastWord {
  readonly #clock: Clock;
  /** When a condition was last said to hold, monotonic; after a restart the time begins anew. */
  #activeMs: number;
  #sourceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#activeMs = clock.monotonicMs();
  }

  take({ active, sourceMs }: Observation): void {
    if (active) this.#activeMs = this.#clock.monotonicMs();
    this.#sourceMs = sourceMs;
  }

  /** Silence of before does not count. */
  countAnew(): void {
    this.#activeMs = this.#clock.monotonicMs();
  }

  /** Whether nothing was said to hold for so long. */
  isSilentFor(limitS: number): boolean {
    return this.#clock.monotonicMs() - this.#activeMs >= limitS * 1000;
  }

  /** The field of an event for the time that the source gave. */
  get sourceTime(): { source_ts?: number } {
    const ms = this.#sourceMs;
    return ms !== undefined && Number.isSafeInteger(ms) && ms >= 0 ? { source_ts: ms } : {};
  }
}
