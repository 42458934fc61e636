import { InternalError } from './errors.ts';

const NOTHING = Buffer.alloc(0);

/** Memory that somebody holds; it is free again when nobody does. */
export class Block {
  readonly #pool: BytePool;
  #buffer: Buffer<ArrayBuffer>;
  #holders = 1;

  constructor(buffer: Buffer<ArrayBuffer>, pool: BytePool) {
    this.#buffer = buffer;
    this.#pool = pool;
  }

  /** As many bytes as were asked for, with anything in them; none when it is free. */
  get buffer(): Buffer<ArrayBuffer> {
    return this.#buffer;
  }

  /** Whether anybody holds it: of a free one, nothing that was read from it may be used. */
  get held(): boolean {
    return this.#holders > 0;
  }

  /** One more holder, who releases it once. */
  hold(): void {
    if (this.#holders === 0) throw new InternalError('internal', 'a block was held after its last release');
    this.#holders += 1;
  }

  /** What was read from the block must not be used any more by this holder. With the last one the memory is free. */
  release(): void {
    if (this.#holders === 0) throw new InternalError('internal', 'a block was released twice');
    this.#holders -= 1;
    if (this.#holders > 0) return;
    this.#pool.giveBack(this);
    this.#buffer = NOTHING;
  }
}

/**
 * Memory for pictures, by the count of those who hold it: each block has memory of its own, which goes back to the system
 * with its last holder. Every view of it is empty from then on, so that nobody who looks too late sees a picture of
 * somebody else. What nobody releases is collected like anything else.
 */
export class BytePool {
  /** A block of so many bytes, with one holder: the caller. */
  take(bytes: number): Block {
    return new Block(Buffer.allocUnsafeSlow(bytes), this);
  }

  /** For the block alone. */
  giveBack(block: Block): void {
    block.buffer.buffer.transfer(0);
  }
}
