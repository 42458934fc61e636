import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';

/** A broker inside this process, for the demo: MQTT 3.1.1, loopback, in memory. */
export class EmbeddedBroker {
  readonly #aedes: Aedes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(aedes: Aedes) {
    this.#aedes = aedes;
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
  }

  /** @param forbidden topics that nobody may subscribe to */
  static async start(forbidden: readonly string[] = []): Promise<EmbeddedBroker> {
    const aedes = await Aedes.createBroker({
      authorizeSubscribe: (_client, subscription, done) =>
        done(null, forbidden.includes(subscription.topic) ? null : subscription),
    });
    const broker = new EmbeddedBroker(aedes);
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Publishes by itself, retained. */
  async publish(topic: string, payload: string): Promise<void> {
    const message = { cmd: 'publish', qos: 0, retain: true, dup: false } as const;
    await new Promise<void>((resolve, reject) => {
      this.#aedes.publish({ ...message, topic, payload }, (error) => (error ? reject(error) : resolve()));
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
  }
}
