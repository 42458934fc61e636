import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { TestClock } from '../support/test-clock.ts';

/** So many times there and back, and a connection is made, and a question put on it. */
const ROUNDS = 5;

/** A cable between a source and its equipment that can be pulled, and that shows how often was asked through it. */
export class Relay {
  readonly port: number;
  questions = 0;
  connections = 0;
  readonly #server: Server;
  readonly #target: number;
  readonly #ends: (bytes: Buffer) => boolean;
  readonly #sockets = new Set<Socket>();
  readonly #echo: Echo;
  /** Connections on which a question is on its way, or its answer. */
  readonly #asking = new Set<Socket>();
  #pulled = false;

  private constructor(server: Server, echo: Echo, target: number, ends: (bytes: Buffer) => boolean) {
    this.#server = server;
    this.#echo = echo;
    this.#target = target;
    this.#ends = ends;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#carry(socket));
  }

  /** @param ends whether these bytes of the equipment end an answer */
  static async to(target: number, ends: (bytes: Buffer) => boolean): Promise<Relay> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Relay(server, await Echo.open(), target, ends);
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
    this.#echo.close();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /**
   * The clock goes on in steps until `happened`; it stands while the kernel carries what was sent, and while an answer is
   * awaited.
   */
  async wait(clock: TestClock, stepMs: number, happened: () => boolean): Promise<void> {
    while (!happened()) {
      await clock.advance(stepMs);
      for (let quiet = 0; quiet < ROUNDS; quiet = this.#asking.size > 0 ? 0 : quiet + 1)
        await this.#echo.round();
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
      this.#asking.delete(socket);
      target.destroy();
    });
    socket.on('data', () => {
      this.questions += 1;
      this.#asking.add(socket);
    });
    target.on('data', (bytes: Buffer) => {
      if (this.#ends(bytes)) this.#asking.delete(socket);
    });
    this.#sockets.add(socket).add(target);
    socket.pipe(target).pipe(socket);
  }
}

/** A connection beside others: what is sent on it comes back when the kernel has carried what was sent on them before. */
class Echo {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(): Promise<Echo> {
    const server = createServer({ noDelay: true }, (peer) => {
      server.close();
      peer.on('error', () => undefined).pipe(peer);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Echo(socket);
  }

  async round(): Promise<void> {
    const back = once(this.#socket, 'data');
    this.#socket.write('.');
    await back;
  }

  close(): void {
    this.#socket.destroy();
  }
}
