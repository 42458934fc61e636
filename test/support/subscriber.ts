import { setTimeout as delay } from 'node:timers/promises';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { PATIENCE_MS } from './until.ts';

export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retained: boolean;
  readonly atMs: number;
}

/** What a test waits for need not be a message: it is asked for as often, ms. */
const LOOK_MS = 50;

/** How many of the last messages are told when what is waited for does not come, and how much of each, bytes. */
const SHOWN = 10;
const SHOWN_BYTES = 200;

function shown(payload: Buffer): string {
  return payload
    .subarray(0, SHOWN_BYTES)
    .toString('utf8')
    .replace(/[^\x20-\x7e]/g, '.');
}

/** A subscriber that owes nothing to our own client: the package `mqtt` as it is. */
export class Subscriber {
  /** How often the broker has acknowledged the subscriptions: once for each connection. */
  subscriptions = 0;
  /** What else a wait in vain tells, such as the log of whom it is waited for. */
  beside: () => Promise<string> = async () => '';
  readonly #client: MqttClient;
  readonly #filters: string[];
  readonly #received: Received[] = [];
  readonly #waiting = new Set<() => void>();
  #connections = 0;

  private constructor(client: MqttClient, filters: readonly string[], keep: (topic: string) => boolean) {
    this.#client = client;
    this.#filters = [...filters];
    client.on('connect', () => void this.#subscribe().catch(() => undefined));
    client.on('message', (topic, payload, packet) => {
      if (!keep(topic)) return;
      this.#received.push({ topic, payload, retained: packet.retain, atMs: performance.now() });
      for (const wake of [...this.#waiting]) wake();
    });
  }

  /** @param keep which topics are kept; all when left out */
  static async connect(
    url: string,
    filters: readonly string[],
    options: IClientOptions = {},
    keep: (topic: string) => boolean = () => true,
  ): Promise<Subscriber> {
    const how = { protocolVersion: 4 as const, reconnectPeriod: 200, resubscribe: false, ...options };
    const client = await connectAsync(url, how, false);
    const subscriber = new Subscriber(client, filters, keep);
    await subscriber.#subscribe();
    return subscriber;
  }

  get received(): readonly Received[] {
    return this.#received;
  }

  /** The JSON payloads of the topics that end so. */
  json<T = Record<string, unknown>>(topicEnd: string): T[] {
    return this.#received
      .filter(({ topic, payload }) => topic.endsWith(topicEnd) && payload.length > 0)
      .map(({ payload }) => JSON.parse(payload.toString('utf8')) as T);
  }

  /** Events of the topics that end so, each once: one that the broker or the box sends again has the same id. */
  events<T = Record<string, unknown>>(...topicEnds: readonly string[]): T[] {
    const seen = new Set<string>();
    return this.#received
      .filter(({ topic }) => topicEnds.some((end) => topic.endsWith(end)))
      .map(({ payload }) => JSON.parse(payload.toString('utf8')) as T & { id: string })
      .filter(({ id }) => !seen.has(id) && seen.add(id));
  }

  /** Resolves with what `find` gives as soon as it gives something; asked again after each message, and in between. */
  async until<T>(what: string, find: () => T | undefined | false, patienceMs = PATIENCE_MS): Promise<T> {
    const limit = AbortSignal.timeout(patienceMs);
    for (;;) {
      const found = find();
      if (found) return found;
      if (limit.aborted) throw new Error(await this.#vain(`waited ${patienceMs} ms for: ${what}`));
      await this.#next();
    }
  }

  /** Publishes when it hears, so that no answer is missed. */
  async publish(topic: string, payload: string | Buffer, options: { retain?: boolean } = {}): Promise<void> {
    await this.until('a subscription of this connection', () => this.#hears);
    await this.#client.publishAsync(topic, payload as string, { qos: 1, retain: options.retain ?? false });
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }

  /** What is told beside a wait in vain. */
  async #vain(what: string): Promise<string> {
    const last = this.#received.slice(-SHOWN).map(({ topic, payload }) => `${topic} ${shown(payload)}`);
    return [what, `heard ${this.#received.length}, the last of them:`, ...last, await this.beside()].join(
      '\n',
    );
  }

  get #hears(): boolean {
    return this.#client.connected && this.subscriptions > this.#connections;
  }

  async #subscribe(): Promise<void> {
    this.#connections = this.subscriptions;
    await this.#client.subscribeAsync(this.#filters, { qos: 1 });
    this.subscriptions += 1;
    for (const wake of [...this.#waiting]) wake();
  }

  async #next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = new AbortController();
    this.#waiting.add(resolve);
    await Promise.race([promise, delay(LOOK_MS, undefined, { signal: look.signal }).catch(() => undefined)]);
    this.#waiting.delete(resolve);
    look.abort();
  }
}
