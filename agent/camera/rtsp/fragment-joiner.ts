const FIRST_BYTES = 16 * 1024;
/** Storage above this is not kept for the next NAL unit. Source: a key frame of 1080p at 4 Mbit/s takes half of it. */
const MAX_KEPT_BYTES = 256 * 1024;

/** Puts the fragments of a NAL unit together, in storage that serves for all of a stream. */
export class FragmentJoiner {
  #storage = Buffer.alloc(0);
  #bytes = 0;

  /** Bytes since `begin`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins a NAL unit with its header; forgets the one before. */
  begin(header: Buffer): void {
    if (this.#storage.length > MAX_KEPT_BYTES) this.#storage = Buffer.alloc(0);
    this.#bytes = 0;
    this.add(header);
  }

  add(part: Buffer): void {
    const needed = this.#bytes + part.length;
    if (needed > this.#storage.length) this.#grow(needed);
    part.copy(this.#storage, this.#bytes);
    this.#bytes = needed;
  }

  /** The NAL unit, with bytes of its own. */
  joined(): Buffer {
    const nal = Buffer.allocUnsafeSlow(this.#bytes);
    this.#storage.copy(nal, 0, 0, this.#bytes);
    return nal;
  }

  #grow(needed: number): void {
    const storage = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, needed, this.#storage.length * 2));
    this.#storage.copy(storage, 0, 0, this.#bytes);
    this.#storage = storage;
  }
}
