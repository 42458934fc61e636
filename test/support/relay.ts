import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './port.ts';

/** A stretch of network on loopback: slow, narrow, dead or cut on demand. */
export class Relay {
  /** One-way delay of what passes from now on, ms. */
  delayMs = 0;
  /** True swallows everything in both directions and closes nothing, as a dead link does. */
  dead = false;
  /** How many it has taken. */
  connections = 0;
  readonly port: number;
  readonly #server: Server;
  readonly #target: () => number;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, target: () => number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on('connection', (near) => this.#join(near));
  }

  /** @param target the port behind it, on loopback */
  static async start(target: () => number): Promise<Relay> {
    const server = createServer();
    const port = await freePort();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new Relay(server, port, target);
  }

  /** Ends every connection and takes no new one. */
  cut(): void {
    this.#server.close();
    this.drop();
  }

  /** Ends every connection; new ones are taken. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes connections again after `cut`. */
  async mend(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.drop();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    this.connections += 1;
    const far = connect({ host: '127.0.0.1', port: this.#target(), noDelay: true });
    near.setNoDelay(true);
    this.#carry(near, far);
    this.#carry(far, near);
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      if (!this.dead) to.destroy();
    });
    let last: Promise<unknown> = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      if (this.dead) return;
      const late = this.delayMs > 0 ? delay(this.delayMs) : undefined;
      last = Promise.all([last, late]).then(() => {
        // Who does not read is not written to without end.
        if (!to.write(chunk)) from.pause();
      });
    });
    to.on('drain', () => from.resume());
  }
}
