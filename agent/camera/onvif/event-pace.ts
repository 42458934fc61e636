/** Events of one camera that are taken at once, and per second after that. Source: guess, far above what cameras tell. */
const BURST = 1_000;
const PER_S = 200;
/** An answer that is longer than its events need counts by its bytes. Source: guess; an event has some 1,200. */
const BYTES_OF_EVENT = 1_024;

/** Bounds the events of one camera, each of which may wait for the disk, and what is read for them: 1 MB takes 0.3 s. */
export class EventPace {
  #credit = BURST;
  #atMs: number | undefined;

  /**
   * @param bytes that were read for them; 0 where these have a bound of their own
   * @returns how long it takes until the next may be taken, ms
   */
  take(events: number, bytes: number, monotonicMs: number): number {
    const cost = Math.max(events, bytes / BYTES_OF_EVENT);
    const earned = ((monotonicMs - (this.#atMs ?? monotonicMs)) / 1000) * PER_S;
    this.#atMs = monotonicMs;
    this.#credit = Math.max(-BURST, Math.min(BURST, this.#credit + earned) - cost);
    return this.#credit >= 0 ? 0 : Math.ceil((-this.#credit / PER_S) * 1000);
  }
}
