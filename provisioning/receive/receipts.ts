import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../agent/base/clock.ts';
import { MAX_RECEIPT_IDS } from '../../agent/contract/orders.ts';
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
/** Receipts without PUBACK, and ids that wait; beyond them boxes send again. Source: guess. */
const MAX_IN_FLIGHT = 32;
const MAX_WAITING = 100_000;

/**
 * Signs for what is stored, many events at a time. A receipt that is lost is no harm: the box sends the event again,
 * and it is signed for again.
 */
export class Receipts {
  readonly #needs: ReceiptNeeds;
  readonly #waiting = new Map<string, Set<string>>();
  #count = 0;
  #inFlight = 0;
  #gathering: Promise<void> | undefined;
  #roundMs = Number.NEGATIVE_INFINITY;

  constructor(needs: ReceiptNeeds) {
    this.#needs = needs;
  }

  /** The event of this id is on the disk. */
  add(site: string, id: string, signal: AbortSignal): void {
    const ids = this.#waiting.get(site) ?? new Set();
    if (ids.has(id) || this.#count >= MAX_WAITING) return;
    this.#waiting.set(site, ids.add(id));
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
    for (const site of [...this.#waiting.keys()]) {
      while (this.#inFlight < MAX_IN_FLIGHT) {
        const ids = this.#take(site);
        if (ids.length === 0) break;
        void this.#sendOne(site, ids, signal);
      }
    }
  }

  #take(site: string): string[] {
    const waiting = this.#waiting.get(site);
    const ids = [...(waiting ?? [])].slice(0, MAX_RECEIPT_IDS);
    for (const id of ids) waiting?.delete(id);
    if (waiting?.size === 0) this.#waiting.delete(site);
    this.#count -= ids.length;
    return ids;
  }

  async #sendOne(site: string, ids: readonly string[], signal: AbortSignal): Promise<void> {
    const { key, clock, client } = this.#needs;
    this.#inFlight += 1;
    const jws = signReceipt(key, site, ids, clock.wallMs());
    await client.publish(receiptTopic(site), jws, { qos: 1 }, signal).catch(() => undefined);
    this.#inFlight -= 1;
    if (this.#waiting.size > 0) this.#gathering ??= this.#gather(signal);
  }
}
