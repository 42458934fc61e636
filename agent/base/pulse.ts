import type { Clock } from './clock.ts';

/** A part of the program that works in rounds, each of which is bounded in time. */
export interface Working {
  readonly name: string;
  /** Whether no round has ended for longer than any can take: only a restart helps then. */
  readonly stuck: boolean;
}

/** The rounds of one part. */
export class Pulse {
  readonly #clock: Clock;
  readonly #longestMs: number;
  #lastMs: number;

  /** @param longestMs longer than any round takes, with the pause behind it */
  constructor(clock: Clock, longestMs: number) {
    this.#clock = clock;
    this.#longestMs = longestMs;
    this.#lastMs = clock.monotonicMs();
  }

  /** A round has ended. */
  beat(): void {
    this.#lastMs = this.#clock.monotonicMs();
  }

  get late(): boolean {
    return this.#clock.monotonicMs() - this.#lastMs > this.#longestMs;
  }
}
