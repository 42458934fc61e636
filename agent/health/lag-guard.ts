/** A tick this late means that our process stood still and no age of a fact can be believed. Source: guess. */
const LATE_MS = 1_000;
/** What waited meanwhile is taken in within this. Source: guess. */
const CATCH_UP_MS = 2_000;

/** Notices that our own event loop stood still, so that a camera is never blamed for it. Times are monotonic. */
export class LagGuard {
  readonly #tickMs: number;
  #lastTickMs: number | undefined;
  #lateUntilMs = Number.NEGATIVE_INFINITY;

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  tick(nowMs: number): void {
    this.#notice(nowMs);
    this.#lastTickMs = nowMs;
  }

  late(nowMs: number): boolean {
    this.#notice(nowMs);
    return nowMs < this.#lateUntilMs;
  }

  #notice(nowMs: number): void {
    if (this.#lastTickMs === undefined) return;
    if (nowMs - this.#lastTickMs > this.#tickMs + LATE_MS) this.#lateUntilMs = nowMs + CATCH_UP_MS;
  }
}
