import { systemClock } from '../../agent/base/clock.ts';
import { asError } from '../../agent/base/errors.ts';
import { createLog, type Log } from '../../agent/base/log.ts';
import { RepeatedFault } from '../../agent/base/repeated.ts';
import { quoted } from '../../agent/base/text.ts';
import type { CsuFolder } from '../folder.ts';
import { createClient } from '../link.ts';
import { Archive, type Incoming, type Stored } from './archive.ts';
import { incomingOf, MAX_EVENT_BYTES } from './incoming.ts';
import { LineOutput } from './output.ts';
import { Printer } from './printer.ts';
import { Receipts } from './receipts.ts';

export interface ReceiverOptions {
  readonly broker: string;
  /** File of the archive. */
  readonly database: string;
  /** How long events are kept that were printed, days. */
  readonly keepDays: number;
  readonly only: readonly string[];
  readonly after?: number;
}

const SUBSCRIPTIONS = ['csu/v1/+/+/event/+', 'csu/v1/+/+/hist/+'];
const FORGET_INTERVAL_MS = 60_000;
const DAY_MS = 24 * 3600 * 1000;
/** Events that wait for one commit; what is above is dropped, and the boxes send it again. */
const MAX_BUFFERED = 10_000;

/**
 * Stores the events of every box until the signal aborts: on the disk first, then signed for, then printed. It may be
 * killed at any moment: what it did not sign for comes again.
 * @throws ConfigurationError `receiver-archive-unusable`, `csu-folder-unusable`, `key-file-unreadable`
 */
export async function receiveEvents(
  csu: CsuFolder,
  options: ReceiverOptions,
  signal: AbortSignal,
): Promise<void> {
  const log = createLog('info', process.stderr);
  const key = await csu.key('receive');
  const archive = Archive.open(options.database);
  const output = new LineOutput();
  const client = createClient(csu.identity, {
    broker: options.broker,
    subscriptions: SUBSCRIPTIONS,
    maxBytes: MAX_EVENT_BYTES,
    log,
  });
  const receipts = new Receipts({ clock: systemClock, client, key });
  const printer = new Printer({ archive, output, log }, options);
  const intake = new Intake({ archive, receipts, printer, log }, signal);
  client.onMessage((topic, payload, { retain }) => intake.take(topic, payload, retain));
  try {
    const printing = printer.run(signal);
    await client.start(signal);
    await keepTidy(archive, options.keepDays, log, signal);
    output.close();
    await printing;
  } finally {
    intake.store();
    await client.stop();
    archive.close();
  }
}

async function keepTidy(archive: Archive, keepDays: number, log: Log, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      archive.forget(systemClock.wallMs() - keepDays * DAY_MS);
    } catch (err) {
      log.warn({ err: asError(err) }, 'old events could not be removed');
    }
    await systemClock.sleep(FORGET_INTERVAL_MS, signal).catch(() => undefined);
  }
}

interface IntakeNeeds {
  readonly archive: Archive;
  readonly receipts: Receipts;
  readonly printer: Printer;
  readonly log: Log;
}

/** Events on their way to the disk: those of one turn of the event loop share a commit. */
class Intake {
  readonly #needs: IntakeNeeds;
  readonly #signal: AbortSignal;
  readonly #refused = new RepeatedFault(systemClock);
  readonly #failed = new RepeatedFault(systemClock);
  #buffer: Incoming[] = [];

  constructor(needs: IntakeNeeds, signal: AbortSignal) {
    this.#needs = needs;
    this.#signal = signal;
  }

  take(topic: string, payload: Buffer, retained: boolean): void {
    const incoming = incomingOf(topic, payload, retained);
    if (typeof incoming === 'string') this.#refuse(topic, incoming);
    else if (this.#buffer.length < MAX_BUFFERED && this.#buffer.push(incoming) === 1) {
      setImmediate(() => this.store());
    }
  }

  /** Nothing is signed for that is not on the disk; a full disk is told, and the boxes send again. */
  store(): void {
    const events = this.#buffer;
    this.#buffer = [];
    if (events.length === 0) return;
    try {
      const stored = this.#needs.archive.store(events, systemClock.wallMs());
      this.#failed.recovered();
      for (const [index, event] of events.entries()) this.#signFor(event, stored[index]);
      this.#needs.printer.news();
    } catch (thrown) {
      const told = this.#failed.happened('archive');
      if (told)
        this.#needs.log.error({ err: asError(thrown), count: told.count }, 'events could not be stored');
    }
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
