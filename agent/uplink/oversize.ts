import type { BeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { OutboxEntry } from '../store/store.ts';

export interface OversizeNeeds {
  readonly log: Log;
  /** An event that is no service waits for another connection, the first one on this one. */
  readonly onWaiting: (entry: OutboxEntry, error: BeffroiError) => void;
}

/**
 * Events that are larger than the broker of one connection takes. What it takes is its setting, and the broker of the
 * other path may take more, or the same one later: only what serves the service alone is given up for it.
 */
export class Oversize {
  readonly #needs: OversizeNeeds;
  /** Numbers of those that wait for another connection. */
  readonly #waiting = new Set<number>();
  #anyGivenUp = false;

  constructor(needs: OversizeNeeds) {
    this.#needs = needs;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Whether this event is not for this connection. */
  has(seq: number): boolean {
    return this.#waiting.has(seq);
  }

  /** @returns whether the event is given up */
  givesUp(entry: OutboxEntry, error: BeffroiError): boolean {
    if (entry.class !== 'service') {
      this.#wait(entry, error);
      return false;
    }
    if (!this.#anyGivenUp) this.#log(entry, error, 'event given up: the broker takes none of this size');
    this.#anyGivenUp = true;
    return true;
  }

  #wait(entry: OutboxEntry, error: BeffroiError): void {
    this.#waiting.add(entry.seq);
    if (this.size > 1) return;
    this.#log(entry, error, 'event waits for a connection that takes one of this size');
    this.#needs.onWaiting(entry, error);
  }

  #log({ seq }: OutboxEntry, err: BeffroiError, text: string): void {
    this.#needs.log.error({ err, seq }, text);
  }
}
