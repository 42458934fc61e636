import type { Clock } from '../base/clock.ts';

/** Work that may be done at once. Source: guess, a small part of what an alarm may take to the CSU. */
const SLICE_MS = 5;
/**
 * A piece that took longer was not worked on all the while: the process stood still. Source: guess, ten times what the most
 * expensive piece costs a slow box.
 */
const LONGEST_PIECE_MS = 200;

/** Lets the reading of one connection take a share of the time and no more, whatever its peer sends. */
export class ReadingShare {
  readonly #clock: Clock;
  readonly #share: number;
  #owedMs = 0;
  #isFree = false;
  #countedMs: number;

  /** @param share above 0, below 1 */
  constructor(clock: Clock, share: number) {
    this.#clock = clock;
    this.#share = share;
    this.#countedMs = clock.monotonicMs();
  }

  /** The piece that is being done is not counted: what it leads to has a bound of its own. */
  free(): void {
    this.#isFree = true;
  }

  /**
   * Does a piece of the reading.
   * @returns for how long nothing more shall be read, 0 mostly
   */
  do(work: () => void): number {
    const beganMs = this.#clock.monotonicMs();
    work();
    const nowMs = this.#clock.monotonicMs();
    const paidMs = (beganMs - this.#countedMs) * this.#share;
    const costMs = this.#isFree ? 0 : Math.min(nowMs - beganMs, LONGEST_PIECE_MS);
    this.#owedMs = Math.max(0, this.#owedMs - paidMs) + costMs;
    this.#isFree = false;
    this.#countedMs = nowMs;
    return this.#owedMs < SLICE_MS ? 0 : this.#owedMs / this.#share;
  }
}
