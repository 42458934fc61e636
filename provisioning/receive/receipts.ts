import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../agent/base/clock.ts';
import { MAX_RECEIPT_EVENTS } from '../../agent/contract/orders.ts';
import type { ReceiptedEvent } from '../../agent/contract/receipt.ts';
import { receiptTopic } from '../../agent/contract/topics.ts';
import type { SigningKey } from '../../agent/trust/keys.ts';
import type { BrokerClient } from '../../agent/uplink/client.ts';
import { signReceipt } from '../sign.ts';

export interface ReceiptNeeds {
  readonly clock: Clock;
  readonly client: Pick<BrokerClient, 'publish' | 'connected'>;
  /** With the role `receive`. */
  readonly key: SigningKey;
}

/** Shortest time from one round of receipts to the next, ms: events of this time share one. Source: guess. */
const ROUND_MS = 20;
/** Receipts without PUBACK, and events that wait; beyond them boxes send again. Source: guess. */
const MAX_IN_FLIGHT = 32;
const MAX_WAITING = 100_000;
/** Of these what may wait for one box; its own bound is a thousand. Source: guess. */
const MAX_OF_SITE = 10_000;

/**
 * Signs for what is stored, many events at a time. A receipt that is lost is no harm: the box sends the event again,
 * and it is signed for again.
 */
export class Receipts {
  readonly #needs: ReceiptNeeds;
  /** Of each site, by id and digest: there may be several copies of an event. */
  readonly #waiting = new Map<string, Map<string, ReceiptedEvent>>();
  #count = 0;
  #inFlight = 0;
  #gathering: Promise<void> | undefined;
  #roundMs = Number.NEGATIVE_INFINITY;

  constructor(needs: ReceiptNeeds) {
    this.#needs = needs;
  }

  /** The event is on the disk, with these bytes. */
  add(site: string, { id, sha256 }: ReceiptedEvent, signal: AbortSignal): void {
    const events = this.#waiting.get(site) ?? new Map<string, ReceiptedEvent>();
    const copy = id + sha256;
    if (events.has(copy) || events.size >= MAX_OF_SITE || this.#count >= MAX_WAITING) return;
    this.#waiting.set(site, events.set(copy, { id, sha256 }));
    this.#count += 1;
    this.#gathering ??= this.#gather(signal);
  }

  /** What was gathered while there was no connection is not wanted any more: boxes send again what they miss. */
  #clear(): void {
    this.#waiting.clear();
    this.#count = 0;
  }

  async #gather(signal: AbortSignal): Promise<void> {
    const { clock } = this.#needs;
    const waitMs = this.#roundMs + ROUND_MS - clock.monotonicMs();
    await (waitMs > 0 ? clock.sleep(waitMs, signal).catch(() => undefined) : nextTurn());
    this.#gathering = undefined;
    this.#roundMs = clock.monotonicMs();
    this.#send(signal);
  }

  #send(signal: AbortSignal): void {
    if (!this.#needs.client.connected) this.#clear();
    for (const [site, waiting] of this.#waiting) {
      if (this.#inFlight >= MAX_IN_FLIGHT) return;
      void this.#sendOne(site, this.#take(site, waiting), signal);
    }
  }

  /** Who has more to come has its turn again behind all others. */
  #take(site: string, waiting: Map<string, ReceiptedEvent>): ReceiptedEvent[] {
    const taken = [...waiting].slice(0, MAX_RECEIPT_EVENTS);
    for (const [copy] of taken) waiting.delete(copy);
    this.#waiting.delete(site);
    if (waiting.size > 0) this.#waiting.set(site, waiting);
    this.#count -= taken.length;
    return taken.map(([, event]) => event);
  }

  async #sendOne(site: string, events: readonly ReceiptedEvent[], signal: AbortSignal): Promise<void> {
    const { key, clock, client } = this.#needs;
    this.#inFlight += 1;
    const jws = signReceipt(key, site, events, clock.wallMs());
    await client.publish(receiptTopic(site), jws, { qos: 1 }, signal).catch(() => undefined);
    this.#inFlight -= 1;
    if (this.#waiting.size > 0) this.#gathering ??= this.#gather(signal);
  }
}
