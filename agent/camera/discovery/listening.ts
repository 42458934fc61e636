import type { Clock } from '../../base/clock.ts';
import { asBeffroiError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import { type ProbeMatch, readProbeMatches } from './probe-matches.ts';

/** Larger answers are not read. Source: guess; real ones have 1 to 4 KB. */
const MAX_DATAGRAM_BYTES = 16 * 1024;
/** Answers that are read, in all and of one address: two questions, three times each, and as many again. Source: guess. */
const MAX_READ = 2_048;
const MAX_READ_PER_SENDER = 12;
/** Devices that are kept, in all and of one address. Source: guess; a commune has some hundred cameras. */
const MAX_DEVICES = 512;
const MAX_DEVICES_PER_SENDER = 16;

/** Datagrams that were not believed. */
export interface Ignored {
  /** From addresses outside the networks. */
  readonly foreign: number;
  /** Answers to no question of ours. */
  readonly unrelated: number;
  /** What is no answer at all, or too large. */
  readonly unreadable: number;
  /** Above the bounds: what is found is not all. */
  readonly excess: number;
}

export interface ListenerNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** Whose answers are believed. */
  readonly isAllowed: (address: string) => boolean;
  /** UUIDs of our questions. */
  readonly questions: readonly string[];
}

/** Reads the answers to our questions, each within bounds, and counts what is no such answer. */
export class Listening {
  readonly #needs: ListenerNeeds;
  readonly #fault: RepeatedFault;
  readonly #ignored = { foreign: 0, unrelated: 0, unreadable: 0, excess: 0 };
  readonly #readOf = new Map<string, number>();
  readonly #found = new Map<string, { readonly address: string; readonly match: ProbeMatch }>();
  readonly #foundOf = new Map<string, number>();
  #reading: Promise<void> = Promise.resolve();
  #read = 0;

  constructor(needs: ListenerNeeds) {
    this.#needs = needs;
    this.#fault = new RepeatedFault(needs.clock);
  }

  get ignored(): Ignored {
    return { ...this.#ignored };
  }

  /** What was found, once all that was taken is read. */
  async found(): Promise<{ readonly address: string; readonly match: ProbeMatch }[]> {
    await this.#reading;
    return [...this.#found.values()];
  }

  /** Takes one datagram. */
  take(datagram: Buffer, address: string): void {
    if (!this.#needs.isAllowed(address)) this.#ignored.foreign += 1;
    else if (datagram.length > MAX_DATAGRAM_BYTES) this.#ignored.unreadable += 1;
    else if (!this.#names(datagram)) this.#ignored.unrelated += 1;
    else if (!this.#mayRead(address)) this.#ignored.excess += 1;
    else this.#reading = this.#reading.then(() => this.#readOne(datagram, address));
  }

  /** Before anything is parsed: whoever has not seen the question cannot make us work. */
  #names(datagram: Buffer): boolean {
    const text = datagram.toString('latin1').toLowerCase();
    return this.#needs.questions.some((id) => text.includes(id) || text.includes([...id].join('\0')));
  }

  #mayRead(address: string): boolean {
    const before = this.#readOf.get(address) ?? 0;
    if (before >= MAX_READ_PER_SENDER || this.#read >= MAX_READ) return false;
    this.#readOf.set(address, before + 1);
    this.#read += 1;
    return true;
  }

  async #readOne(datagram: Buffer, address: string): Promise<void> {
    try {
      const { relatesTo, matches } = await readProbeMatches(datagram, address);
      if (!this.#needs.questions.includes(relatesTo)) this.#ignored.unrelated += 1;
      else for (const match of matches) this.#keep(address, match);
    } catch (thrown) {
      this.#ignored.unreadable += 1;
      const error = asBeffroiError(thrown);
      if (this.#fault.happened(error.code))
        this.#needs.log.warn({ err: error }, 'discovery: unreadable answer');
    }
  }

  #keep(address: string, match: ProbeMatch): void {
    const key = `${address} ${match.endpoint}`;
    if (this.#found.has(key)) return;
    const before = this.#foundOf.get(address) ?? 0;
    if (before >= MAX_DEVICES_PER_SENDER || this.#found.size >= MAX_DEVICES) {
      this.#ignored.excess += 1;
      return;
    }
    this.#foundOf.set(address, before + 1);
    this.#found.set(key, { address, match });
  }
}
