import type { Chunk } from './destination.ts';

interface Handed {
  /** The count of bytes gone at which the chunk has left. */
  readonly goneAt: number;
  readonly chunk: Chunk;
}

/** The chunks that were handed to a connection and have not left the process: held until they have. */
export class Ledger {
  #waiting: Handed[] = [];
  #bytes = 0;

  /** Bytes that wait when so many have gone. */
  waitingBytes(goneBytes: number): number {
    for (let first = this.#waiting[0]; first && first.goneAt <= goneBytes; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#bytes -= first.chunk.bytes;
      first.chunk.release();
    }
    return this.#bytes;
  }

  handed(goneAt: number, chunk: Chunk): void {
    chunk.hold();
    this.#waiting.push({ goneAt, chunk });
    this.#bytes += chunk.bytes;
  }
}
