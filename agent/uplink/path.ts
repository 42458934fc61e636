import type { Clock } from '../base/clock.ts';
import { type BeffroiError, UplinkError } from '../base/errors.ts';
import { limited } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import type { PathName } from '../contract/transmission.ts';
import type { BrokerClient } from './client.ts';
import type { Presence } from './presence.ts';

export interface PathNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly client: BrokerClient;
  readonly presence: Presence;
}

const FAREWELL_TIMEOUT_MS = 1_000;

/** One way to the CSU: its connection, and what the box says of itself there. */
export class Path {
  readonly name: PathName;
  readonly client: BrokerClient;
  readonly #needs: PathNeeds;
  /** Lives as long as the connection. */
  #connection = new AbortController();
  #state: 'waiting' | 'up' | 'lost' = 'waiting';
  #upSinceMs = 0;
  #error: BeffroiError | undefined = new UplinkError('broker-unreachable', 'not connected yet');

  constructor(name: PathName, needs: PathNeeds) {
    this.name = name;
    this.client = needs.client;
    this.#needs = needs;
  }

  get state(): 'waiting' | 'up' | 'lost' {
    return this.#state;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** For how long it has been up, ms. */
  get upForMs(): number {
    return this.isUp ? this.#needs.clock.monotonicMs() - this.#upSinceMs : 0;
  }

  /** Why it is not up. */
  get error(): BeffroiError | undefined {
    return this.#error;
  }

  /** Number of the last session that was tried. */
  get session(): number {
    return this.#needs.presence.session;
  }

  /** Aborts when the connection of now has ended. */
  get connection(): AbortSignal {
    return this.#connection.signal;
  }

  /** Begins to connect and returns. */
  async start(signal: AbortSignal, changed: (path: Path) => void): Promise<void> {
    const up = () => {
      this.#connection = new AbortController();
      this.#state = 'up';
      this.#error = undefined;
      this.#upSinceMs = this.#needs.clock.monotonicMs();
      changed(this);
    };
    const down = (error: BeffroiError) => {
      this.#connection.abort();
      this.#state = 'lost';
      this.#error = error;
      changed(this);
    };
    this.client.listen({ up, down });
    await this.client.start(signal);
  }

  /** Says that the box is there and what is in force; nothing without a connection. */
  tell(): void {
    if (!this.isUp) return;
    const { presence, log } = this.#needs;
    presence
      .tell(this.client, this.connection)
      .catch((err: unknown) => log.warn({ err, path: this.name }, 'presence was not taken by the broker'));
  }

  /** Says `online: false`, then DISCONNECT; each bounded. */
  async stop(): Promise<void> {
    if (this.client.connected) await this.#farewell();
    await this.client.stop();
    this.#connection.abort();
  }

  async #farewell(): Promise<void> {
    const { clock, log, presence } = this.#needs;
    const late = () => new UplinkError('broker-silent', 'no PUBACK for the farewell');
    await limited(clock, FAREWELL_TIMEOUT_MS, this.connection, late, (inner) =>
      presence.farewell(this.client, inner),
    ).catch((err: unknown) => log.debug({ err }, 'no farewell'));
  }
}
