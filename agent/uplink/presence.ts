import type { LinkState } from '../contract/messages.ts';
import { linkTopic } from '../contract/topics.ts';
import type { Memory } from '../store/store.ts';
import type { BrokerClient } from './client.ts';
import type { RetainedInventory } from './inventory.ts';
import type { Protocol, Will } from './link.ts';
import type { Stamp } from './stamp.ts';

const ROOM = 'uplink';
const KEY = 'session';

export interface PresenceNeeds {
  readonly memory: Memory;
  readonly inventory: RetainedInventory;
  readonly stamp: Stamp;
  /** What is in force now. */
  readonly facts: () => LinkFacts;
}

type LinkFacts = Pick<
  LinkState,
  'confirmation' | 'path' | 'in_use' | 'other_path' | 'supervision_s' | 'category'
>;

/**
 * The retained `collector/state/link` of one path: a birth at each connection and a last will with the same session number, which
 * rises durably, so that a late will of an old session is recognised by its lower number.
 */
export class Presence {
  readonly #needs: PresenceNeeds;
  readonly #software: string;
  #session = 0;
  #protocol: Protocol = 'mqtt5';

  constructor(needs: PresenceNeeds, software: string) {
    this.#needs = needs;
    this.#software = software;
  }

  /** Number of the last session that was tried. */
  get session(): number {
    return this.#session;
  }

  /** Begins a session: its number is durable before CONNECT is sent. */
  will(protocol: Protocol): Will {
    const { memory, inventory } = this.#needs;
    this.#session = Math.max(this.#session, this.#kept()) + 1;
    this.#protocol = protocol;
    memory.set(ROOM, KEY, String(this.#session));
    inventory.written(this.#topic);
    return { topic: this.#topic, payload: this.#message(false), retain: true };
  }

  /** Says that the box is there; resolves when the broker has acknowledged. */
  async tell(client: BrokerClient, signal: AbortSignal): Promise<void> {
    await client.publish(this.#topic, this.#message(true), { qos: 1, retain: true }, signal);
  }

  /** Says that the box leaves in good order; DISCONNECT, which drops the will, comes after. */
  async farewell(client: BrokerClient, signal: AbortSignal): Promise<void> {
    await client.publish(this.#topic, this.#message(false), { qos: 1, retain: true }, signal);
  }

  /** Where the number was lost with the database, numbers go on above the clock: no box counts that far. */
  #kept(): number {
    const text = this.#needs.memory.get(ROOM, KEY);
    if (text !== undefined) return Number(text);
    const { boot, ts } = this.#needs.stamp.envelope();
    return boot > 1 ? ts : 0;
  }

  get #topic(): string {
    return linkTopic(this.#needs.stamp.site, this.#needs.facts().path);
  }

  #message(online: boolean): string {
    const message: LinkState = {
      ...this.#needs.stamp.envelope(),
      online,
      session: this.#session,
      protocol: this.#protocol,
      software: this.#software.slice(0, 40),
      ...this.#needs.facts(),
    };
    return JSON.stringify(message);
  }
}
