import type { Clock } from '../base/clock.ts';
import { type BeffroiError, UplinkError } from '../base/errors.ts';
import { limited } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import type { PathName } from '../contract/transmission.ts';
import type { BrokerClient } from './client.ts';
import type { Presence } from './presence.ts';
import { Steadiness } from './steadiness.ts';

export interface PathNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly client: BrokerClient;
  readonly presence: Presence;
}

const FAREWELL_TIMEOUT_MS = 1_000;

type PathPhase = 'waiting' | 'up' | 'renewing' | 'lost';

/** One way to the CSU: its connection, and what the box says of itself there. */
export class Path {
  readonly name: PathName;
  readonly client: BrokerClient;
  readonly #needs: PathNeeds;
  /** Lives as long as the connection. */
  #connection = new AbortController();
  #state: PathPhase = 'waiting';
  readonly #steadiness: Steadiness;
  #error: BeffroiError | undefined = new UplinkError('broker-unreachable', 'not connected yet');

  constructor(name: PathName, needs: PathNeeds) {
    this.name = name;
    this.client = needs.client;
    this.#needs = needs;
    this.#steadiness = new Steadiness(needs.clock);
  }

  /** False until the first try has ended. */
  get isKnown(): boolean {
    return this.#state !== 'waiting';
  }

  /** Also while its connection is made anew by our own wish. */
  get isUp(): boolean {
    return this.#state === 'up' || this.#state === 'renewing';
  }

  /** Whether it carries messages now. */
  get carries(): boolean {
    return this.#state === 'up';
  }

  /** Whether it is up and not about to be lost again, as far as its past tells. */
  get holds(): boolean {
    return this.isUp && this.#steadiness.untilSteadyMs === 0;
  }

  /** It is needed now, however it was before. */
  rely(): void {
    this.#steadiness.rely();
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
    const now = (state: PathPhase, error?: BeffroiError) => {
      this.#connection.abort();
      this.#error = error;
      if (state === this.#state) return;
      this.#move(state);
      changed(this);
      if (state === 'up') void this.#tellWhenSteady(changed, this.connection);
    };
    this.client.listen({
      up: () => now('up'),
      renewing: () => now('renewing'),
      down: (error) => now('lost', error),
    });
    await this.client.start(signal);
  }

  #move(state: PathPhase): void {
    if (state === 'up') this.#connection = new AbortController();
    if (state === 'up' && !this.isUp) this.#steadiness.up();
    if (state === 'lost' && this.isUp) this.#steadiness.lost();
    this.#state = state;
  }

  async #tellWhenSteady(changed: (path: Path) => void, connection: AbortSignal): Promise<void> {
    if (this.holds) return;
    while (!this.holds && !connection.aborted) {
      await this.#needs.clock.sleep(this.#steadiness.untilSteadyMs, connection).catch(() => undefined);
    }
    if (!connection.aborted) changed(this);
  }

  /** Says that the box is there and what is in force; nothing without a connection. */
  tell(): void {
    if (!this.carries) return;
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
