/** Long enough for a key picture not to count as the rate of a stream. Source: guess. */
const SLOTS = 5;

/** Bytes per second over the last few of them; one that begins counts for less until they are full. */
export class Rate {
  #slots: number[] = [];
  #bytes = 0;

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** A second is over. */
  tick(): void {
    this.#slots = [...this.#slots, this.#bytes].slice(-SLOTS);
    this.#bytes = 0;
  }

  get kbps(): number {
    const sum = this.#slots.reduce((all, bytes) => all + bytes, 0);
    return (sum * 8) / 1000 / SLOTS;
  }
}
