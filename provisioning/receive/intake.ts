import { systemClock } from '../../agent/base/clock.ts';
import { asError } from '../../agent/base/errors.ts';
import type { Log } from '../../agent/base/log.ts';
import { RepeatedFault } from '../../agent/base/repeated.ts';
import { quoted } from '../../agent/base/text.ts';
import type { Archive, Incoming, Stored } from './archive.ts';
import { incomingOf } from './incoming.ts';
import type { Printer } from './printer.ts';
import type { Receipts } from './receipts.ts';

/** Events that wait for one commit; what is above is dropped, and the boxes send it again. Source: guess. */
const MAX_BUFFERED = 10_000;
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;

export interface IntakeNeeds {
  readonly archive: Pick<Archive, 'store'>;
  readonly receipts: Pick<Receipts, 'add'>;
  readonly printer: Pick<Printer, 'news'>;
  readonly log: Log;
}

/** Events on their way to the disk: those of one turn of the event loop share a commit. */
export class Intake {
  readonly #needs: IntakeNeeds;
  readonly #signal: AbortSignal;
  readonly #refused = new RepeatedFault(systemClock);
  readonly #failed = new RepeatedFault(systemClock);
  #buffer: Incoming[] = [];
  #bytes = 0;

  constructor(needs: IntakeNeeds, signal: AbortSignal) {
    this.#needs = needs;
    this.#signal = signal;
  }

  take(topic: string, payload: Buffer, retained: boolean): void {
    if (this.#buffer.length >= MAX_BUFFERED || this.#bytes > MAX_BUFFERED_BYTES) return;
    const incoming = incomingOf(topic, payload, retained);
    if (typeof incoming === 'string') this.#refuse(topic, incoming);
    else this.#keep(incoming, payload.length);
  }

  #keep(incoming: Incoming, bytes: number): void {
    this.#bytes += bytes;
    if (this.#buffer.push(incoming) === 1) setImmediate(() => this.store());
  }

  /** Nothing is signed for that is not on the disk; a full disk is told, and the boxes send again. */
  store(): void {
    const events = this.#buffer;
    this.#buffer = [];
    this.#bytes = 0;
    if (events.length === 0) return;
    try {
      const stored = this.#needs.archive.store(events, systemClock.wallMs());
      this.#recovered();
      for (const [index, event] of events.entries()) this.#signFor(event, stored[index]);
      this.#needs.printer.news();
    } catch (thrown) {
      const told = this.#failed.happened('archive');
      if (told)
        this.#needs.log.error({ err: asError(thrown), count: told.count }, 'events could not be stored');
    }
  }

  #recovered(): void {
    const failures = this.#failed.recovered();
    if (failures > 0) this.#needs.log.info({ failures }, 'events are stored again');
  }

  #signFor({ site, id, topic }: Incoming, stored: Stored | undefined): void {
    if (stored === 'other') this.#refuse(topic, 'another event with the id of a stored one');
    else this.#needs.receipts.add(site, id, this.#signal);
  }

  #refuse(topic: string, why: string): void {
    const told = this.#refused.happened(why);
    if (told) this.#needs.log.warn({ topic: quoted(topic), count: told.count }, `not taken: ${why}`);
  }
}
