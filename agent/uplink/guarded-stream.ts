import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { UplinkError } from '../base/errors.ts';
import { checkFirstBytes } from './first-bytes.ts';
import { FrameGuard, type FrameGuardOptions } from './frame-guard.ts';

const PUBACK = 0x40;

/** A broker socket whose incoming packets are bounded; what is left out is acknowledged, so that it is not sent again. */
export class GuardedStream extends Duplex {
  readonly #socket: Socket;
  readonly #guard: FrameGuard;
  readonly #label: string;
  #begun = false;
  #takenBytes = 0;

  constructor(socket: Socket, options: FrameGuardOptions) {
    super({ autoDestroy: true });
    this.#socket = socket;
    this.#label = options.label;
    this.#guard = new FrameGuard({
      ...options,
      onOversize: (packet) => {
        if (packet.packetId !== undefined) socket.write(puback(packet.packetId));
        options.onOversize(packet);
      },
    });
    socket.on('data', (chunk: Buffer) => this.#incoming(chunk));
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

  #incoming(chunk: Buffer): void {
    try {
      if (!this.#begun) checkFirstBytes(chunk, this.#label);
      this.#begun = true;
      for (const part of this.#guard.push(chunk)) {
        if (!this.push(part)) this.#socket.pause();
      }
    } catch (thrown) {
      this.destroy(thrown as Error);
    }
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
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
    this.#socket.destroy();
    done(error);
  }
}

function puback(packetId: number): Buffer {
  return Buffer.from([PUBACK, 2, packetId >> 8, packetId & 0xff]);
}
