import { MESSAGES } from '../contract/messages.ts';
import { parseTopic } from '../contract/topics.ts';
import type { Memory } from '../store/store.ts';

const ROOM = 'uplink.retained';
const WRITTEN = 'written';
const TO_CLEAR = 'to-clear';

/** Every retained topic ever written to a broker, durable, until the broker has acknowledged that it is cleared. */
export class RetainedInventory {
  readonly #memory: Memory;
  #read: Map<string, string> | undefined;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** What this and earlier starts wrote; rooms speak before the uplink is started. */
  get #topics(): Map<string, string> {
    this.#read ??= new Map(this.#memory.entries(ROOM));
    return this.#read;
  }

  /** Durable when this returns; call it before the topic is published. */
  written(topic: string): void {
    this.#set(topic, WRITTEN);
  }

  /** The topic is to be cleared. Topics that were never written are not remembered. */
  toClear(topic: string): void {
    if (this.#topics.has(topic)) this.#set(topic, TO_CLEAR);
  }

  /** The broker holds it no more. */
  cleared(topic: string): void {
    if (this.#topics.get(topic) !== TO_CLEAR) return;
    this.#topics.delete(topic);
    this.#memory.delete(ROOM, topic);
  }

  /** What still has to be cleared on the broker. */
  pending(): string[] {
    return [...this.#topics].filter(([, value]) => value === TO_CLEAR).map(([topic]) => topic);
  }

  /** Topics whose site or entity is gone, or that this version does not write. */
  strangers(site: string, entities: ReadonlySet<string>): string[] {
    return [...this.#topics.keys()].filter((topic) => !isOurs(topic, site, entities));
  }

  #set(topic: string, value: string): void {
    if (this.#topics.get(topic) === value) return;
    this.#topics.set(topic, value);
    this.#memory.set(ROOM, topic, value);
  }
}

function isOurs(text: string, site: string, entities: ReadonlySet<string>): boolean {
  const topic = parseTopic(text);
  if (!topic || topic.site !== site || !entities.has(topic.entity)) return false;
  return Object.values(MESSAGES).some(
    ({ class: known, name }) => known === topic.class && name === topic.name,
  );
}
