import { InternalError } from './errors.ts';

const MIN_BLOCK_BYTES = 4096;
/** Sizes of blocks between one power of two and the next: at most a fifth of a block is unused. */
const STEPS = 4;
/** Larger blocks are rare and are left to the collector. */
const MAX_KEPT_BLOCK_BYTES = 1024 * 1024;

/** Memory that somebody holds; it is used again when nobody does. */
export class Block {
  /** At least as many bytes as were asked for, with anything in them. */
  readonly buffer: Buffer;
  readonly #pool: BytePool;
  #holders = 1;

  constructor(buffer: Buffer, pool: BytePool) {
    this.buffer = buffer;
    this.#pool = pool;
  }

  /** One more holder, who releases it once. */
  hold(): void {
    if (this.#holders === 0) throw new InternalError('internal', 'a block was held after its last release');
    this.#holders += 1;
  }

  /** What was read from the block must not be used any more by this holder. */
  release(): void {
    if (this.#holders === 0) throw new InternalError('internal', 'a block was released twice');
    this.#holders -= 1;
    if (this.#holders === 0) this.#pool.giveBack(this);
  }

  /** Begins anew with one holder. */
  reuse(): void {
    this.#holders = 1;
  }
}

/**
 * Blocks of memory that are used again, so that bytes that live for seconds make no work for the collector of V8. What
 * nobody releases is collected like anything else.
 */
export class BytePool {
  readonly #maxFreeBytes: number;
  readonly #free = new Map<number, Block[]>();
  #freeBytes = 0;

  /** @param maxFreeBytes most bytes that are kept while nobody uses them */
  constructor(maxFreeBytes: number) {
    this.#maxFreeBytes = maxFreeBytes;
  }

  /** Bytes that are kept and unused. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A block of at least so many bytes, with one holder: the caller. */
  take(bytes: number): Block {
    const size = blockBytes(bytes);
    const block = this.#free.get(size)?.pop();
    if (!block) return new Block(Buffer.allocUnsafeSlow(size), this);
    this.#freeBytes -= size;
    block.reuse();
    return block;
  }

  /** For the block alone. */
  giveBack(block: Block): void {
    const size = block.buffer.length;
    if (size > MAX_KEPT_BLOCK_BYTES || this.#freeBytes + size > this.#maxFreeBytes) return;
    this.#freeBytes += size;
    const same = this.#free.get(size);
    if (same) same.push(block);
    else this.#free.set(size, [block]);
  }
}

function blockBytes(bytes: number): number {
  if (bytes <= MIN_BLOCK_BYTES) return MIN_BLOCK_BYTES;
  const step = 2 ** (31 - Math.clz32(bytes - 1)) / STEPS;
  return Math.ceil(bytes / step) * step;
}
