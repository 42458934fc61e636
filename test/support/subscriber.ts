import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';

export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retained: boolean;
  readonly atMs: number;
}

/** A subscriber that owes nothing to our own client: the package `mqtt` as it is. */
export class Subscriber {
  readonly #client: MqttClient;
  readonly #received: Received[] = [];
  readonly #waiting = new Set<() => void>();

  private constructor(client: MqttClient, keep: (topic: string) => boolean) {
    this.#client = client;
    client.on('message', (topic, payload, packet) => {
      if (!keep(topic)) return;
      this.#received.push({ topic, payload, retained: packet.retain, atMs: performance.now() });
      for (const wake of this.#waiting) wake();
    });
  }

  /** @param keep which topics are kept; all when left out */
  static async connect(
    url: string,
    filters: readonly string[],
    options: IClientOptions = {},
    keep: (topic: string) => boolean = () => true,
  ): Promise<Subscriber> {
    const client = await connectAsync(url, { protocolVersion: 4, reconnectPeriod: 200, ...options }, false);
    const subscriber = new Subscriber(client, keep);
    await client.subscribeAsync([...filters], { qos: 1 });
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

  /** Resolves with what `find` gives as soon as it gives something; asked again after each message. */
  async until<T>(what: string, find: () => T | undefined | false, timeoutMs = 60_000): Promise<T> {
    const limit = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = find();
      if (found) return found;
      await new Promise<void>((resolve, reject) => {
        const wake = () => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        limit.addEventListener('abort', () => reject(new Error(`waited ${timeoutMs} ms for: ${what}`)), {
          once: true,
        });
      });
    }
  }

  async publish(topic: string, payload: string | Buffer, options: { retain?: boolean } = {}): Promise<void> {
    await this.#client.publishAsync(topic, payload as string, { qos: 1, retain: options.retain ?? false });
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }
}
