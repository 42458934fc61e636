import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { Framer } from './framer.ts';
import type { Pace } from './pace.ts';

export interface ListenerNeeds {
  readonly clock: Clock;
  readonly pace: Pace;
  /** The answer to a message; undefined for silence. Does not throw. */
  readonly take: (bytes: Buffer, from: string) => Buffer | undefined;
  /** The account of the configuration that a whole message names. */
  readonly accountOf: (bytes: Buffer) => string | undefined;
  /** Whether genuine messages came from this address lately. */
  readonly isKnown: (address: string) => boolean;
  /** A connection that has spoken and then says nothing for this long is closed; panels connect anew. */
  readonly idleMs: number;
}

/** Connections at a time, in all and from one address. Source: guess; a panel needs one. */
const MAX_CONNECTIONS = 64;
const MAX_PER_ADDRESS = 8;
/** A message is whole within this, and the first one of a connection comes within it. Source: guess. */
const MESSAGE_MS = 20_000;
/** Bytes that may come without one message that is answered. Source: guess. */
const MAX_UNANSWERED_BYTES = 65_536;
/** Silence after which the system asks whether the panel is still there. Source: guess. */
const KEEP_ALIVE_MS = 60_000;
/** An address that sends faster than it may is heard again after this. */
const PAUSE_MS = 1_000;

interface Open {
  readonly address: string;
  readonly answered: boolean;
}

/** Panels that come by TCP. */
export class TcpListener {
  readonly #needs: ListenerNeeds;
  readonly #server: Server;
  /** In the order of their last message; those that were never answered stand first to go. */
  readonly #sockets = new Map<Socket, Open>();

  constructor(needs: ListenerNeeds) {
    this.#needs = needs;
    const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.#server = createServer(options, (socket) => this.#accept(socket));
    // Whoever waits for the server hears of it too.
    this.#server.on('error', () => undefined);
  }

  /** `ended` settles when the port closes, fails or the signal aborts. @throws when the port cannot be opened */
  async open(host: string, port: number, signal: AbortSignal): Promise<{ ended: Promise<unknown> }> {
    this.#server.listen({ host, port, exclusive: true });
    await once(this.#server, 'listening', { signal });
    return { ended: once(this.#server, 'close', { signal }) };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    if (!this.#hasRoom(address)) {
      socket.destroy();
      return;
    }
    this.#sockets.set(socket, { address, answered: false });
    new Connection(this.#needs, socket, () => this.#answered(socket)).begin();
  }

  /**
   * A panel that lost its connections without a word takes the place of one of its own, and a stranger never that of a
   * known address.
   */
  #hasRoom(address: string): boolean {
    const own = [...this.#sockets].filter(([, open]) => open.address === address);
    if (own.length >= MAX_PER_ADDRESS) this.#end(own);
    if (this.#sockets.size < MAX_CONNECTIONS) return true;
    const { isKnown } = this.#needs;
    return this.#end([...this.#sockets].filter(([, open]) => isKnown(address) || !isKnown(open.address)));
  }

  /** Ends one of these: strangers first, then those that were never answered, of them the oldest. */
  #end(rivals: readonly [Socket, Open][]): boolean {
    const rank = ({ address, answered }: Open) => (this.#needs.isKnown(address) ? 2 : 0) + (answered ? 1 : 0);
    const ranks = rivals.map(([, open]) => rank(open));
    const [socket] = rivals[ranks.indexOf(Math.min(...ranks))] ?? [];
    if (!socket) return false;
    this.#sockets.delete(socket);
    socket.destroy();
    return true;
  }

  #answered(socket: Socket): void {
    const open = this.#sockets.get(socket);
    if (open && this.#sockets.delete(socket)) this.#sockets.set(socket, { ...open, answered: true });
  }
}

/** One panel that is connected: its messages one after the other, each answered. */
class Connection {
  readonly #needs: ListenerNeeds;
  readonly #socket: Socket;
  readonly #answered: () => void;
  readonly #framer = new Framer();
  readonly #closed = new AbortController();
  #awaited: AbortController | undefined;
  #unansweredBytes = 0;

  constructor(needs: ListenerNeeds, socket: Socket, answered: () => void) {
    this.#needs = needs;
    this.#socket = socket;
    this.#answered = answered;
  }

  begin(): void {
    this.#socket.on('close', () => this.#closed.abort());
    this.#socket.setTimeout(this.#needs.idleMs, () => this.#socket.destroy());
    this.#await();
    this.#socket.on('data', (chunk) => {
      this.#framer.push(Buffer.from(chunk));
      this.#unansweredBytes += chunk.length;
      this.#takeAll();
    });
    this.#keepPace();
  }

  #takeAll(): void {
    for (let bytes = this.#framer.next(); bytes; bytes = this.#framer.next()) {
      const answer = this.#needs.take(bytes, this.#socket.remoteAddress ?? '');
      if (answer) this.#answer(answer);
      if (!this.#keepPace()) return;
    }
    if (this.#framer.overlong || this.#unansweredBytes > MAX_UNANSWERED_BYTES) this.#socket.destroy();
    else if (this.#framer.pending > 0) this.#await();
  }

  #answer(answer: Buffer): void {
    this.#awaited?.abort();
    this.#awaited = undefined;
    this.#unansweredBytes = 0;
    this.#answered();
    if (this.#socket.writable) this.#socket.write(answer);
    if (this.#socket.writableLength > this.#socket.writableHighWaterMark) this.#socket.destroy();
  }

  /** From now on there is a limit to the time until the next message that is answered. */
  #await(): void {
    if (this.#awaited) return;
    this.#awaited = new AbortController();
    const signal = AbortSignal.any([this.#awaited.signal, this.#closed.signal]);
    this.#needs.clock.sleep(MESSAGE_MS, signal).then(
      () => this.#socket.destroy(),
      () => undefined,
    );
  }

  /** Each connection and each message counts. @returns false when this address is not heard for a moment */
  #keepPace(): boolean {
    const allowed = this.#needs.pace.allows(this.#socket.remoteAddress ?? '');
    if (!allowed) this.#pause();
    return allowed;
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
