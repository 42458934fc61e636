import type { Engine } from './engine.ts';
import { metaNumber, raiseMeta } from './meta.ts';
import type { Sql } from './sql.ts';

/** How much operating time without an event a power cut may lose, ms. Source: guess; one small write per interval. */
const SAVE_INTERVAL_MS = 60_000;

/**
 * Operating time of the box over all starts: the age of what waits is told by it, so that a wall clock that jumps drops
 * nothing.
 */
export class RunClock {
  readonly #monotonicMs: () => number;
  readonly #baseMs: number;
  readonly #startMs: number;
  #savedMs: number;

  constructor(engine: Engine, monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#startMs = monotonicMs();
    this.#baseMs = engine.read((sql) => metaNumber(sql, 'ran_ms'));
    this.#savedMs = this.#baseMs;
  }

  /** Milliseconds since the first start, without the time in which the box was off. */
  nowMs(): number {
    return this.#baseMs + Math.max(0, Math.round(this.#monotonicMs() - this.#startMs));
  }

  /** Keeps the time with an event, so that none is ever younger than the clock. Call it in a transaction. */
  saveWith(sql: Sql, eventMs: number): void {
    raiseMeta(sql, 'ran_ms', eventMs);
  }

  /** Keeps the time when the last one kept is old. Call it in a transaction. */
  save(sql: Sql, engine: Pick<Engine, 'afterCommit'>): void {
    const nowMs = this.nowMs();
    if (nowMs - this.#savedMs < SAVE_INTERVAL_MS) return;
    raiseMeta(sql, 'ran_ms', nowMs);
    engine.afterCommit(() => {
      this.#savedMs = nowMs;
    });
  }
}
