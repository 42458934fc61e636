/** Most leading zero bits of one exp-Golomb code. @see ITU-T H.264 §9.1 */
const MAX_GOLOMB_ZEROS = 31;

/**
 * Reads bits from the left. Reading past the end gives zeros and sets `overrun`, so that a parser of foreign bytes
 * can go on to its end and ask once.
 */
export class BitReader {
  readonly #bytes: Buffer;
  #at = 0;
  #overrun = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** True when more was read than there is, or a code was longer than the standard allows. */
  get overrun(): boolean {
    return this.#overrun;
  }

  /** One bit as a flag. */
  flag(): boolean {
    return this.#bit() === 1;
  }

  /** An unsigned number of `count` bits, at most 32. */
  u(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i += 1) value = value * 2 + this.#bit();
    return value;
  }

  drop(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length * 8) this.#overrun = true;
  }

  /** An unsigned exp-Golomb code. @see ITU-T H.264 §9.1 */
  ue(): number {
    let zeros = 0;
    while (!this.#overrun && this.#bit() === 0) zeros += 1;
    if (zeros <= MAX_GOLOMB_ZEROS) return 2 ** zeros - 1 + this.u(zeros);
    this.#overrun = true;
    return 0;
  }

  /** A signed exp-Golomb code. @see ITU-T H.264 §9.1.1 */
  se(): number {
    const code = this.ue();
    return code % 2 === 0 ? 0 - code / 2 : (code + 1) / 2;
  }

  #bit(): number {
    const byte = this.#bytes[this.#at >> 3];
    if (byte === undefined) {
      this.#overrun = true;
      return 0;
    }
    const bit = (byte >> (7 - (this.#at & 7))) & 1;
    this.#at += 1;
    return bit;
  }
}

/**
 * The raw bytes of a NAL unit without its emulation prevention bytes.
 * @param headerBytes length of the NAL header, which is left out
 * @see ITU-T H.264 §7.4.1.1
 */
export function rbsp(nal: Buffer, headerBytes: number): Buffer {
  const out = Buffer.alloc(Math.max(nal.length - headerBytes, 0));
  let length = 0;
  let zeros = 0;
  for (const byte of nal.subarray(headerBytes)) {
    const isEscape = zeros >= 2 && byte === 3;
    zeros = byte === 0 ? zeros + 1 : 0;
    if (!isEscape) {
      out[length] = byte;
      length += 1;
    }
  }
  return out.subarray(0, length);
}
