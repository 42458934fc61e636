/** Most pictures that a stream may hold back for reordering. @see ITU-T H.264 §A.3.1 (MaxDpbFrames) */
export const MAX_REORDER_DEPTH = 16;

/**
 * Decode times from presentation times. RTP carries presentation times in decoding order; where at most N pictures
 * are held back for reordering, the decode time of a picture is the presentation time that lies N places below the
 * largest one seen so far: known without waiting, strictly rising, and never above its own presentation time.
 */
export class DecodeTimes {
  /** The largest presentation times of the pictures already written, rising. */
  #largest: number[] = [];
  /** Decode time of the next picture, fixed when the duration of the one before it was told. */
  #next: number | undefined;
  #endTicks: number;

  /** @param startTicks no decode time is below this */
  constructor(startTicks: number) {
    this.#endTicks = startTicks;
  }

  /**
   * The decode times of some pictures and of the one after them; changes nothing.
   * @param pts presentation times in decoding order; the last one is of the picture after them
   * @param depth most pictures held back for reordering
   * @param frameTicks usual distance of two pictures, used before the first `depth` pictures are in
   */
  plan(pts: readonly number[], depth: number, frameTicks: number): number[] {
    const largest = [...this.#largest];
    const first = Math.min(...largest, ...pts);
    const planned: number[] = [];
    for (const time of pts) {
      insertBounded(largest, time);
      const ideal = largest.at(-1 - depth) ?? first - (depth + 1 - largest.length) * frameTicks;
      planned.push(this.#notBefore(planned, ideal));
    }
    return planned;
  }

  /** The pictures of a plan, all but the last, are written: the decode time of the last one is settled by that. */
  settle(pts: readonly number[], planned: readonly number[]): void {
    for (const time of pts.slice(0, -1)) insertBounded(this.#largest, time);
    this.#next = planned.at(-1);
    this.#endTicks = this.#next ?? this.#endTicks;
  }

  /** What comes next belongs to another stream: its presentation times have no bearing on those before. */
  restart(): void {
    this.#largest = [];
    this.#next = undefined;
  }

  #notBefore(planned: readonly number[], ideal: number): number {
    const previous = planned.at(-1);
    if (previous !== undefined) return Math.max(ideal, previous + 1);
    return this.#next ?? Math.max(ideal, this.#endTicks);
  }
}

/** Keeps the list rising and at most as long as the deepest reordering needs. */
function insertBounded(rising: number[], value: number): void {
  const at = rising.findLastIndex((other) => other <= value) + 1;
  rising.splice(at, 0, value);
  if (rising.length > MAX_REORDER_DEPTH + 1) rising.shift();
}
