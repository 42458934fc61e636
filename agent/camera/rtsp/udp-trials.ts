import type { Clock } from '../../base/clock.ts';

/** A camera whose packets did not come over UDP is asked for them over TCP for so long. Source: guess. */
const REST_MS = 10 * 60_000;

/** Which streams have failed to send over UDP of late, so that each new pull does not wait for it again. */
export class UdpTrials {
  readonly #clock: Clock;
  /** By address. */
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  mayTry(url: string): boolean {
    return this.#clock.monotonicMs() >= (this.#untilMs.get(url) ?? 0);
  }

  failed(url: string): void {
    for (const other of [...this.#untilMs.keys()]) if (this.mayTry(other)) this.#untilMs.delete(other);
    this.#untilMs.set(url, this.#clock.monotonicMs() + REST_MS);
  }
}
