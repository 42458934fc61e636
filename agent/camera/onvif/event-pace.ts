/** Events of one camera that are taken at once, and per second after that. Source: guess, far above what cameras tell. */
const BURST = 1_000;
const PER_S = 200;

/** Bounds the events of one camera: each may wait for the disk. */
export class EventPace {
  #credit = BURST;
  #atMs: number | undefined;

  /** @returns how long it takes until the next may be taken, ms */
  take(events: number, monotonicMs: number): number {
    const earned = ((monotonicMs - (this.#atMs ?? monotonicMs)) / 1000) * PER_S;
    this.#atMs = monotonicMs;
    this.#credit = Math.max(-BURST, Math.min(BURST, this.#credit + earned) - events);
    return this.#credit >= 0 ? 0 : Math.ceil((-this.#credit / PER_S) * 1000);
  }
}
