/** Never notified: waiting on it ends by its time-out alone. */
const NOBODY = new Int32Array(new SharedArrayBuffer(4));

function wait(ms: number): void {
  Atomics.wait(NOBODY, 0, 0, ms);
}

export interface RestTimes {
  readonly leastMs: number;
  /** For each stream that is read. */
  readonly perStreamMs: number;
  readonly mostMs: number;
}

/**
 * Lets the loop of a process rest after each round in which something was read, so that the next round reads at once
 * what many connections sent meanwhile. A round costs far more than a read: waking up, asking the kernel, going through
 * timers and microtasks. The more streams there are, the longer it rests: few cost little and need not wait. Everything
 * else of the process waits as long, so this is for a process of streams alone.
 */
export class Rest {
  readonly #times: RestTimes;
  readonly #wait: (ms: number) => void;
  #streams = 0;
  #isDue = false;

  /** @param block holds the whole thread for so many ms */
  constructor(times: RestTimes, block: (ms: number) => void = wait) {
    this.#times = times;
    this.#wait = block;
  }

  /** One stream more, for as long as this runs. */
  async during<T>(stream: () => Promise<T>): Promise<T> {
    this.#streams += 1;
    try {
      return await stream();
    } finally {
      this.#streams -= 1;
    }
  }

  /** Something was read in this round. */
  read(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#wait(this.#restMs);
    });
  }

  get #restMs(): number {
    const { leastMs, perStreamMs, mostMs } = this.#times;
    return Math.min(mostMs, Math.max(leastMs, perStreamMs * this.#streams));
  }
}
