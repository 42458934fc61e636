import { asError } from '../../agent/base/errors.ts';
import type { Log } from '../../agent/base/log.ts';
import { parseTopic } from '../../agent/contract/topics.ts';
import type { Archive, Archived } from './archive.ts';

export interface PrinterNeeds {
  readonly archive: Pick<Archive, 'after' | 'printed'>;
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

/**
 * Writes each event of the archive as one line, in order. What was written is noted once the system has taken it, so a
 * line that was written in the moment of a power cut comes again, with the number that it had.
 */
export class Printer {
  readonly #needs: PrinterNeeds;
  readonly #options: PrinterOptions;
  #wake: (() => void) | undefined;

  constructor(needs: PrinterNeeds, options: PrinterOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  /** There is something new in the archive. */
  news(): void {
    this.#wake?.();
  }

  /** Prints until the signal aborts or nobody reads any more; the archive then keeps what was not printed. */
  async run(signal: AbortSignal): Promise<void> {
    const { archive, log } = this.#needs;
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    if (this.#options.after !== undefined) archive.printed = this.#options.after;
    try {
      while (!signal.aborted) await this.#some(signal);
    } catch (thrown) {
      const told =
        'standard output is closed: events are stored and signed for all the same, the next start prints them';
      if (!signal.aborted) log.error({ err: asError(thrown) }, told);
    }
  }

  async #some(signal: AbortSignal): Promise<void> {
    const { archive, output } = this.#needs;
    const events = archive.after(archive.printed, AT_ONCE);
    const last = events.at(-1);
    if (!last) return await this.#sleep(signal);
    const text = events.map((event) => this.#line(event)).join('');
    if (text !== '') await output.write(text);
    archive.printed = last.number;
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #line({ number, receivedMs, topic: name, payload }: Archived): string {
    const topic = parseTopic(name);
    const { only } = this.#options;
    if (!topic || (only.length > 0 && !only.includes(topic.name))) return '';
    const { site, class: topicClass } = topic;
    const head = { number, received: receivedMs, site, class: topicClass, name: topic.name, topic: name };
    return `${JSON.stringify(head).slice(0, -1)},"message":${JSON.stringify(JSON.parse(payload))}}\n`;
  }
}
