import type { Clock } from '../../agent/base/clock.ts';

const MINUTE_MS = 60_000;

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock that moves only when the test says so. Wall time can jump by itself. */
export class TestClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  #sleepers: Sleeper[] = [];

  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** How many callers sleep now. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const giveUp = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      // A signal that lives long would keep every sleep, and compare each new one with all of them.
      const wake = () => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const sleeper: Sleeper = { atMs: this.#monotonicMs + ms, wake };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', giveUp);
    });
  }

  /** Moves both clocks on, wakes who is due in order, and lets the woken run. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    for (;;) {
      const next = this.#sleepers.filter((s) => s.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#move(Math.max(next.atMs, this.#monotonicMs));
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      await settle();
    }
    this.#move(untilMs);
    await settle();
  }

  /** As `advance`, for hours: whoever is due is woken once a minute, not each second. */
  async pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= MINUTE_MS) {
      const stepMs = Math.min(leftMs, MINUTE_MS);
      this.standStill(stepMs - 1);
      await this.advance(1);
    }
  }

  /** Wall time jumps; monotonic time does not. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  /** Time passes while the process stands still: whoever is due wakes at the next `advance`. */
  standStill(ms: number): void {
    this.#move(this.#monotonicMs + ms);
  }

  #move(toMonotonicMs: number): void {
    this.#wallMs += toMonotonicMs - this.#monotonicMs;
    this.#monotonicMs = toMonotonicMs;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
