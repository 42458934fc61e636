import type { Clock } from '../../base/clock.ts';

/** A camera whose packets did not come over UDP is asked for them over TCP for so long. Source: guess. */
const REST_MS = 10 * 60_000;

/** Which cameras have failed to send over UDP of late, so that each new pull does not wait for it again. */
export class UdpTrials {
  readonly #clock: Clock;
  readonly #until = new Map<string, { readonly url: string; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Another address is another trial. */
  mayTry(camera: string, url: string): boolean {
    const failed = this.#until.get(camera);
    return failed?.url !== url || this.#clock.monotonicMs() >= failed.untilMs;
  }

  failed(camera: string, url: string): void {
    this.#until.set(camera, { url, untilMs: this.#clock.monotonicMs() + REST_MS });
  }
}
