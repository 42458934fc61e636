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

  /** @param seq durable number of an event; left out, a number that rises within this boot */
  envelope(seq?: number): Envelope {
    return {
      v: CONTRACT_VERSION,
      site: this.#options.site,
      ts: Math.max(0, Math.round(this.#needs.clock.wallMs())),
      clock: this.#needs.clockTrust(),
      boot: this.#options.boot,
      seq: seq ?? this.#rise(),
    };
  }

  #rise(): number {
    this.#seq += 1;
    return this.#seq;
  }
}
