import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../port.ts';

/** Resets a connection. One that has begun to end can no longer be reset: Node 26 would keep its handle for ever. */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** A listening socket on loopback that can be closed and opened again on the same port. */
export class Listener {
  readonly #accept: (socket: Socket) => void;
  readonly #host: string;
  #server: Server | undefined;
  #port = 0;

  constructor(accept: (socket: Socket) => void, host = '127.0.0.1') {
    this.#accept = accept;
    this.#host = host;
  }

  /** The same from the first `listen` on; 0 before. */
  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    this.#server ??= await this.#open();
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
    this.#port ||= await freePort();
    server.listen({ port: this.#port, host: this.#host });
    await once(server, 'listening');
    return server;
  }
}
