import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { TestClock } from '../support/test-clock.ts';

/** A cable between a source and its equipment that can be pulled, and that shows how often was asked through it. */
export class Relay {
  readonly port: number;
  questions = 0;
  connections = 0;
  readonly #server: Server;
  readonly #target: number;
  readonly #ends: (bytes: Buffer) => boolean;
  readonly #sockets = new Set<Socket>();
  #pulled = false;
  /** A question is on its way, or its answer is. */
  #open = false;

  private constructor(server: Server, target: number, ends: (bytes: Buffer) => boolean) {
    this.#server = server;
    this.#target = target;
    this.#ends = ends;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#carry(socket));
  }

  /** @param ends whether these bytes of the equipment end an answer */
  static async to(target: number, ends: (bytes: Buffer) => boolean): Promise<Relay> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Relay(server, target, ends);
  }

  /** Whoever connects from now on is cut off at once. */
  pull(): void {
    this.#pulled = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  plug(): void {
    this.#pulled = false;
  }

  async close(): Promise<void> {
    this.pull();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** The clock goes on in steps until `happened`; it stands while an answer is awaited. */
  async wait(clock: TestClock, stepMs: number, happened: () => boolean): Promise<void> {
    while (!happened()) {
      await clock.advance(stepMs);
      for (let turn = 0; turn < 20 || this.#open; turn += 1) await setImmediate();
    }
  }

  /** Everything that the equipment says now has been taken: the answer to a question precedes the next question. */
  async heard(clock: TestClock, pollMs: number): Promise<void> {
    const before = this.questions;
    await this.wait(clock, pollMs, () => this.questions >= before + 2);
  }

  #carry(socket: Socket): void {
    this.connections += 1;
    socket.on('error', () => undefined);
    if (this.#pulled) {
      socket.destroy();
      return;
    }
    const target = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    target.on('error', () => undefined).on('close', () => socket.destroy());
    socket.on('close', () => {
      this.#open = false;
      target.destroy();
    });
    socket.on('data', () => {
      this.questions += 1;
      this.#open = true;
    });
    target.on('data', (bytes: Buffer) => {
      if (this.#ends(bytes)) this.#open = false;
    });
    this.#sockets.add(socket).add(target);
    socket.pipe(target).pipe(socket);
  }
}
