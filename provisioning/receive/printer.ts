import type { Clock } from '../../agent/base/clock.ts';
import { asError } from '../../agent/base/errors.ts';
import type { Log } from '../../agent/base/log.ts';
import { RepeatedFault } from '../../agent/base/repeated.ts';
import { plainJson } from '../../agent/base/text.ts';
import { parseTopic } from '../../agent/contract/topics.ts';
import type { Archive, Archived } from './archive.ts';

export interface PrinterNeeds {
  readonly clock: Clock;
  readonly archive: Pick<Archive, 'after' | 'printed' | 'unprinted'>;
  readonly output: { write(text: string): Promise<void> };
  readonly log: Log;
}

export interface PrinterOptions {
  /** Names of messages that are printed, such as `alarm`; all when empty. */
  readonly only: readonly string[];
  /** Begin after this number and not where the last run ended. */
  readonly after?: number;
}

/** Events in memory at a time. */
const AT_ONCE = 100;
/** A reader that takes nothing for this long is told of, ms. Source: guess. */
const SLOW_READER_MS = 30_000;
/** How often an archive that cannot be read is tried again, ms. Source: guess. */
const RETRY_INTERVAL_MS = 1_000;

const CLOSED =
  'standard output is closed: events are stored and signed for all the same, the next start prints them';
const SLOW = 'nobody reads standard output: events are stored and signed for all the same, and wait';

/**
 * Writes each event of the archive as one line, in order. What was written is noted once the system has taken it, so a
 * line that was written in the moment of a power cut comes again, with the number that it had.
 */
export class Printer {
  readonly #needs: PrinterNeeds;
  readonly #options: PrinterOptions;
  readonly #fault: RepeatedFault;
  #printed = 0;
  #wake: (() => void) | undefined;

  constructor(needs: PrinterNeeds, options: PrinterOptions) {
    this.#needs = needs;
    this.#options = options;
    this.#fault = new RepeatedFault(needs.clock);
  }

  /** There is something new in the archive. */
  news(): void {
    this.#wake?.();
  }

  /**
   * Prints until the signal aborts or nobody reads any more; the archive then keeps what was not printed.
   * @returns whether there is still a reader
   */
  async run(signal: AbortSignal): Promise<boolean> {
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    this.#printed = this.#options.after ?? this.#needs.archive.printed;
    if (this.#options.after !== undefined) this.#attempt(() => this.#note(this.#printed));
    while (!signal.aborted) {
      const events = this.#attempt(() => this.#needs.archive.after(this.#printed, AT_ONCE));
      if (!events) await this.#needs.clock.sleep(RETRY_INTERVAL_MS, signal).catch(() => undefined);
      else if (events.length === 0) await this.#sleep(signal);
      else if (!(await this.#print(events, signal))) return signal.aborted;
    }
    return true;
  }

  /** @returns false when nobody reads any more */
  async #print(events: readonly Archived[], signal: AbortSignal): Promise<boolean> {
    const text = events.map((event) => this.#line(event)).join('');
    try {
      if (text !== '') await this.#write(text);
    } catch (thrown) {
      if (!signal.aborted) this.#needs.log.error({ err: asError(thrown) }, CLOSED);
      return false;
    }
    const last = events.at(-1)?.number ?? this.#printed;
    this.#printed = last;
    this.#attempt(() => this.#note(last));
    return true;
  }

  async #write(text: string): Promise<void> {
    const { clock, log, archive, output } = this.#needs;
    const taken = new AbortController();
    const late = clock.sleep(SLOW_READER_MS, taken.signal).then(
      () => {
        log.warn({ waiting: this.#attempt(() => archive.unprinted) }, SLOW);
        return true;
      },
      () => false,
    );
    try {
      await output.write(text);
    } finally {
      taken.abort();
      if (await late) log.info('standard output is read again');
    }
  }

  /** An archive on a disk that is full or broken: told, and tried again. */
  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (thrown) {
      const err = asError(thrown);
      const told = this.#fault.happened(err.message);
      if (told) this.#needs.log.error({ err, count: told.count }, 'the archive does not answer the printing');
      return undefined;
    }
  }

  #note(number: number): void {
    this.#needs.archive.printed = number;
    this.#fault.recovered();
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The payload is checked JSON, in which a line break can only stand between two words, and what acts on a terminal only in one. */
  #line({ number, receivedMs, copy, topic: name, payload }: Archived): string {
    const topic = parseTopic(name);
    const { only } = this.#options;
    if (!topic || (only.length > 0 && !only.includes(topic.name))) return '';
    const { site, class: topicClass } = topic;
    const about = { site, class: topicClass, name: topic.name, topic: name };
    const head = { number, received: receivedMs, ...about, ...(copy > 1 ? { copy } : {}) };
    return `${JSON.stringify(head).slice(0, -1)},"message":${plainJson(payload.replaceAll(/[\r\n]/g, ' '))}}\n`;
  }
}
