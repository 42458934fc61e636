import type { Block, BytePool } from '../../base/pool.ts';

const FIRST_BYTES = 16 * 1024;
/** Storage above this goes back to the pool after a key frame. Source: other pictures of 8 Mbit/s fit. */
const MAX_KEPT_BYTES = 64 * 1024;
/** Before each NAL unit stands its length, as in a sample of MP4. @see ISO/IEC 14496-15 §5.3.3 */
const LENGTH_BYTES = 4;

/** NAL units in memory of their own: the caller releases the block once. */
export interface TakenUnits {
  readonly block: Block;
  /** All of them, each behind its length in 32 bits. */
  readonly bytes: Buffer;
  readonly nals: readonly Buffer[];
}

/** The NAL units of the access unit that grows, one behind the other, in storage that serves for all of a stream. */
export class UnitStorage {
  readonly #pool: BytePool;
  #block: Block | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where each NAL unit begins, behind its length. */
  #starts: number[] = [];
  /** Where the NAL unit that grows begins; 0 while none does. */
  #open = 0;

  constructor(pool: BytePool) {
    this.#pool = pool;
  }

  /** The storage itself, for looking at NAL units where they lie; until the next call that adds. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Bytes of all NAL units with their lengths. */
  get length(): number {
    return this.#length;
  }

  /** NAL units that are complete. */
  get count(): number {
    return this.#starts.length;
  }

  /** Where the last complete NAL unit lies. */
  get lastStart(): number {
    return this.#starts.at(-1) ?? 0;
  }

  /** Begins a NAL unit; one that was not complete is forgotten. */
  begin(): void {
    this.abandon();
    this.#reserve(LENGTH_BYTES);
    this.#length += LENGTH_BYTES;
    this.#open = this.#length;
  }

  add(bytes: Buffer, from: number, until: number): void {
    this.#reserve(until - from);
    bytes.copy(this.#bytes, this.#length, from, until);
    this.#length += until - from;
  }

  /** The NAL unit that grew is complete. */
  complete(): void {
    this.#bytes.writeUInt32BE(this.#length - this.#open, this.#open - LENGTH_BYTES);
    this.#starts.push(this.#open);
    this.#open = 0;
  }

  /** The NAL unit that grew is none. */
  abandon(): void {
    if (this.#open > 0) this.#length = this.#open - LENGTH_BYTES;
    this.#open = 0;
  }

  /** The last complete NAL unit, with bytes of its own, out of the storage. */
  takeLast(): Buffer {
    const start = this.#starts.pop() ?? 0;
    const nal = Buffer.from(this.#bytes.subarray(start, this.#length));
    this.#length = start - LENGTH_BYTES;
    return nal;
  }

  /** The first `count` NAL units leave the storage; what follows moves to its beginning. */
  takeFirst(count: number): TakenUnits {
    const end = this.#endOf(count - 1);
    const block = this.#pool.take(end);
    this.#bytes.copy(block.buffer, 0, 0, end);
    const starts = this.#starts.slice(0, count);
    const nals = starts.map((start, i) => block.buffer.subarray(start, this.#endOf(i)));
    this.#keepFrom(count, end);
    return { block, bytes: block.buffer.subarray(0, end), nals };
  }

  clear(): void {
    this.#keepFrom(this.#starts.length, this.#length);
  }

  /** What is left is lost, and its memory is free; nothing is added from then on. */
  end(): void {
    this.#block?.release();
    this.#block = undefined;
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
    this.#starts = [];
    this.#open = 0;
  }

  #keepFrom(count: number, from: number): void {
    const starts = this.#starts;
    const rest = this.#length - from;
    if (this.#bytes.length > MAX_KEPT_BYTES && rest < MAX_KEPT_BYTES) this.#shrink(from);
    else if (rest > 0) this.#bytes.copyWithin(0, from, this.#length);
    this.#length = rest;
    if (this.#open > 0) this.#open = Math.max(0, this.#open - from);
    if (count === starts.length) starts.length = 0;
    else this.#starts = starts.slice(count).map((start) => start - from);
  }

  #shrink(from: number): void {
    this.#moveTo(FIRST_BYTES, from);
  }

  #endOf(index: number): number {
    const next = this.#starts[index + 1];
    if (next !== undefined) return next - LENGTH_BYTES;
    return this.#open > 0 ? this.#open - LENGTH_BYTES : this.#length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    this.#moveTo(Math.max(FIRST_BYTES, needed, this.#bytes.length * 2), 0);
  }

  /** What is behind `from` goes into another block. */
  #moveTo(bytes: number, from: number): void {
    const block = this.#pool.take(Math.max(bytes, this.#length - from));
    this.#bytes.copy(block.buffer, 0, from, this.#length);
    this.#block?.release();
    this.#block = block;
    this.#bytes = block.buffer;
  }
}
