import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Backoff, backoffMs } from '../base/retry.ts';
import type { Outbox, OutboxEntry } from '../store/store.ts';
import type { BrokerClient } from './client.ts';

export interface DrainPassNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly client: BrokerClient;
  readonly outbox: Outbox;
  /** The broker refused an event and keeps the connection. */
  readonly refused: (error: BeffroiError) => void;
}

/** Events on the wire without acknowledgement. Source: guess; Mosquitto takes 20 by default. */
const IN_FLIGHT = 32;
/** Acknowledged events that are forgotten in one commit while more is sent; a crash makes them be sent again. Source: guess. */
const FORGOTTEN_AT_ONCE = 128;
/** After the broker refused an event; a lost connection has its own back-off. Source: guess. */
const AFTER_REFUSAL: Backoff = { firstMs: 1_000, factor: 2, capMs: 60_000, jitter: 0.5 };

interface Flying {
  readonly entry: OutboxEntry;
  /** False when an earlier event of the topic was refused meanwhile. */
  counts: boolean;
}

/**
 * Sends what waits in the outbox, the oldest first, until the connection ends or the store fails. An event leaves the
 * outbox at PUBACK.
 *
 * A topic of which the broker refuses an event is held back alone, and from then on its events go one at a time. What
 * was on the wire behind the refused event is sent again behind it, whatever the broker said of it, so that the last
 * copies of the events of a topic are always in order.
 */
export class DrainPass {
  readonly #needs: DrainPassNeeds;
  readonly #end = new AbortController();
  readonly #signal: AbortSignal;
  readonly #inFlight = new Map<Flying, Promise<void>>();
  /** Topics that wait after a refusal. */
  readonly #held = new Set<string>();
  /** Refusals in a row of each topic. */
  readonly #refusals = new Map<string, number>();
  /** Topics whose events go one at a time. */
  readonly #careful = new Set<string>();
  #acknowledged: number[] = [];
  readonly #givenUp: number[] = [];
  #afterSeq = 0;
  #fromOldest = false;
  #anyTaken = false;
  #failure: BeffroiError | undefined;
  #firstLost: OutboxEntry | undefined;
  #wake: (() => void) | undefined;

  constructor(needs: DrainPassNeeds, connection: AbortSignal) {
    this.#needs = needs;
    this.#signal = AbortSignal.any([connection, this.#end.signal]);
  }

  /** The event that the broker was sent first of those on which it closed the connection, if it did. */
  get closedOn(): OutboxEntry | undefined {
    return this.#failure?.code === 'broker-closed' ? this.#firstLost : undefined;
  }

  /** Whether the broker took any event. */
  get anyTaken(): boolean {
    return this.#anyTaken;
  }

  /** An event came in. */
  wake(): void {
    this.#wake?.();
  }

  /** Holds the events of a topic back as after so many refusals. */
  hold(topic: string, refusals: number): void {
    this.#refusals.set(topic, refusals);
    this.#careful.add(topic);
    this.#held.add(topic);
    const delayMs = backoffMs(AFTER_REFUSAL, refusals, this.#needs.random());
    this.#needs.clock.sleep(delayMs, this.#signal).then(
      () => this.#release(topic),
      () => undefined,
    );
  }

  /** @throws BeffroiError when the connection was lost or the store failed */
  async run(): Promise<void> {
    this.#signal.addEventListener('abort', () => this.wake(), { once: true });
    try {
      while (!this.#signal.aborted) {
        this.#launchFollowing();
        await this.#news();
        if (this.#acknowledged.length >= FORGOTTEN_AT_ONCE || this.#inFlight.size === 0) this.#forget();
      }
    } finally {
      this.#end.abort();
      await Promise.all(this.#inFlight.values());
      this.#forget();
    }
    if (this.#failure) throw this.#failure;
  }

  /** Begins with the oldest again, since the events of this topic were passed over. */
  #release(topic: string): void {
    this.#held.delete(topic);
    this.#fromOldest = true;
    this.wake();
  }

  #launchFollowing(): void {
    if (this.#fromOldest) {
      this.#forget();
      this.#afterSeq = 0;
      this.#fromOldest = false;
    }
    const room = IN_FLIGHT - this.#inFlight.size;
    if (room <= 0) return;
    // After a refusal it began with the oldest again, and what is on the wire stands in between.
    const passedOver = this.#careful.size > 0;
    const flying = new Set(passedOver ? [...this.#inFlight.keys()].map(({ entry }) => entry.seq) : []);
    const limit = passedOver ? IN_FLIGHT : room;
    for (const entry of this.#needs.outbox.next(this.#afterSeq, limit, [...this.#held])) {
      if (this.#inFlight.size >= IN_FLIGHT || this.#mustWait(entry.topic)) return;
      this.#afterSeq = entry.seq;
      if (!flying.has(entry.seq)) this.#launch(entry);
    }
  }

  #mustWait(topic: string): boolean {
    return this.#careful.has(topic) && [...this.#inFlight.keys()].some(({ entry }) => entry.topic === topic);
  }

  #launch(entry: OutboxEntry): void {
    const flying: Flying = { entry, counts: true };
    const landed = this.#needs.client
      .publish(entry.topic, entry.payload, { qos: 1 }, this.#signal)
      .then(
        () => this.#taken(flying),
        (thrown: unknown) => this.#failed(flying, asBeffroiError(thrown)),
      )
      .finally(() => {
        this.#inFlight.delete(flying);
        this.wake();
      });
    this.#inFlight.set(flying, landed);
  }

  #taken({ entry, counts }: Flying): void {
    this.#anyTaken = true;
    if (!counts) return;
    this.#acknowledged.push(entry.seq);
    this.#refusals.delete(entry.topic);
  }

  #failed({ entry, counts }: Flying, error: BeffroiError): void {
    if (error.code === 'broker-refused' && !this.#signal.aborted) {
      if (counts) this.#refuse(entry.topic, error);
      return;
    }
    if (error.code === 'message-too-large') {
      this.#needs.log.error({ err: error, seq: entry.seq }, 'event given up: the broker will never take it');
      this.#givenUp.push(entry.seq);
      return;
    }
    this.#failure ??= error;
    this.#firstLost ??= entry;
    this.#end.abort();
  }

  #refuse(topic: string, error: BeffroiError): void {
    for (const flying of this.#inFlight.keys()) if (flying.entry.topic === topic) flying.counts = false;
    this.hold(topic, (this.#refusals.get(topic) ?? 0) + 1);
    this.#needs.refused(error);
  }

  /** Resolves when an event came in, one landed, a topic is free, or the pass ends; all of one turn of the event loop at once. */
  async #news(): Promise<void> {
    if (this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await nextTurn();
  }

  /** One commit for many acknowledgements. */
  #forget(): void {
    const seqs = this.#acknowledged;
    this.#acknowledged = [];
    if (seqs.length > 0) this.#needs.outbox.acknowledge(seqs);
    for (const seq of this.#givenUp.splice(0)) this.#needs.outbox.giveUp(seq);
  }
}
