import type { Clock } from '../base/clock.ts';
import { OrderRefusedError } from '../base/errors.ts';
import type { Lease } from '../trust/lease.ts';

/** So soon it is noticed that the clock was set meanwhile. Source: guess. */
const LOOK_MS = 1_000;

interface Waiting {
  readonly lease: Lease;
  readonly cancelled: AbortController;
}

/** Leases that are taken and whose signed start has not come: some seconds at most. */
export class WaitingLeases {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get all(): Lease[] {
    return [...this.#waiting.values()].map(({ lease }) => lease);
  }

  /**
   * Begins it at its start. Until `begin` runs it can be cancelled.
   * @throws OrderRefusedError `channel-closed` when it was; the reason of the signal; what `begin` throws
   */
  async atStart<T>(lease: Lease, signal: AbortSignal, begin: () => T): Promise<T> {
    const cancelled = new AbortController();
    this.#waiting.set(lease.id, { lease, cancelled });
    const ends = AbortSignal.any([signal, cancelled.signal]);
    try {
      await this.#sleepUntil(lease.order.start * 1000, ends);
      ends.throwIfAborted();
      return begin();
    } finally {
      this.#waiting.delete(lease.id);
    }
  }

  /** It does not open any more. @returns the lease; undefined when none of this id waits */
  cancel(id: string, why: string): Lease | undefined {
    const waiting = this.#waiting.get(id);
    if (!waiting || waiting.cancelled.signal.aborted) return undefined;
    waiting.cancelled.abort(new OrderRefusedError('channel-closed', why));
    return waiting.lease;
  }

  async #sleepUntil(wallMs: number, signal: AbortSignal): Promise<void> {
    const clock = this.#clock;
    while (clock.wallMs() < wallMs && !signal.aborted)
      await clock.sleep(Math.min(wallMs - clock.wallMs(), LOOK_MS), signal).catch(() => undefined);
  }
}
