import type { Clock } from './clock.ts';
import type { Service } from './lifecycle.ts';

const TICK_MS = 500;
/** A tick this late means that the process stood still. Source: guess, above any round of its work. */
const LATE_MS = 1_000;

/**
 * Notices that this process stood still (stopped, swapped, starved, suspended with the machine), so that nobody else is
 * blamed for what was not read meanwhile. Times are monotonic.
 */
export class Standstill implements Service {
  readonly name = 'standstill';
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #lastTickMs: number | undefined;
  #last = { untilMs: Number.NEGATIVE_INFINITY, ms: 0 };
  #ticking: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(): Promise<void> {
    this.#ticking = this.#tick(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticking;
  }

  /** @returns how long it stood still, ms, when it woke after `sinceMs`; else 0 */
  stoodMs(sinceMs: number): number {
    this.#notice();
    return this.#last.untilMs > sinceMs ? this.#last.ms : 0;
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#notice();
      this.#lastTickMs = this.#clock.monotonicMs();
      await this.#clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  #notice(): void {
    const nowMs = this.#clock.monotonicMs();
    const lateMs = nowMs - (this.#lastTickMs ?? nowMs) - TICK_MS;
    if (lateMs < LATE_MS) return;
    this.#last = { untilMs: nowMs, ms: lateMs };
    this.#lastTickMs = nowMs;
  }
}
