/** An encrypted message, as far as it says that its panel lives. */
export interface Sign {
  /** The same for two messages that are the same to their time stamp. */
  readonly id: string;
  readonly sentMs: number;
  /** The latest time stamp that can be true now, Unix ms; infinite while the box does not know the time. */
  readonly latestMs: number;
}

/** Messages that are remembered. Source: guess, more than a panel sends within its time window. */
const REMEMBERED = 256;

/**
 * Which encrypted messages count as a sign of life of their panel: each once. Who plays one again would else hide that the
 * panel is cut off. In the time window of the account they are told apart one by one; what is older than that has a time
 * stamp that is refused, or, while the box does not know the time, one before the newest.
 */
export class SignsOfLife {
  readonly #seen = new Map<string, number>();
  /** What is no longer remembered one by one was sent until then, Unix ms. */
  #floorMs: number;
  #newestMs: number;

  /** @param newestMs of what counted before this start; minus infinity when nothing did */
  constructor(newestMs: number) {
    this.#floorMs = newestMs;
    this.#newestMs = newestMs;
  }

  /** The latest time stamp that counted, Unix ms; minus infinity before the first. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** Whether this message was taken, or is older than what is remembered. */
  has(id: string, sentMs: number): boolean {
    return this.#seen.has(id) || sentMs <= this.#floorMs;
  }

  /** Takes a message. @returns whether it counts */
  isNew({ id, sentMs, latestMs }: Sign): boolean {
    this.#forgetFuture(latestMs);
    const isBefore = latestMs === Number.POSITIVE_INFINITY && sentMs < this.#newestMs;
    if (this.has(id, sentMs) || isBefore) return false;
    this.#remember(id, sentMs);
    return true;
  }

  #remember(id: string, sentMs: number): void {
    this.#seen.set(id, sentMs);
    this.#newestMs = Math.max(this.#newestMs, sentMs);
    if (this.#seen.size <= REMEMBERED) return;
    const [[first, firstMs] = ['', sentMs]] = this.#seen;
    this.#seen.delete(first);
    this.#floorMs = Math.max(this.#floorMs, firstMs);
  }

  /** Time stamps that cannot be true yet come from a clock that was wrong, and bound nothing. */
  #forgetFuture(latestMs: number): void {
    if (this.#floorMs > latestMs) this.#floorMs = Number.NEGATIVE_INFINITY;
    if (this.#newestMs > latestMs) this.#newestMs = this.#floorMs;
  }
}
