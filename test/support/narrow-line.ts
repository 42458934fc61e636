import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What the line takes of one connection before it reads no more of it. */
const MAX_WAITING_BYTES = 2 * 2 ** 20;
const SLICE_BYTES = 1024;

/** One connection through the line. */
export interface Way {
  readonly to: Socket;
  readonly from: Socket;
  waiting: Buffer[];
  waitingBytes: number;
  passedBytes: number;
}

/**
 * The line between a box and its broker. Once it is narrow, nothing passes towards the broker but the bytes that the
 * test grants, a slice of each connection in turn.
 */
export class NarrowLine {
  readonly port: number;
  readonly #server: Server;
  readonly #ways = new Set<Way>();
  #isNarrow = false;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (near) => this.#join(near, target));
  }

  static async start(target: number): Promise<NarrowLine> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new NarrowLine(server, target);
  }

  narrow(): void {
    this.#isNarrow = true;
  }

  /** The connection of which most waits; undefined when there is none. */
  get fullest(): Way | undefined {
    return [...this.#ways].sort((a, b) => b.waitingBytes - a.waitingBytes)[0];
  }

  /** Whether anything of another connection than this one waits. */
  waitsBeside(way: Way): boolean {
    return [...this.#ways].some((other) => other !== way && other.waitingBytes > 0);
  }

  /** Lets one slice of each connection pass. */
  grant(): void {
    for (const way of this.#ways) {
      const first = way.waiting.shift();
      if (!first) continue;
      if (first.length > SLICE_BYTES) way.waiting.unshift(first.subarray(SLICE_BYTES));
      const slice = first.subarray(0, SLICE_BYTES);
      way.waitingBytes -= slice.length;
      way.passedBytes += slice.length;
      way.to.write(slice);
      if (way.waitingBytes < MAX_WAITING_BYTES) way.from.resume();
    }
  }

  stop(): void {
    this.#server.close();
    for (const { from, to } of this.#ways) for (const socket of [from, to]) socket.destroy();
  }

  #join(near: Socket, target: number): void {
    const far = connect(target, '127.0.0.1');
    const way: Way = { from: near, to: far, waiting: [], waitingBytes: 0, passedBytes: 0 };
    this.#ways.add(way);
    far.pipe(near);
    near.on('data', (bytes: Buffer) => this.#take(way, bytes));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#ways.delete(way);
        other.destroy();
      });
    }
  }

  #take(way: Way, bytes: Buffer): void {
    if (!this.#isNarrow) {
      way.to.write(bytes);
      return;
    }
    way.waiting.push(bytes);
    way.waitingBytes += bytes.length;
    if (way.waitingBytes >= MAX_WAITING_BYTES) way.from.pause();
  }
}
