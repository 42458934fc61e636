import { InternalError } from './errors.ts';

/** Memory that somebody holds; it is free again when nobody does. */
export class Block {
  /** As many bytes as were asked for, with anything in them; none when it is free. */
  readonly buffer: Buffer<ArrayBuffer>;
  readonly #pool: BytePool;
  #holders = 1;

  constructor(bytes: number, pool: BytePool) {
    this.buffer = Buffer.allocUnsafeSlow(bytes);
    this.#pool = pool;
  }

  /** One more holder, who releases it once. */
  hold(): void {
    if (this.#holders === 0) throw new InternalError('internal', 'a block was held after its last release');
    this.#holders += 1;
  }

  /**
   * What was read from the block must not be used any more by this holder. With the last one the memory goes back to
   * the system: every view of it is empty from then on.
   */
  release(): void {
    if (this.#holders === 0) throw new InternalError('internal', 'a block was released twice');
    this.#holders -= 1;
    if (this.#holders === 0) this.#pool.giveBack(this);
  }
}

/**
 * Memory for pictures, by the count of those who hold it. Waiting for the collector of V8 would keep as much garbage as
 * there are pictures; keeping blocks for the next ones would keep those of the wrong sizes. What nobody releases is
 * collected like anything else.
 */
export class BytePool {
  /** A block of so many bytes, with one holder: the caller. */
  take(bytes: number): Block {
    return new Block(bytes, this);
  }

  /** For the block alone. */
  giveBack(block: Block): void {
    block.buffer.buffer.transfer(0);
  }
}
