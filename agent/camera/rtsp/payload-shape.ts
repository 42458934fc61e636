import type { VideoCodec } from '../types.ts';

/** What one RTP payload holds. */
export type PayloadKind =
  /** One NAL unit. */
  | 'single'
  /** Several, each with its length in front, from `from` on. */
  | 'aggregate'
  /** A part of one, from `from` on; the first carries the NAL header. */
  | 'fragment'
  /** Not part of what RFC 6184 §5.4 and RFC 7798 §4.4 let a camera send without asking. */
  | 'unknown';

/** The shape of one payload. There is one object per stream and not one per packet. */
export class PayloadShape {
  kind: PayloadKind = 'unknown';
  /** Where what follows the payload header begins. */
  from = 0;
  /** Of a fragment: whether it is the first, and the last. */
  start = false;
  end = false;
  /** NAL header of a fragmented NAL unit: its first `headerBytes` bytes. */
  readonly header = Buffer.alloc(2);
  headerBytes = 0;

  readonly #read: (shape: PayloadShape, bytes: Buffer, from: number, until: number) => void;

  constructor(codec: VideoCodec) {
    this.#read = codec === 'h264' ? read264 : read265;
  }

  /** Becomes the shape of the payload between `from` and `until`. */
  read(bytes: Buffer, from: number, until: number): void {
    this.from = from;
    this.#read(this, bytes, from, until);
  }
}

const STAP_A = 24;
const STAP_B = 25;
const FU_A = 28;

/** @see RFC 6184 §5.2, §5.6, §5.7.1, §5.8 */
function read264(shape: PayloadShape, bytes: Buffer, from: number, until: number): void {
  const indicator = bytes[from] ?? 0;
  const type = indicator & 0x1f;
  if (type < STAP_A) shape.kind = 'single';
  else if (type === STAP_A || type === STAP_B) aggregated(shape, from + (type === STAP_A ? 1 : 3));
  else if (type !== FU_A || until - from < 2) shape.kind = 'unknown';
  else {
    const fu = bytes[from + 1] ?? 0;
    shape.header[0] = (indicator & 0xe0) | (fu & 0x1f);
    fragmented(shape, fu, 1, from + 2);
  }
}

const AP = 48;
const FU = 49;

/** Without decoding order numbers: no camera is known that sends them. @see RFC 7798 §4.4.1, §4.4.2, §4.4.3 */
function read265(shape: PayloadShape, bytes: Buffer, from: number, until: number): void {
  const first = bytes[from] ?? 0;
  const type = (first >> 1) & 0x3f;
  if (type < AP) shape.kind = 'single';
  else if (type === AP) aggregated(shape, from + 2);
  else if (type !== FU || until - from < 3) shape.kind = 'unknown';
  else {
    const fu = bytes[from + 2] ?? 0;
    shape.header[0] = (first & 0x81) | ((fu & 0x3f) << 1);
    shape.header[1] = bytes[from + 1] ?? 0;
    fragmented(shape, fu, 2, from + 3);
  }
}

function aggregated(shape: PayloadShape, from: number): void {
  shape.kind = 'aggregate';
  shape.from = from;
}

function fragmented(shape: PayloadShape, fu: number, headerBytes: number, from: number): void {
  shape.kind = 'fragment';
  shape.start = (fu & 0x80) !== 0;
  shape.end = (fu & 0x40) !== 0;
  shape.headerBytes = headerBytes;
  shape.from = from;
}
