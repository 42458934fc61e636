import type { Clock } from '../../base/clock.ts';
import { asBeffroiError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { RepeatedFault } from '../../base/repeated.ts';
import { type RetryPolicy, retryLoop } from '../../base/retry.ts';
import type { SourceListener } from '../source.ts';

export interface PolledNeeds {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** One connection to equipment. */
export interface Connection {
  close(): void;
}

/** What a kind of equipment does with its connection. */
export interface PolledWork<C extends Connection> {
  connect(signal: AbortSignal): Promise<C>;
  /** @returns what the equipment refused although the connection is good; undefined when all is well */
  round(connection: C, signal: AbortSignal): Promise<Error | undefined>;
  /** The equipment is no longer heard. */
  lost(): void;
}

/** A module that restarts is back within seconds; one that is gone is not asked for ever. Source: guess. */
const BACKOFF = { firstMs: 500, factor: 2, capMs: 15_000, jitter: 0.5 };
const POLICY: RetryPolicy = { neverUp: BACKOFF, wasUp: BACKOFF, stableMs: 30_000 };

/** Asks equipment again and again over one connection, which is made anew when it ends. */
export class Polled<C extends Connection> {
  readonly #needs: PolledNeeds;
  readonly #equipment: { readonly id: string; readonly pollMs: number };
  readonly #listener: SourceListener;
  readonly #work: PolledWork<C>;
  readonly #fault: RepeatedFault;
  #works = false;

  constructor(
    needs: PolledNeeds,
    equipment: { readonly id: string; readonly pollMs: number },
    listener: SourceListener,
    work: PolledWork<C>,
  ) {
    this.#needs = needs;
    this.#equipment = equipment;
    this.#listener = listener;
    this.#work = work;
    this.#fault = new RepeatedFault(needs.clock);
  }

  /** Goes on until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#needs;
    const onFailure = (error: unknown) => this.#failed(asBeffroiError(error));
    await retryLoop({ clock, random, onFailure }, POLICY, (up, inner) => this.#runOnce(up, inner), signal);
  }

  async #runOnce(up: () => void, signal: AbortSignal): Promise<void> {
    try {
      const connection = await this.#work.connect(signal);
      try {
        await this.#rounds(connection, up, signal);
      } finally {
        connection.close();
      }
    } finally {
      this.#work.lost();
    }
  }

  async #rounds(connection: C, up: () => void, signal: AbortSignal): Promise<void> {
    for (;;) {
      const refused = await this.#work.round(connection, signal);
      up();
      if (refused) this.#failed(refused);
      else this.#recovered();
      await this.#needs.clock.sleep(this.#equipment.pollMs, signal);
    }
  }

  #recovered(): void {
    if (this.#works) return;
    this.#works = true;
    this.#listener.works();
    const failures = this.#fault.recovered();
    this.#needs.log.info({ equipment: this.#equipment.id, failures }, 'equipment is read');
  }

  #failed(error: Error): void {
    this.#works = false;
    this.#listener.failed(error);
    const known = asBeffroiError(error);
    const told = this.#fault.happened(known.code);
    if (!told) return;
    const { id } = this.#equipment;
    this.#needs.log.warn({ equipment: id, err: known, count: told.count }, 'equipment cannot be read');
  }
}
