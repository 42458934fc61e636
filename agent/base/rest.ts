/** Never notified: waiting on it ends by its time-out alone. */
const NOBODY = new Int32Array(new SharedArrayBuffer(4));

function wait(ms: number): void {
  Atomics.wait(NOBODY, 0, 0, ms);
}

/**
 * Lets the loop of a process rest after each round in which something was read, so that the next round reads at once
 * what many connections sent meanwhile. A round costs far more than a read: waking up, asking the kernel, going through
 * timers and microtasks. Everything else of the process waits as long, so this is for a process of streams alone.
 */
export class Rest {
  readonly #restMs: number;
  readonly #wait: (ms: number) => void;
  #isDue = false;

  /** @param block holds the whole thread for so many ms */
  constructor(restMs: number, block: (ms: number) => void = wait) {
    this.#restMs = restMs;
    this.#wait = block;
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
}
