/** What a cache keeps: a picture, or a chunk of some. */
export interface Kept {
  readonly key: boolean;
  /** Memory that keeping it takes. */
  readonly heldBytes: number;
  hold(): void;
  release(): void;
}

/**
 * What came of one camera from the last key picture on, so that a destination can begin at once. A group of pictures
 * above the bound is not kept: a part of it would be of no use.
 */
export class GopCache<T extends Kept> {
  readonly #maxBytes: number;
  #kept: T[] = [];
  #bytes = 0;
  #whole = false;
  #overflows = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** From the last key picture on, oldest first; empty when there is nothing or it was too much. */
  get recent(): readonly T[] {
    return this.#kept;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Groups of pictures that were above the bound; none where nothing is to be kept. */
  get overflows(): number {
    return this.#overflows;
  }

  take(one: T): void {
    if (one.key) {
      this.clear();
      this.#whole = true;
    }
    if (!this.#whole) return;
    one.hold();
    this.#kept.push(one);
    this.#bytes += one.heldBytes;
    if (this.#bytes <= this.#maxBytes) return;
    if (this.#maxBytes > 0) this.#overflows += 1;
    this.clear();
  }

  clear(): void {
    for (const one of this.#kept) one.release();
    this.#kept = [];
    this.#bytes = 0;
    this.#whole = false;
  }
}
