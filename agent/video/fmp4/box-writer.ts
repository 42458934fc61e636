/** Writes ISO base media boxes into one preallocated buffer. @see ISO/IEC 14496-12 §4.2 */
export class BoxWriter {
  readonly #buffer: Buffer;
  #at = 0;

  /** @param capacity bytes; writing beyond it throws RangeError */
  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** A box whose size is filled in when `content` has written it. */
  box(type: string, content: () => void): void {
    const start = this.#at;
    this.#at += 4;
    this.text(type);
    content();
    this.#buffer.writeUInt32BE(this.#at - start, start);
  }

  /** A box with version and flags. */
  fullBox(type: string, version: number, flags: number, content: () => void): void {
    this.box(type, () => {
      this.u32(version * 0x1000000 + flags);
      content();
    });
  }

  u8(value: number): void {
    this.#at = this.#buffer.writeUInt8(value, this.#at);
  }

  u16(value: number): void {
    this.#at = this.#buffer.writeUInt16BE(value, this.#at);
  }

  u32(value: number): void {
    this.#at = this.#buffer.writeUInt32BE(value, this.#at);
  }

  i32(value: number): void {
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  u64(value: bigint): void {
    this.#at = this.#buffer.writeBigUInt64BE(value, this.#at);
  }

  text(value: string): void {
    this.#at += this.#buffer.write(value, this.#at, 'latin1');
  }

  zeros(count: number): void {
    this.#buffer.fill(0, this.#at, this.#at + count);
    this.#at += count;
  }

  bytes(value: Uint8Array): void {
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** Overwrites an earlier `u32`. */
  patchU32(at: number, value: number): void {
    this.#buffer.writeUInt32BE(value, at);
  }

  /** What was written. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }
}
