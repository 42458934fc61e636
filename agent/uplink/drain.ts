import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { type Backoff, backoffMs } from '../base/retry.ts';
import type { Outbox, OutboxEntry } from '../store/store.ts';
import { DrainPass, type DrainPassNeeds } from './drain-pass.ts';
import { Oversize } from './oversize.ts';
import { Pace } from './pace.ts';

export interface OutboxDrainNeeds
  extends Omit<DrainPassNeeds, 'refused' | 'pace' | 'client' | 'classes' | 'oversize'> {
  readonly outbox: Outbox;
  /** An alarm waits that is larger than what the broker takes. */
  readonly tooLarge: (error: BeffroiError) => void;
}

/** What carries events now, and which. */
export type Carrier = Pick<DrainPassNeeds, 'client' | 'classes'>;

/** After the store failed; a lost connection has its own back-off. Source: guess. */
const RETRY: Backoff = { firstMs: 1_000, factor: 2, capMs: 60_000, jitter: 0.5 };
/** Connections in a row that the broker closed on the same event before the others go first. Source: guess. */
const MAX_CLOSED_ON = 3;
/** Events of the backlog per second until a configuration says otherwise. */
const BACKLOG_PER_S = 50;
/** How often it is looked whether an event has become backlog. Source: guess. */
const SETTLE_INTERVAL_MS = 500;
/** Longer than any turn of a pass takes, and than the longest wait for the next pass. Source: guess. */
const LONGEST_ROUND_MS = 180_000;

/**
 * Empties the outbox while there is a connection; after any failure it begins again with the oldest event that is still
 * there, so an event may be sent twice but none is left out. An event on which the broker ends the
 * connection again and again lets the others go first.
 */
export class OutboxDrain {
  readonly #needs: OutboxDrainNeeds;
  readonly #fault: RepeatedFault;
  /** The event on which the broker closed the connection, and how often in a row. */
  #suspected: { readonly seq: number; times: number } | undefined;
  readonly #pace: Pace;
  /** The event whose size was told last. */
  #toldTooLarge: number | undefined;
  #pass: DrainPass | undefined;
  #connection: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #settling: Promise<void> = Promise.resolve();

  constructor(needs: OutboxDrainNeeds) {
    this.#needs = needs;
    this.#fault = new RepeatedFault(needs.clock);
    this.#pace = new Pace(needs.clock, BACKLOG_PER_S);
  }

  /** To be called once: tells the drain of every event that comes in, and of receipts, which make room. */
  watch(): void {
    this.#needs.outbox.onAppended(() => this.#pass?.appended());
    this.#needs.outbox.onConfirmed(() => this.#pass?.wake());
  }

  /** Events of the backlog per second from now on. */
  set backlogPerS(perSecond: number) {
    this.#pace.perSecond = perSecond;
  }

  connected(carrier: Carrier): void {
    this.#connection?.abort();
    this.#connection = new AbortController();
    this.#running = this.#run(carrier, this.#connection.signal);
    this.#settling = this.#settle(this.#connection.signal);
  }

  /** Whether there is a connection and something to send, and nothing has come of it for long. */
  get stuck(): boolean {
    const sinceMs = this.#connection && this.#pass?.busySinceMs;
    return sinceMs !== undefined && this.#needs.clock.monotonicMs() - sinceMs > LONGEST_ROUND_MS;
  }

  /** Resolves when nothing is in flight any more, after `disconnected`. */
  get ended(): Promise<void> {
    return Promise.all([this.#running, this.#settling]).then(() => undefined);
  }

  disconnected(): void {
    this.#connection?.abort();
    this.#connection = undefined;
  }

  async #run(carrier: Carrier, connection: AbortSignal): Promise<void> {
    await this.#running;
    const oversize = this.#oversize();
    for (let failures = 1; !connection.aborted; failures += 1) {
      const error = await this.#runOnce({ ...carrier, oversize }, connection);
      if (connection.aborted || !error) return;
      const delayMs = backoffMs(RETRY, failures, this.#needs.random());
      await this.#needs.clock.sleep(delayMs, connection).catch(() => undefined);
      if (!connection.aborted) this.#tell(error);
    }
  }

  async #settle(connection: AbortSignal): Promise<void> {
    while (!connection.aborted) {
      await this.#needs.clock.sleep(SETTLE_INTERVAL_MS, connection).catch(() => undefined);
      if (!connection.aborted && this.#settled()) this.#pass?.wake();
    }
  }

  #settled(): boolean {
    return this.#safely(() => this.#needs.outbox.settle()) ?? false;
  }

  /** What the store refuses is told. */
  #safely<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (thrown) {
      this.#tell(asBeffroiError(thrown));
      return undefined;
    }
  }

  /** Told once, however often the same broker is come back to. */
  #oversize(): Oversize {
    const { log } = this.#needs;
    const onWaiting = ({ seq }: OutboxEntry, error: BeffroiError) => {
      if (seq !== this.#toldTooLarge) this.#safely(() => this.#needs.tooLarge(error));
      this.#toldTooLarge = seq;
    };
    return new Oversize({ log, onWaiting });
  }

  async #runOnce(
    carrier: Carrier & Pick<DrainPassNeeds, 'oversize'>,
    connection: AbortSignal,
  ): Promise<BeffroiError | undefined> {
    const refused = (error: BeffroiError) => this.#tell(error);
    const pass = new DrainPass({ ...this.#needs, ...carrier, pace: this.#pace, refused }, connection);
    this.#pass = pass;
    try {
      this.#holdSuspect(pass);
      await pass.run();
      return undefined;
    } catch (thrown) {
      this.#suspect(pass);
      return asBeffroiError(thrown);
    }
  }

  #holdSuspect(pass: DrainPass): void {
    const suspect = this.#suspected;
    if (!suspect || suspect.times < MAX_CLOSED_ON) return;
    const [still] = this.#needs.outbox.next(suspect.seq - 1, 1);
    if (still?.seq === suspect.seq) pass.hold(still.topic, suspect.times);
    else this.#suspected = undefined;
  }

  #suspect({ closedOn, anyTaken }: DrainPass): void {
    if (!closedOn) return;
    const { seq } = closedOn;
    if (this.#suspected?.seq === seq) this.#suspected.times += 1;
    else if (!anyTaken) this.#suspected = { seq, times: 1 };
  }

  #tell(err: BeffroiError): void {
    const told = this.#fault.happened(err.code);
    if (told) this.#needs.log.warn({ err, count: told.count }, 'events are not taken by the broker');
  }
}
