import type { Clock, ClockTrust } from '../base/clock.ts';
import { CONTRACT_VERSION, type Envelope } from '../contract/envelope.ts';

export interface StampNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
}

export interface StampOptions {
  readonly site: string;
  /** Number of this start of the agent. */
  readonly boot: number;
}

/** Makes the envelope of every message. */
export class Stamp {
  readonly #needs: StampNeeds;
  readonly #options: StampOptions;
  #seq = 0;

  constructor(needs: StampNeeds, options: StampOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  get site(): string {
    return this.#options.site;
  }

  get clockTrust(): ClockTrust {
    return this.#needs.clockTrust();
  }

  /** What every message of this moment carries, but for a number. */
  get now(): Pick<Envelope, 'ts' | 'boot'> {
    return { ts: Math.max(0, Math.round(this.#needs.clock.wallMs())), boot: this.#options.boot };
  }

  /** @param seq durable number of an event; left out, a number that rises within this boot */
  envelope(seq?: number): Envelope {
    return {
      v: CONTRACT_VERSION,
      site: this.#options.site,
      ...this.now,
      clock: this.clockTrust,
      seq: seq ?? this.#rise(),
    };
  }

  #rise(): number {
    this.#seq += 1;
    return this.#seq;
  }
}
