import { InternalError } from './errors.ts';

/** No block is smaller. */
export const MIN_BLOCK_BYTES = 4096;
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

/** Blocks taken until the most that was in use is asked for anew. Source: 64 cameras take them in a second or two. */
const WINDOW_TAKES = 4096;

export interface PoolOptions {
  /** Bytes that may be kept unused, whatever was in use. */
  readonly leastFreeBytes: number;
  /** Share of the most that was in use of late that may be kept unused beside it. */
  readonly freeShare: number;
}

/**
 * Blocks of memory that are used again, so that bytes that live for seconds make no work for the collector of V8. What
 * is kept unused follows what was in use: the groups of pictures of many cameras may end in one moment. What nobody
 * releases is collected like anything else.
 */
export class BytePool {
  readonly #options: PoolOptions;
  readonly #free = new Map<number, Block[]>();
  #freeBytes = 0;
  #usedBytes = 0;
  #takes = 0;
  #peakBytes = 0;
  #peakBeforeBytes = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Bytes that are kept and unused. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Most bytes that may be kept unused now. */
  get mostFreeBytes(): number {
    const { leastFreeBytes, freeShare } = this.#options;
    return Math.max(leastFreeBytes, freeShare * Math.max(this.#peakBytes, this.#peakBeforeBytes));
  }

  /** A block of at least so many bytes, with one holder: the caller. */
  take(bytes: number): Block {
    const size = blockBytes(bytes);
    this.#used(size);
    const block = this.#free.get(size)?.pop();
    if (!block) return new Block(Buffer.allocUnsafeSlow(size), this);
    this.#freeBytes -= size;
    block.reuse();
    return block;
  }

  /** For the block alone. */
  giveBack(block: Block): void {
    const size = block.buffer.length;
    this.#usedBytes -= size;
    if (size > MAX_KEPT_BLOCK_BYTES || this.#freeBytes + size > this.mostFreeBytes) return;
    this.#freeBytes += size;
    const same = this.#free.get(size);
    if (same) same.push(block);
    else this.#free.set(size, [block]);
  }

  #used(bytes: number): void {
    this.#usedBytes += bytes;
    this.#takes += 1;
    if (this.#takes >= WINDOW_TAKES) this.#beginWindow();
    if (this.#usedBytes > this.#peakBytes) this.#peakBytes = this.#usedBytes;
  }

  #beginWindow(): void {
    this.#takes = 0;
    this.#peakBeforeBytes = this.#peakBytes;
    this.#peakBytes = this.#usedBytes;
    this.#shrink();
  }

  /** Forgets what is more than may be kept, beginning with what was given back first. */
  #shrink(): void {
    for (const [size, blocks] of this.#free) {
      const excess = Math.ceil((this.#freeBytes - this.mostFreeBytes) / size);
      if (excess <= 0) return;
      this.#freeBytes -= blocks.splice(0, excess).length * size;
    }
  }
}

function blockBytes(bytes: number): number {
  if (bytes <= MIN_BLOCK_BYTES) return MIN_BLOCK_BYTES;
  const step = 2 ** (31 - Math.clz32(bytes - 1)) / STEPS;
  return Math.ceil(bytes / step) * step;
}
