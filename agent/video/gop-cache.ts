import type { Chunk } from './destination.ts';

/**
 * The chunks of one camera from the last key picture on, so that a destination can begin at once. A group of pictures
 * above the bound is not kept: a part of it would be of no use.
 */
export class GopCache {
  readonly #maxBytes: number;
  #chunks: Chunk[] = [];
  #bytes = 0;
  #whole = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The chunks from the last key picture on, oldest first; empty when there are none or they were too many. */
  get recent(): readonly Chunk[] {
    return this.#chunks;
  }

  get bytes(): number {
    return this.#bytes;
  }

  take(chunk: Chunk): void {
    if (chunk.key) {
      this.clear();
      this.#whole = true;
    }
    if (!this.#whole) return;
    chunk.hold();
    this.#chunks.push(chunk);
    this.#bytes += chunk.bytes;
    if (this.#bytes > this.#maxBytes) this.clear();
  }

  clear(): void {
    for (const chunk of this.#chunks) chunk.release();
    this.#chunks = [];
    this.#bytes = 0;
    this.#whole = false;
  }
}
