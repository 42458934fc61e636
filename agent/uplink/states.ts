import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import type { BrokerClient } from './client.ts';
import type { RetainedInventory } from './inventory.ts';
import { sharesOf } from './shares.ts';

interface State {
  /** Fields without the envelope, to see whether anything changed. */
  readonly fields: string;
  readonly payload: string;
}

export interface RetainedStatesNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly client: BrokerClient;
  readonly inventory: RetainedInventory;
}

/** What the broker refused is tried again after this long, if it did not change meanwhile. Source: guess. */
const AFTER_REFUSAL_MS = 60_000;

/**
 * The retained states as they should stand on the broker, and the way there: the last one of each topic wins,
 * topics that are gone are cleared. Bounded by the number of topics, whatever the link does.
 */
export class RetainedStates {
  readonly #needs: RetainedStatesNeeds;
  readonly #states = new Map<string, State>();
  /** Topics whose state on the broker is not what it should be, oldest first. */
  readonly #dirty = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #fault: RepeatedFault;
  #connection: AbortController | undefined;
  #waiting = false;

  constructor(needs: RetainedStatesNeeds) {
    this.#needs = needs;
    this.#fault = new RepeatedFault(needs.clock);
  }

  /** @returns false when the fields are those that already stand */
  isNew(topic: string, fields: string): boolean {
    return this.#states.get(topic)?.fields !== fields;
  }

  set(topic: string, state: State): void {
    this.#needs.inventory.written(topic);
    this.#states.set(topic, state);
    this.#mark(topic);
  }

  clear(topic: string): void {
    this.#states.delete(topic);
    this.#needs.inventory.toClear(topic);
    this.#mark(topic);
  }

  /** A new connection: the broker may have lost everything. */
  connected(): void {
    this.#connection?.abort();
    this.#connection = new AbortController();
    this.#refused.clear();
    for (const topic of [...this.#states.keys(), ...this.#needs.inventory.pending()]) this.#dirty.add(topic);
    this.#pump();
  }

  disconnected(): void {
    this.#connection?.abort();
    this.#connection = undefined;
  }

  #mark(topic: string): void {
    this.#dirty.add(topic);
    this.#pump();
  }

  #pump(): void {
    const connection = this.#connection;
    if (!connection) return;
    // States share the window with events, which go first.
    const most = sharesOf(this.#needs.client.inflight).states;
    for (const topic of this.#dirty) {
      if (this.#busy.size >= most) return;
      if (this.#busy.has(topic)) continue;
      this.#dirty.delete(topic);
      void this.#send(topic, connection.signal);
    }
  }

  async #send(topic: string, signal: AbortSignal): Promise<void> {
    this.#busy.add(topic);
    const state = this.#states.get(topic);
    try {
      await this.#needs.client.publish(topic, state?.payload ?? '', { qos: 1, retain: true }, signal);
      if (!state) this.#needs.inventory.cleared(topic);
    } catch (thrown) {
      this.#failed(topic, asBeffroiError(thrown), signal);
    } finally {
      this.#busy.delete(topic);
      this.#pump();
    }
  }

  /** A lost connection marks every topic again when it is back; a refusal concerns this topic alone. */
  #failed(topic: string, error: BeffroiError, signal: AbortSignal): void {
    if (signal.aborted || (error.code !== 'broker-refused' && error.code !== 'message-too-large')) return;
    const told = this.#fault.happened(error.code);
    if (told) this.#needs.log.warn({ err: error, topic, count: told.count }, 'state not taken by the broker');
    this.#refused.add(topic);
    void this.#markRefusedLater(signal);
  }

  async #markRefusedLater(signal: AbortSignal): Promise<void> {
    if (this.#waiting) return;
    this.#waiting = true;
    await this.#needs.clock.sleep(AFTER_REFUSAL_MS, signal).catch(() => undefined);
    this.#waiting = false;
    if (signal.aborted) return;
    for (const topic of this.#refused) this.#dirty.add(topic);
    this.#refused.clear();
    this.#pump();
  }
}
