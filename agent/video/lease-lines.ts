import { BrokerClient, type BrokerClientNeeds, type BrokerClientOptions } from '../uplink/client.ts';
import { counted } from './backbone/counted.ts';
import type { MediaPublisher } from './mqtt-destination.ts';

/** The broker connection of one lease alone. */
export interface LeaseLine extends MediaPublisher {
  /** Ends it at once: what the machine has not sent by then it never sends. */
  drop(): void;
}

export interface LeaseLinesNeeds extends BrokerClientNeeds {
  /** Told of what leases put on the backbone. */
  readonly sent: (bytes: number) => void;
}

export interface LeaseLinesOptions extends Omit<BrokerClientOptions, 'clientId' | 'subscriptions'> {
  readonly site: string;
}

/**
 * Makes a broker connection for each lease. What a program has written to a connection goes on leaving from the memory
 * of the kernel, on a narrow line for seconds: only the end of the connection ends that, and it must end nothing else.
 */
export class LeaseLines {
  readonly #needs: LeaseLinesNeeds;
  readonly #options: LeaseLinesOptions;
  #made = 0;

  constructor(needs: LeaseLinesNeeds, options: LeaseLinesOptions) {
    this.#needs = needs;
    this.#options = options;
  }

  /** Begins to connect. */
  open(): LeaseLine {
    const { site, ...options } = this.#options;
    const { log, sent } = this.#needs;
    this.#made += 1;
    const clientId = `${site}-lease-${this.#made}`;
    const client = new BrokerClient(this.#needs, { ...options, clientId, subscriptions: [] });
    client
      .start(new AbortController().signal)
      .catch((err: unknown) => log.error({ err, clientId }, 'no connection for a lease'));
    return Object.assign(counted(client, sent), { drop: () => client.drop() });
  }
}
