import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { type Backoff, backoffMs } from '../base/retry.ts';
import type { Outbox, OutboxEntry } from '../store/store.ts';
import type { BrokerClient } from './client.ts';

export interface OutboxDrainNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly client: BrokerClient;
  readonly outbox: Outbox;
}

/** Events on the wire without acknowledgement. Source: guess; Mosquitto takes 20 by default. */
const IN_FLIGHT = 32;
/** After the broker refused an event or the store failed; a lost connection has its own back-off. Source: guess. */
const RETRY: Backoff = { firstMs: 1_000, factor: 2, capMs: 60_000, jitter: 0.5 };

/**
 * Empties the outbox in order while there is a connection. An event leaves the outbox at PUBACK; after any failure
 * it begins again with the oldest one that is still there, so an event may be sent twice but none is left out.
 */
export class OutboxDrain {
  readonly #needs: OutboxDrainNeeds;
  readonly #fault: RepeatedFault;
  #acknowledged: number[] = [];
  #wake: (() => void) | undefined;
  #connection: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(needs: OutboxDrainNeeds) {
    this.#needs = needs;
    this.#fault = new RepeatedFault(needs.clock);
  }

  /** To be called once: tells the drain of every event that comes in. */
  watch(): void {
    this.#needs.outbox.onAppended(() => this.#wake?.());
  }

  connected(): void {
    this.#connection?.abort();
    this.#connection = new AbortController();
    this.#running = this.#run(this.#connection.signal);
  }

  /** Resolves when nothing is in flight any more, after `disconnected`. */
  get ended(): Promise<void> {
    return this.#running;
  }

  disconnected(): void {
    this.#connection?.abort();
    this.#connection = undefined;
  }

  async #run(connection: AbortSignal): Promise<void> {
    await this.#running;
    for (let failures = 1; !connection.aborted; failures += 1) {
      const error = await this.#pass(connection).then(
        () => undefined,
        (thrown: unknown) => asBeffroiError(thrown),
      );
      if (connection.aborted || !error) return;
      const delayMs = backoffMs(RETRY, failures, this.#needs.random());
      await this.#needs.clock.sleep(delayMs, connection).catch(() => undefined);
      if (!connection.aborted) this.#tell(error);
    }
  }

  /** Sends from the oldest event on until the connection ends or something fails. */
  async #pass(connection: AbortSignal): Promise<void> {
    const pass = new AbortController();
    const signal = AbortSignal.any([connection, pass.signal]);
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    const inFlight = new Set<Promise<void>>();
    let failure: BeffroiError | undefined;
    let afterSeq = 0;
    try {
      while (!signal.aborted) {
        for (const entry of this.#following(afterSeq, inFlight.size)) {
          afterSeq = entry.seq;
          const sending = this.#send(entry, signal).catch((thrown: unknown) => {
            failure ??= asBeffroiError(thrown);
            pass.abort();
          });
          inFlight.add(sending);
          void sending.then(() => inFlight.delete(sending)).then(() => this.#wake?.());
        }
        await this.#news(signal);
        this.#forget();
      }
    } finally {
      pass.abort();
      await Promise.all(inFlight);
      this.#forget();
    }
    if (failure) throw failure;
  }

  #following(afterSeq: number, inFlight: number): OutboxEntry[] {
    return inFlight < IN_FLIGHT ? this.#needs.outbox.next(afterSeq, IN_FLIGHT - inFlight) : [];
  }

  /** Resolves when an event came in, one was acknowledged, or the pass ends; all of one turn of the event loop at once. */
  async #news(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await nextTurn();
  }

  async #send(entry: OutboxEntry, signal: AbortSignal): Promise<void> {
    try {
      await this.#needs.client.publish(entry.topic, entry.payload, { qos: 1 }, signal);
    } catch (thrown) {
      const error = asBeffroiError(thrown);
      if (error.code !== 'message-too-large') throw error;
      this.#needs.log.error({ err: error, seq: entry.seq }, 'event given up: the broker will never take it');
    }
    this.#acknowledged.push(entry.seq);
  }

  /** One commit for all acknowledgements of a turn of the event loop. */
  #forget(): void {
    const seqs = this.#acknowledged;
    this.#acknowledged = [];
    if (seqs.length > 0) this.#needs.outbox.acknowledge(seqs);
  }

  #tell(err: BeffroiError): void {
    const told = this.#fault.happened(err.code);
    if (told) this.#needs.log.warn({ err, count: told.count }, 'events are not taken by the broker');
  }
}
