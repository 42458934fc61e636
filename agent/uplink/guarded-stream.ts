import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { UplinkError } from '../base/errors.ts';
import { checkFirstBytes } from './first-bytes.ts';
import { FrameGuard, type FrameGuardOptions } from './frame-guard.ts';
import { ReadingShare } from './reading-share.ts';

const PUBACK = 0x40;
const PINGREQ = 0xc0;
/** Answers to no PINGREQ that are let pass. Source: guess; a broker sends none, and each costs more than any other packet. */
const MAX_UNASKED = 64;
/** The smallest packets cost most: of these there are 128. Source: measured, 130 µs for each PINGRESP. */
const PIECE_BYTES = 256;
/** After a rest so much more may be behind it. Source: guess. */
const BEHIND_MS = 1_000;

export interface GuardedStreamOptions extends FrameGuardOptions {
  /** Largest share of the time that reading may take; any when absent. */
  readonly readingShare?: number | undefined;
}

/** A broker socket whose incoming packets are bounded; what is left out is acknowledged, so that it is not sent again. */
export class GuardedStream extends Duplex {
  readonly #socket: Socket;
  readonly #guard: FrameGuard;
  readonly #label: string;
  readonly #clock: Clock;
  readonly #share: ReadingShare | undefined;
  readonly #ended = new AbortController();
  #begun = false;
  /** What was read was not taken yet. */
  #full = false;
  /** Reading has had its share of the time. */
  #rests = false;
  #restedAtMs: number | undefined;
  #takenBytes = 0;
  /** PINGRESP beyond the PINGREQ that were sent. */
  #unasked = 0;

  constructor(clock: Clock, socket: Socket, options: GuardedStreamOptions) {
    super({ autoDestroy: true });
    this.#clock = clock;
    if (options.readingShare !== undefined) this.#share = new ReadingShare(clock, options.readingShare);
    this.#socket = socket;
    this.#label = options.label;
    this.#guard = new FrameGuard({
      ...options,
      // Where reading has its share of the time it is bounded by that.
      onPingResponse: this.#share ? undefined : () => this.#answered(),
      onOversize: (packet) => {
        if (packet.packetId !== undefined) socket.write(puback(packet.packetId));
        options.onOversize(packet);
      },
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Whether the broker has said anything. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The port of this end; 0 when the connection has ended. */
  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /** Bytes that the kernel has taken. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** What is being read now does not count as reading. */
  freeReading(): void {
    this.#share?.free();
  }

  /** Whether what the peer has sent waits here, or did a moment ago: its answers may be behind it. */
  get isBehind(): boolean {
    const atMs = this.#restedAtMs;
    return this.#rests || (atMs !== undefined && this.#clock.monotonicMs() - atMs < BEHIND_MS);
  }

  /** Where reading has its share of the time, in pieces that take little of it. */
  #read(chunk: Buffer): void {
    if (!this.#share) this.#incoming(chunk);
    for (let at = 0; this.#share && at < chunk.length && !this.destroyed; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES);
      const restMs = this.#share.do(() => this.#incoming(piece));
      if (restMs === 0) continue;
      this.#rest(restMs, chunk.subarray(at + PIECE_BYTES));
      return;
    }
  }

  #rest(ms: number, left: Buffer): void {
    this.#rests = true;
    this.#socket.pause();
    this.#clock.sleep(ms, this.#ended.signal).then(
      () => {
        this.#rests = false;
        this.#restedAtMs = this.#clock.monotonicMs();
        this.#read(left);
        this.#goOn();
      },
      () => undefined,
    );
  }

  #goOn(): void {
    if (!this.#full && !this.#rests) this.#socket.resume();
  }

  /** Packets that arrive together go on together: each piece costs, and a peer may send very many small ones. */
  #incoming(chunk: Buffer): void {
    try {
      if (!this.#begun) checkFirstBytes(chunk, this.#label);
      this.#begun = true;
      const through = this.#guard.push(chunk);
      if (through.length === 0 || this.push(Buffer.concat(through))) return;
      this.#full = true;
      this.#socket.pause();
    } catch (thrown) {
      this.destroy(thrown as Error);
    }
  }

  override _read(): void {
    this.#full = false;
    this.#goOn();
  }

  /** @throws UplinkError `broker-protocol` */
  #answered(): void {
    this.#unasked += 1;
    if (this.#unasked <= MAX_UNASKED) return;
    throw new UplinkError(
      'broker-protocol',
      `${this.#label}: expected a PINGRESP for each PINGREQ, came more`,
    );
  }

  #countPing(chunk: Buffer): void {
    if (chunk[0] === PINGREQ && chunk.length === 2) this.#unasked -= 1;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#countPing(chunk);
    this.#socket.write(chunk, this.#written(chunk.length, done));
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    const socket = this.#socket;
    const last = chunks.at(-1);
    const bytes = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0);
    socket.cork();
    for (const one of chunks) {
      this.#countPing(one.chunk);
      if (one === last) socket.write(one.chunk, this.#written(bytes, done));
      else socket.write(one.chunk);
    }
    socket.uncork();
  }

  /** A socket that was closed tells of no error: what it had not taken by then it never will. */
  #written(bytes: number, done: (error?: Error | null) => void): (error?: Error | null) => void {
    return (error) => {
      const closed = () => new UplinkError('broker-closed', 'the connection was closed');
      if (!error && !this.#socket.destroyed) this.#takenBytes += bytes;
      done(error ?? (this.#socket.destroyed ? closed() : null));
    };
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#ended.abort();
    this.#socket.destroy();
    done(error);
  }
}

function puback(packetId: number): Buffer {
  return Buffer.from([PUBACK, 2, packetId >> 8, packetId & 0xff]);
}
