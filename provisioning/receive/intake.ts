import { systemClock } from '../../agent/base/clock.ts';
import { asError } from '../../agent/base/errors.ts';
import type { Log } from '../../agent/base/log.ts';
import { RepeatedFault } from '../../agent/base/repeated.ts';
import { quoted } from '../../agent/base/text.ts';
import type { Archive, Incoming, Stored } from './archive.ts';
import { incomingOf } from './incoming.ts';
import type { Receipts } from './receipts.ts';

export interface IntakeNeeds {
  readonly archive: Pick<Archive, 'store'>;
  readonly log: Log;
  /** Called after events were stored. */
  readonly stored: () => void;
}

interface Waiting {
  readonly event: Incoming;
  /** Of the broker that it came from. */
  readonly receipts: Receipts;
}

/** Events that wait for one commit; what is above is dropped, and the boxes send it again. */
const MAX_BUFFERED = 10_000;

/** Events on their way to the disk: those of one turn of the event loop share a commit. */
export class Intake {
  readonly #needs: IntakeNeeds;
  readonly #signal: AbortSignal;
  readonly #refused = new RepeatedFault(systemClock);
  readonly #failed = new RepeatedFault(systemClock);
  #buffer: Waiting[] = [];

  constructor(needs: IntakeNeeds, signal: AbortSignal) {
    this.#needs = needs;
    this.#signal = signal;
  }

  take(topic: string, payload: Buffer, retained: boolean, receipts: Receipts): void {
    const event = incomingOf(topic, payload, retained);
    if (typeof event === 'string') this.#refuse(topic, event);
    else if (this.#buffer.length < MAX_BUFFERED && this.#buffer.push({ event, receipts }) === 1) {
      setImmediate(() => this.store());
    }
  }

  /** Nothing is signed for that is not on the disk; a full disk is told, and the boxes send again. */
  store(): void {
    const waiting = this.#buffer;
    this.#buffer = [];
    if (waiting.length === 0) return;
    try {
      const events = waiting.map(({ event }) => event);
      const stored = this.#needs.archive.store(events, systemClock.wallMs());
      this.#failed.recovered();
      for (const [index, one] of waiting.entries()) this.#signFor(one, stored[index]);
      this.#needs.stored();
    } catch (thrown) {
      const told = this.#failed.happened('archive');
      if (told)
        this.#needs.log.error({ err: asError(thrown), count: told.count }, 'events could not be stored');
    }
  }

  #signFor({ event: { site, id, topic }, receipts }: Waiting, stored: Stored | undefined): void {
    if (stored === 'other') this.#refuse(topic, 'another event with the id of a stored one');
    else receipts.add(site, id, this.#signal);
  }

  #refuse(topic: string, why: string): void {
    const told = this.#refused.happened(why);
    if (told) this.#needs.log.warn({ topic: quoted(topic), count: told.count }, `not taken: ${why}`);
  }
}
