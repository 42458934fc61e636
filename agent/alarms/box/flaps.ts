/** What comes back so often within this time is not well, and is again when it has not failed for as long. Source: guess. */
const RETURNS = 3;
const WITHIN_MS = 600_000;

interface Fault<T> {
  /** As it was last. */
  readonly seen: T;
  readonly isOwn: boolean;
}

interface Returns<T> {
  /** As it was at fault when this began: another cause each minute is no news. */
  readonly seen: T;
  readonly timesMs: readonly number[];
  readonly flaps: boolean;
}

/**
 * Cameras, or segments of them, that fail and come back again and again: each fault may be too short for an alarm of its
 * own, and where it is not, there would be one a minute. Times are monotonic.
 */
export class Flaps<T> {
  readonly #faults = new Map<string, Fault<T>>();
  readonly #returns = new Map<string, Returns<T>>();

  /**
   * Takes what is known; while nothing is, it is not called.
   * @param isOwn the fault is its own, and not of the network before it
   */
  look(id: string, seen: T, isBad: boolean, isOwn: boolean, nowMs: number): void {
    const fault = this.#faults.get(id);
    if (isBad) this.#faults.set(id, { seen, isOwn: isOwn && fault?.isOwn !== false });
    else if (fault) this.#isBack(id, fault, nowMs);
  }

  /** What was not to do its job for a while begins anew. */
  forget(id: string): void {
    this.#faults.delete(id);
    this.#returns.delete(id);
  }

  /** @returns it as it was at fault, when it fails again and again */
  of(id: string, nowMs: number): T | undefined {
    const returns = this.#returns.get(id);
    return returns?.flaps && nowMs - lastOf(returns) < WITHIN_MS ? returns.seen : undefined;
  }

  #isBack(id: string, { seen: bad, isOwn }: Fault<T>, nowMs: number): void {
    this.#faults.delete(id);
    if (!isOwn) return;
    const known = this.of(id, nowMs);
    const before = this.#returns.get(id)?.timesMs ?? [];
    const timesMs = [...before, nowMs].slice(-RETURNS);
    const isOften = timesMs.length === RETURNS && nowMs - (timesMs[0] ?? 0) <= WITHIN_MS;
    this.#returns.set(id, { seen: known ?? bad, timesMs, flaps: isOften || known !== undefined });
  }
}

function lastOf({ timesMs }: Pick<Returns<unknown>, 'timesMs'>): number {
  return timesMs.at(-1) ?? Number.NEGATIVE_INFINITY;
}
