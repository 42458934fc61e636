/** What was handed to the broker connection for a channel. */
export interface Counts {
  readonly bytes: number;
  readonly frames: number;
  /** Of a lease: pictures that the recipient did not get. */
  readonly lostFrames?: number | undefined;
}

/** How it is kept over a restart of the agent. */
export interface KeptTally {
  readonly before: Counts;
  readonly now: Counts;
  /** Which start of the video process counted `now`; process ids come again. */
  readonly process: string;
}

/** Before anything went out. */
export const NONE: Counts = { bytes: 0, frames: 0 };

/** Adds up what one video process after another counts of a channel. */
export class Tally {
  #before: Counts;
  #now: Counts;
  #process: string;

  constructor(kept: KeptTally = { before: NONE, now: NONE, process: '' }) {
    this.#before = kept.before;
    this.#now = kept.now;
    this.#process = kept.process;
  }

  get kept(): KeptTally {
    return { before: this.#before, now: this.#now, process: this.#process };
  }

  get total(): Counts {
    const [before, now] = [this.#before, this.#now];
    const lost = [before.lostFrames, now.lostFrames].filter((frames) => frames !== undefined);
    return {
      bytes: before.bytes + now.bytes,
      frames: before.frames + now.frames,
      ...(lost.length > 0 ? { lostFrames: lost.reduce((sum, frames) => sum + frames, 0) } : {}),
    };
  }

  /** @param counts since this process opened the channel */
  take(process: string, counts: Counts): void {
    if (process !== this.#process) this.#before = this.total;
    this.#process = process;
    this.#now = counts;
  }
}
