import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { Framer } from './framer.ts';
import type { Pace, Standing } from './pace.ts';
import { UnansweredBytes } from './unanswered.ts';

export interface ListenerNeeds {
  readonly clock: Clock;
  readonly pace: Pace;
  /** The answer to a message; undefined for silence. Does not throw. */
  readonly take: (bytes: Buffer, from: string) => Buffer | undefined;
  /** Whose message it is, as far as that is proven. Does not throw. */
  readonly standingOf: (bytes: Buffer) => Standing | undefined;
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
/** Silence after which the system asks whether the panel is still there. Source: guess. */
const KEEP_ALIVE_MS = 60_000;
/** An answer is taken within this. Source: guess. */
const READ_MS = 20_000;
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
  readonly #unanswered: UnansweredBytes;
  /** In the order of their last message; those that were never answered stand first to go. */
  readonly #sockets = new Map<Socket, Open>();

  constructor(needs: ListenerNeeds) {
    this.#needs = needs;
    this.#unanswered = new UnansweredBytes(needs.clock);
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
    if (this.#isRefused(address) || !this.#hasRoom(address)) {
      socket.destroy();
      return;
    }
    this.#sockets.set(socket, { address, answered: false });
    const answered = () => this.#answered(socket);
    new Connection({ ...this.#needs, unanswered: this.#unanswered, answered }, socket).begin();
  }

  /** A stranger that sends bytes that are no messages, over ever new connections. */
  #isRefused(address: string): boolean {
    return this.#unanswered.isTooMuch(address) && !this.#needs.isKnown(address);
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

interface ConnectionNeeds extends ListenerNeeds {
  readonly unanswered: UnansweredBytes;
  /** A message of the connection was answered. */
  readonly answered: () => void;
}

/** One panel that is connected: its messages one after the other, each answered. */
class Connection {
  readonly #needs: ConnectionNeeds;
  readonly #socket: Socket;
  readonly #address: string;
  readonly #framer = new Framer();
  readonly #closed = new AbortController();
  /** Ends the time within which the next message comes. */
  #awaited: AbortController | undefined;
  /** Ends the time within which the peer takes what it was answered. */
  #unread: AbortController | undefined;
  /** A message that must wait: its address or account sends faster than it may. */
  #held: Buffer | undefined;

  constructor(needs: ConnectionNeeds, socket: Socket) {
    this.#needs = needs;
    this.#socket = socket;
    this.#address = socket.remoteAddress ?? '';
  }

  begin(): void {
    this.#socket.on('close', () => this.#closed.abort());
    this.#socket.setTimeout(this.#needs.idleMs, () => this.#socket.destroy());
    this.#await();
    this.#socket.on('data', (chunk) => {
      this.#framer.push(Buffer.from(chunk));
      this.#needs.unanswered.came(this.#address, chunk.length);
      this.#takeAll();
    });
    if (this.#needs.unanswered.isTooMuch(this.#address)) this.#pause();
  }

  #takeAll(): void {
    const { pace, standingOf, unanswered } = this.#needs;
    for (let bytes = this.#held ?? this.#framer.next(); bytes; bytes = this.#framer.next()) {
      this.#held = pace.allows(this.#address, standingOf(bytes)) ? undefined : bytes;
      if (this.#held) {
        this.#pause();
        return;
      }
      this.#take(bytes);
    }
    if (this.#framer.overlong || unanswered.isTooMuch(this.#address)) this.#socket.destroy();
    else if (this.#framer.pending > 0) this.#await();
  }

  #take(bytes: Buffer): void {
    const answer = this.#needs.take(bytes, this.#address);
    if (!answer) return;
    this.#awaited?.abort();
    this.#awaited = undefined;
    // With LF and CR.
    this.#needs.unanswered.answered(this.#address, bytes.length + 2);
    this.#needs.answered();
    this.#answer(answer);
  }

  /** A peer that takes no answers keeps its connection no longer than one that sends no messages. */
  #answer(answer: Buffer): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    socket.write(answer, () => this.#wasRead());
    if (socket.writableLength > socket.writableHighWaterMark) socket.destroy();
    else if (socket.writableLength > 0) this.#unread ??= this.#limited(READ_MS);
  }

  #wasRead(): void {
    if (this.#socket.writableLength > 0) return;
    this.#unread?.abort();
    this.#unread = undefined;
  }

  /** From now on there is a limit to the time until the next message that is answered. */
  #await(): void {
    this.#awaited ??= this.#limited(MESSAGE_MS);
  }

  /** The connection ends after `ms`. @returns what prevents it */
  #limited(ms: number): AbortController {
    const stopped = new AbortController();
    const signal = AbortSignal.any([stopped.signal, this.#closed.signal]);
    this.#needs.clock.sleep(ms, signal).then(
      () => this.#socket.destroy(),
      () => undefined,
    );
    return stopped;
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
