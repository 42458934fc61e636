import type { Clock } from '../base/clock.ts';
import { InternalError } from '../base/errors.ts';

/** Requests at once, and one more with each interval. Source: guess; a start asks some fifteen, a round one to eight. */
const BURST = 40;
const INTERVAL_MS = 1_000;
/** Longest wait for leave; more that wait are a fault of ours. Source: guess. */
const WAIT_MS = 12_000;

/** How often a camera is asked by ONVIF, whatever it answers: events, which it sends when it likes, have a pace of their own. */
export class RequestBudget {
  readonly #clock: Clock;
  readonly #camera: string;
  /** When the last request that has leave would have come with an even pace. */
  #paidUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, camera: string) {
    this.#clock = clock;
    this.#camera = camera;
  }

  /**
   * Resolves when one more request may go out.
   * @throws InternalError `camera-request-limit`; the reason of `signal`
   */
  async take(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const paidMs = Math.max(this.#paidUntilMs, nowMs - BURST * INTERVAL_MS) + INTERVAL_MS;
    const waitMs = paidMs - nowMs;
    if (waitMs > WAIT_MS)
      throw new InternalError(
        'camera-request-limit',
        `${this.#camera}: expected at most ${BURST} requests at once and one each ${INTERVAL_MS} ms, more are wanted`,
      );
    this.#paidUntilMs = paidMs;
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }
}
