import { crcFormOf, hasStatedLength, MAX_BODY_BYTES } from './frame.ts';

const LF = 0x0a;
const CR = 0x0d;
/** LF, CRC, length, body, CR. */
const MAX_FRAME_BYTES = MAX_BODY_BYTES + 10;
/** A CRC of two bytes may hold a CR; no CR before this is the end of a frame. */
const SHORTEST_BYTES = 6;
/** With so many bytes it is known how the CRC is written: LF, CRC of two bytes, length, quote. */
const DECIDED_BYTES = 8;

/** Cuts a stream of bytes into frames. What stands between frames, such as a zero that some panels add, is dropped. */
export class Framer {
  #kept: Buffer = Buffer.alloc(0);

  /** Bytes of a frame that has begun. */
  get pending(): number {
    return this.#kept.length;
  }

  push(chunk: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, chunk]);
  }

  /** @returns everything between LF and CR of the next frame; undefined while none is whole */
  next(): Buffer | undefined {
    const start = this.#kept.indexOf(LF);
    this.#kept = start < 0 ? Buffer.alloc(0) : this.#kept.subarray(start);
    if (this.#kept.length < DECIDED_BYTES) return undefined;
    const end = this.#kept.indexOf(CR, 1 + this.#crcBytes());
    if (end < 0) return undefined;
    const frame = this.#kept.subarray(1, end);
    this.#kept = this.#kept.subarray(end + 1);
    return fromLastBegin(frame);
  }

  /** Whether what has begun can no longer be a frame. */
  get overlong(): boolean {
    return this.#kept.length > MAX_FRAME_BYTES;
  }

  #crcBytes(): number {
    return crcFormOf(this.#kept.subarray(1)) === 'binary' ? SHORTEST_BYTES : 0;
  }
}

/** A panel that broke off begins again with LF: what it had begun before is dropped. */
function fromLastBegin(frame: Buffer): Buffer {
  if (hasStatedLength(frame)) return frame;
  return frame.subarray(frame.lastIndexOf(LF) + 1);
}
