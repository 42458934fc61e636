import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { Framer } from './framer.ts';
import type { Pace } from './pace.ts';

export interface ListenerNeeds {
  readonly clock: Clock;
  readonly pace: Pace;
  /** The answer to a message; undefined for silence. Does not throw. */
  readonly take: (bytes: Buffer) => Buffer | undefined;
}

/** Connections at a time, in all and from one address. Source: guess; a panel needs one. */
const MAX_CONNECTIONS = 64;
const MAX_PER_ADDRESS = 8;
/** A connection without a byte for this long is closed; panels connect anew. Source: guess. */
const IDLE_MS = 300_000;
/** A message that has begun is whole within this. Source: guess. */
const MESSAGE_MS = 20_000;
/** An address that sends faster than it may is heard again after this. */
const PAUSE_MS = 1_000;

/** Panels that come by TCP. */
export class TcpListener {
  readonly #needs: ListenerNeeds;
  readonly #server: Server;
  /** In the order of their last byte. */
  readonly #sockets = new Set<Socket>();

  constructor(needs: ListenerNeeds) {
    this.#needs = needs;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** `ended` settles when the port closes, fails or the signal aborts. @throws when the port cannot be opened */
  async open(host: string, port: number, signal: AbortSignal): Promise<{ ended: Promise<unknown> }> {
    this.#server.listen({ host, port, exclusive: true });
    await once(this.#server, 'listening', { signal });
    return { ended: once(this.#server, 'close', { signal }) };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    if (this.#countOf(socket.remoteAddress) >= MAX_PER_ADDRESS) {
      socket.destroy();
      return;
    }
    if (this.#sockets.size >= MAX_CONNECTIONS) [...this.#sockets][0]?.destroy();
    this.#sockets.add(socket);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    new Connection(this.#needs, socket, () => this.#spoke(socket)).begin();
  }

  #countOf(address: string | undefined): number {
    return [...this.#sockets].filter(({ remoteAddress }) => remoteAddress === address).length;
  }

  #spoke(socket: Socket): void {
    if (this.#sockets.delete(socket)) this.#sockets.add(socket);
  }
}

/** One panel that is connected: its messages one after the other, each answered. */
class Connection {
  readonly #needs: ListenerNeeds;
  readonly #socket: Socket;
  readonly #spoke: () => void;
  readonly #framer = new Framer();
  readonly #closed = new AbortController();
  #begunMs: number | undefined;

  constructor(needs: ListenerNeeds, socket: Socket, spoke: () => void) {
    this.#needs = needs;
    this.#socket = socket;
    this.#spoke = spoke;
  }

  begin(): void {
    this.#socket.on('close', () => this.#closed.abort());
    this.#socket.on('data', (chunk) => {
      this.#framer.push(Buffer.from(chunk));
      this.#takeAll();
    });
  }

  #takeAll(): void {
    const address = this.#socket.remoteAddress ?? '';
    for (let bytes = this.#framer.next(); bytes; bytes = this.#framer.next()) {
      this.#begunMs = undefined;
      this.#spoke();
      this.#answer(this.#needs.take(bytes));
      if (!this.#needs.pace.allows(address)) {
        this.#pause();
        return;
      }
    }
    this.#endIfStuck();
  }

  #answer(answer: Buffer | undefined): void {
    if (answer && this.#socket.writable) this.#socket.write(answer);
    if (this.#socket.writableLength > this.#socket.writableHighWaterMark) this.#socket.destroy();
  }

  #endIfStuck(): void {
    if (this.#framer.pending === 0) return;
    const nowMs = this.#needs.clock.monotonicMs();
    this.#begunMs ??= nowMs;
    if (this.#framer.overlong || nowMs - this.#begunMs > MESSAGE_MS) this.#socket.destroy();
  }

  #pause(): void {
    this.#socket.pause();
    this.#needs.clock.sleep(PAUSE_MS, this.#closed.signal).then(
      () => {
        this.#socket.resume();
        this.#takeAll();
      },
      () => undefined,
    );
  }
}
