import type { Clock } from '../base/clock.ts';

interface Waiter<T> {
  readonly grant: (served: T) => void;
  readonly refuse: (reason: unknown) => void;
}

export interface LineNeeds {
  readonly clock: Clock;
  /** The error of a caller that waited too long, or found too many before it. */
  readonly tooLong: () => Error;
}

export interface LineLimits {
  readonly waitMs: number;
  readonly maxWaiting: number;
}

/** Callers that wait for something scarce: first come first served, and not for ever. */
export class WaitingLine<T> {
  readonly #needs: LineNeeds;
  readonly #limits: LineLimits;
  /** What the first in the line gets now; undefined when there is nothing; what it throws, he gets instead. */
  readonly #serve: () => T | undefined;
  #waiting: Waiter<T>[] = [];

  constructor(needs: LineNeeds, limits: LineLimits, serve: () => T | undefined) {
    this.#needs = needs;
    this.#limits = limits;
    this.#serve = serve;
  }

  /** @throws what `serve` throws, the reason of `signal`, and the error of a wait that was too long */
  async take(signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const now = this.#waiting.length === 0 ? this.#serve() : undefined;
    return now === undefined ? await this.#wait(signal) : now;
  }

  /** Something may have become free. */
  pump(): void {
    for (const waiter of [...this.#waiting]) {
      try {
        const served = this.#serve();
        if (served === undefined) return;
        waiter.grant(served);
      } catch (reason) {
        waiter.refuse(reason);
      }
    }
  }

  #wait(signal?: AbortSignal): Promise<T> {
    const { waitMs, maxWaiting } = this.#limits;
    if (this.#waiting.length >= maxWaiting) return Promise.reject(this.#needs.tooLong());
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = new AbortController();
    // Out of the line before anybody can be served again: what is served to one who has left would be lost.
    const leaving =
      <A>(settle: (value: A) => void) =>
      (value: A) => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        signal?.removeEventListener('abort', giveUp);
        timer.abort();
        settle(value);
      };
    const waiter: Waiter<T> = { grant: leaving(resolve), refuse: leaving(reject) };
    const giveUp = () => waiter.refuse(signal?.reason);
    this.#waiting.push(waiter);
    signal?.addEventListener('abort', giveUp);
    this.#needs.clock.sleep(waitMs, timer.signal).then(
      () => waiter.refuse(this.#needs.tooLong()),
      () => undefined,
    );
    return promise;
  }
}
