import type { ClockTrust } from '../../base/clock.ts';

/** What is kept on disk of a time that ends by itself. */
export interface CountdownRecord {
  /** Wall time of its end, Unix ms. */
  readonly untilMs: number;
  /** Monotonic time that was left when it was kept last. */
  readonly leftMs: number;
}

/** How old the kept time may be: what a kill may add while the wall clock is not to be believed. Source: guess. */
const KEEP_EVERY_MS = 60_000;

/**
 * Ends by the monotonic clock, so that a wall clock that jumps neither shortens nor prolongs it. How long the agent was
 * off is told by the wall clock alone, and only to shorten it: once, as soon as that clock can be believed.
 */
export class Countdown {
  readonly untilMs: number;
  readonly #endsMs: { byMonotonic: number; byWall: number | undefined };
  #keptMs: number;

  private constructor(untilMs: number, leftMs: number, nowMs: number, restarted: boolean) {
    this.untilMs = untilMs;
    this.#endsMs = { byMonotonic: nowMs + leftMs, byWall: restarted ? untilMs : undefined };
    this.#keptMs = nowMs;
  }

  /** @param wallMs of a clock that can be believed */
  static until(untilMs: number, now: { readonly wallMs: number; readonly monotonicMs: number }): Countdown {
    return new Countdown(untilMs, Math.max(0, untilMs - now.wallMs), now.monotonicMs, false);
  }

  /** After a restart. */
  static restored({ untilMs, leftMs }: CountdownRecord, monotonicMs: number): Countdown {
    return new Countdown(untilMs, leftMs, monotonicMs, true);
  }

  isOver(now: {
    readonly wallMs: number;
    readonly monotonicMs: number;
    readonly trust: ClockTrust;
  }): boolean {
    const ends = this.#endsMs;
    if (ends.byWall !== undefined && now.trust !== 'untrusted') {
      ends.byMonotonic = Math.min(ends.byMonotonic, now.monotonicMs + Math.max(0, ends.byWall - now.wallMs));
      ends.byWall = undefined;
    }
    return now.monotonicMs >= ends.byMonotonic;
  }

  /** What to keep, when what was kept is old; undefined when it is not. */
  due(monotonicMs: number): CountdownRecord | undefined {
    if (monotonicMs - this.#keptMs < KEEP_EVERY_MS) return undefined;
    return this.record(monotonicMs);
  }

  record(monotonicMs: number): CountdownRecord {
    this.#keptMs = monotonicMs;
    return { untilMs: this.untilMs, leftMs: Math.max(0, Math.round(this.#endsMs.byMonotonic - monotonicMs)) };
  }
}
