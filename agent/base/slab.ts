/** Stretches begin and end at multiples of this, so that no room is left that is too small for anything. */
const GRAIN_BYTES = 256;

const rounded = (bytes: number) => Math.max(1, Math.ceil(bytes / GRAIN_BYTES)) * GRAIN_BYTES;

/** Memory of which stretches are taken and given back in any order. */
export class Slab {
  readonly #memory: Buffer<ArrayBuffer>;
  /** Where each free stretch begins, and behind it where it ends, by place; no two of them touch. */
  readonly #free: number[];
  #freeBytes: number;

  /** @param bytes a multiple of 256 */
  constructor(bytes: number) {
    this.#memory = Buffer.allocUnsafeSlow(bytes);
    this.#free = [0, bytes];
    this.#freeBytes = bytes;
  }

  get isFree(): boolean {
    return this.#freeBytes === this.#memory.length;
  }

  /** Whether the stretch is one of this slab. */
  holds({ buffer }: Buffer<ArrayBuffer>): boolean {
    return buffer === this.#memory.buffer;
  }

  /** The first stretch that is large enough, with anything in it; undefined when there is none. */
  take(bytes: number): Buffer<ArrayBuffer> | undefined {
    const needed = rounded(bytes);
    if (needed > this.#freeBytes) return undefined;
    const free = this.#free;
    for (let at = 0; at < free.length; at += 2) {
      const from = free[at] ?? 0;
      if ((free[at + 1] ?? 0) - from >= needed) {
        this.#cut(at, needed);
        return this.#memory.subarray(from, from + bytes);
      }
    }
    return undefined;
  }

  /** A stretch that was taken is free again. */
  giveBack({ byteOffset: from, length }: Buffer<ArrayBuffer>): void {
    const until = from + rounded(length);
    const free = this.#free;
    const at = this.#placeOf(from);
    const joinsBefore = at > 0 && free[at - 1] === from;
    const joinsAfter = free[at] === until;
    this.#freeBytes += until - from;
    if (joinsBefore && joinsAfter) free.splice(at - 1, 2);
    else if (joinsBefore) free[at - 1] = until;
    else if (joinsAfter) free[at] = from;
    else free.splice(at, 0, from, until);
  }

  /** Its memory goes back to the system: every view of it is empty from then on. */
  letGo(): void {
    this.#memory.buffer.transfer(0);
  }

  #cut(at: number, bytes: number): void {
    const from = (this.#free[at] ?? 0) + bytes;
    this.#freeBytes -= bytes;
    if (from === this.#free[at + 1]) this.#free.splice(at, 2);
    else this.#free[at] = from;
  }

  /** Of the first free stretch behind a place. */
  #placeOf(from: number): number {
    const free = this.#free;
    let at = 0;
    while (at < free.length && (free[at] ?? 0) < from) at += 2;
    return at;
  }
}
