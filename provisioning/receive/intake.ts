import { systemClock } from '../../agent/base/clock.ts';
import { asError, UplinkError } from '../../agent/base/errors.ts';
import type { Log } from '../../agent/base/log.ts';
import { RepeatedFault } from '../../agent/base/repeated.ts';
import { quoted } from '../../agent/base/text.ts';
import { parseTopic } from '../../agent/contract/topics.ts';
import { type Archive, type Incoming, MAX_COPIES, type Stored } from './archive.ts';
import { incomingOf } from './incoming.ts';
import type { Printer } from './printer.ts';
import type { Receipts } from './receipts.ts';

/** Events that wait for one commit; what is above is dropped, and the boxes send it again. Source: guess. */
const MAX_BUFFERED = 10_000;
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;
/** Of these what one box may take, so that one that floods leaves room for the others: a share of as many. Source: guess. */
const SHARES = 8;

export interface IntakeNeeds {
  readonly archive: Pick<Archive, 'store'>;
  readonly printer: Pick<Printer, 'news'>;
  readonly log: Log;
}

interface Waiting {
  readonly event: Incoming;
  /** Of the broker that it came from. */
  readonly receipts: Pick<Receipts, 'add'>;
}

/** What waits of one box. */
interface Load {
  events: number;
  bytes: number;
}

/** Events on their way to the disk: those of one turn of the event loop share a commit. */
export class Intake {
  readonly #needs: IntakeNeeds;
  readonly #signal: AbortSignal;
  readonly #refused = new RepeatedFault(systemClock);
  readonly #conflicts = new RepeatedFault(systemClock);
  readonly #failed = new RepeatedFault(systemClock);
  #buffer: Waiting[] = [];
  #bytes = 0;
  readonly #ofSite = new Map<string, Load>();

  constructor(needs: IntakeNeeds, signal: AbortSignal) {
    this.#needs = needs;
    this.#signal = signal;
  }

  take(topic: string, payload: Buffer, retained: boolean, receipts: Pick<Receipts, 'add'>): void {
    if (this.#buffer.length >= MAX_BUFFERED || this.#bytes > MAX_BUFFERED_BYTES) return;
    if (this.#hasItsShare(parseTopic(topic)?.site)) return;
    const event = incomingOf(topic, payload, retained);
    if (typeof event === 'string') this.#refuse(topic, event);
    else this.#keep({ event, receipts }, payload.length);
  }

  #hasItsShare(site: string | undefined): boolean {
    const load = site === undefined ? undefined : this.#ofSite.get(site);
    if (!load) return false;
    return load.events >= MAX_BUFFERED / SHARES || load.bytes > MAX_BUFFERED_BYTES / SHARES;
  }

  #keep(waiting: Waiting, bytes: number): void {
    const load = this.#ofSite.get(waiting.event.site) ?? { events: 0, bytes: 0 };
    load.events += 1;
    load.bytes += bytes;
    this.#ofSite.set(waiting.event.site, load);
    this.#bytes += bytes;
    if (this.#buffer.push(waiting) === 1) setImmediate(() => this.store());
  }

  /** Nothing is signed for that is not on the disk; a full disk is told, and the boxes send again. */
  store(): void {
    const waiting = this.#buffer;
    this.#buffer = [];
    this.#bytes = 0;
    this.#ofSite.clear();
    if (waiting.length === 0) return;
    try {
      const events = waiting.map(({ event }) => event);
      const stored = this.#needs.archive.store(events, systemClock.wallMs());
      this.#recovered();
      for (const [index, one] of waiting.entries()) this.#signFor(one, stored[index]);
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

  /** The box alone knows which copy is its own: each that is stored is signed for, with its digest. */
  #signFor({ event, receipts }: Waiting, stored: Stored | undefined): void {
    if (stored === 'conflict') this.#tellConflict(event);
    if (stored === 'refused') this.#refuse(event.topic, `${MAX_COPIES} others with its id are stored`);
    else receipts.add(event.site, event, this.#signal);
  }

  #tellConflict({ topic, id }: Incoming): void {
    const told = this.#conflicts.happened('event-conflict');
    if (!told) return;
    const why = `${quoted(topic)}: expected the bytes that are stored under the id ${id}, came others`;
    const err = new UplinkError('event-conflict', why);
    this.#needs.log.error(
      { err, count: told.count },
      'an event was altered on its way: both copies are kept',
    );
  }

  #refuse(topic: string, why: string): void {
    const told = this.#refused.happened(why);
    if (told) this.#needs.log.warn({ topic: quoted(topic), count: told.count }, `not taken: ${why}`);
  }
}
