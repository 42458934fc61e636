const FIRST_BYTES = 1024;

/**
 * Keeps the bytes that did not yet make a whole thing. Appending is cheap also byte by byte: the storage doubles, and
 * nothing moves while nothing is used.
 */
export class Hold {
  #storage = Buffer.alloc(0);
  #length = 0;

  /** The first byte that is kept. */
  get first(): number | undefined {
    return this.#length === 0 ? undefined : this.#storage[0];
  }

  /** What was kept, followed by the chunk. Valid until the next call. */
  join(chunk: Buffer): Buffer {
    if (this.#length === 0) return chunk;
    const needed = this.#length + chunk.length;
    if (needed > this.#storage.length) this.#grow(needed);
    chunk.copy(this.#storage, this.#length);
    this.#length = needed;
    return this.#storage.subarray(0, needed);
  }

  /** Keeps what follows the first `used` bytes of `data`, which came from `join`. */
  keep(data: Buffer, used: number): void {
    if (used === 0 && this.#length === data.length) return;
    // Parts of the old storage may have been handed out: it is never written again.
    this.#length = data.length - used;
    this.#storage = this.#length === 0 ? Buffer.alloc(0) : Buffer.alloc(Math.max(FIRST_BYTES, this.#length));
    data.copy(this.#storage, 0, used);
  }

  #grow(needed: number): void {
    const storage = Buffer.alloc(Math.max(needed, this.#storage.length * 2));
    this.#storage.copy(storage, 0, 0, this.#length);
    this.#storage = storage;
  }
}
