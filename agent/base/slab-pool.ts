import { Block, BytePool } from './pool.ts';
import { Slab } from './slab.ts';

/** A slab holds some twelve pictures of 4 Mbit/s. Source: simulated; larger ones leave more unused. */
const SLAB_BYTES = 256 * 1024;
/** What is larger has memory of its own: it would leave too much of a slab unused, or not fit. Source: guess. */
const MAX_SHARED_BYTES = 200 * 1024;

/**
 * Memory for pictures in slabs that stay: a block is a stretch of one, and what is free serves the next blocks, of
 * whatever size. Neither the system nor the collector is asked for each picture. Slabs are filled from the first one on,
 * so that the last ones become empty when less is held; of the empty ones a single one is kept.
 *
 * Whoever looks at a block after its last release sees what came after it: what must never be seen by others lies in a
 * `BytePool`.
 */
export class SlabPool extends BytePool {
  #slabs: Slab[] = [];

  /** Bytes of the slabs, used or not. */
  get slabBytes(): number {
    return this.#slabs.length * SLAB_BYTES;
  }

  override take(bytes: number): Block {
    if (bytes > MAX_SHARED_BYTES) return super.take(bytes);
    return new Block(this.#stretch(bytes), this);
  }

  override giveBack(block: Block): void {
    const { buffer } = block;
    const slab = this.#slabs.find((one) => one.holds(buffer));
    if (!slab) {
      super.giveBack(block);
      return;
    }
    slab.giveBack(buffer);
    if (slab.isFree) this.#keepOneFree(slab);
  }

  #stretch(bytes: number): Buffer<ArrayBuffer> {
    for (const slab of this.#slabs) {
      const stretch = slab.take(bytes);
      if (stretch) return stretch;
    }
    const slab = new Slab(SLAB_BYTES);
    this.#slabs.push(slab);
    return slab.take(bytes) as Buffer<ArrayBuffer>;
  }

  #keepOneFree(slab: Slab): void {
    if (!this.#slabs.some((other) => other !== slab && other.isFree)) return;
    this.#slabs = this.#slabs.filter((other) => other !== slab);
    slab.letGo();
  }
}
