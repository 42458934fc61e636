import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { systemCode } from '../../../agent/base/errors.ts';

const TRIES = 50;
const RETRY_MS = 100;

/** Resets a connection. One that has begun to end can no longer be reset: Node 26 would keep its handle for ever. */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** A listening socket on 127.0.0.1 that can be closed and opened again on the same port. */
export class Listener {
  readonly #accept: (socket: Socket) => void;
  #server: Server | undefined;
  #port = 0;

  constructor(accept: (socket: Socket) => void) {
    this.#accept = accept;
  }

  /** The port that the system gave at the first `listen`; 0 before. */
  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    if (this.#server) return;
    for (let left = TRIES; ; left -= 1) {
      try {
        this.#server = await this.#open();
        return;
      } catch (error) {
        if (systemCode(error) !== 'EADDRINUSE' || left === 0) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  /** Takes no more connections; those that are open are the owner's. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    await closed;
  }

  async #open(): Promise<Server> {
    const server = createServer({ noDelay: true }, this.#accept);
    server.listen({ port: this.#port, host: '127.0.0.1' });
    await once(server, 'listening');
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
    return server;
  }
}
