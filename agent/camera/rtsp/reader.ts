import { PeerProtocolError } from '../../base/errors.ts';
import { quoted } from '../../base/text.ts';
import { Hold } from './hold.ts';
import { bodyLength, parseHeaders, parseStartLine, type RtspMessage, type StartLine } from './message.ts';

export interface ReaderEvents {
  /** Interleaved data between `from` and `until`; the bytes hold only until this returns. */
  frame(channel: number, bytes: Buffer, from: number, until: number): void;
  message(message: RtspMessage): void;
}

/** Bounds on what a peer may send. Source: guesses, far above every captured reply. */
export const MAX_HEADER_BYTES = 64 * 1024;
export const MAX_BODY_BYTES = 1024 * 1024;
const MAX_HEADER_LINES = 256;
const MAX_START_LINE_BYTES = 2048;
/** Bytes in a row that are neither message nor frame before the reader gives up. */
export const MAX_GARBAGE_BYTES = 64 * 1024;
/** How much of the first garbage is kept for the error message. */
const GARBAGE_SAMPLE_BYTES = 60;

/** The shortest RTCP packet; RTP and RTCP both begin with version 2. @see RFC 3550 §5.1, §6.4 */
const MIN_FRAME_BYTES = 8;
const FRAME_HEADER_BYTES = 4;
/** Room for any packet that fits an Ethernet frame. */
const MIN_FRAME_STORAGE_BYTES = 2048;
const DOLLAR = 0x24;
const SLASH = 0x2f;
const SPACE = 0x20;
const [CR, LF] = [0x0d, 0x0a];
/** Longest method name, and where `RTSP` ends. */
const MAX_WORD_BYTES = 20;

/** What is being filled: the payload of a frame or the body of a message. */
interface Filling {
  readonly buffer: Buffer;
  readonly length: number;
  filled: number;
  readonly isMessage: boolean;
  readonly done: (buffer: Buffer) => void;
}

/** `wait`: more bytes are needed to tell; `garbage`: this byte begins nothing; a number: that many bytes were used. */
type Step = 'wait' | 'garbage' | number;

/**
 * Splits the byte stream of an RTSP connection into messages and interleaved frames.
 *
 * Bytes that begin neither are skipped and counted, until something plausible begins. What comes out does not depend
 * on how the bytes are cut into chunks. Nothing of a chunk is kept when `feed` returns.
 * @see RFC 2326 §10.12
 */
export class StreamReader {
  readonly #camera: string;
  readonly #events: ReaderEvents;
  readonly #hold = new Hold();
  /** Where a frame is put together that came in two reads: used for all frames of the connection. */
  #frameBytes = Buffer.alloc(0);
  #filling: Filling | undefined;
  #synchronised = true;
  /** Channels that were used; behind garbage no other is believed. */
  readonly #channels = new Set<number>();
  #garbageInARow = 0;
  #skipped = 0;
  #sample: number[] = [];
  /** How far the header that begins the held bytes was already looked at, and the lines seen. */
  #scan = { at: 0, lines: 0 };

  constructor(camera: string, events: ReaderEvents) {
    this.#camera = camera;
    this.#events = events;
  }

  /** Bytes skipped in all. */
  get skipped(): number {
    return this.#skipped;
  }

  /** A message has begun and has not come to its end. */
  get midMessage(): boolean {
    const first = this.#hold.first;
    return this.#filling?.isMessage ?? (first !== undefined && first !== DOLLAR);
  }

  /** The first bytes that were skipped, quoted for a message. */
  get garbage(): string {
    return quoted(Buffer.from(this.#sample).toString('latin1'));
  }

  /**
   * @throws PeerProtocolError `camera-too-large` for a message above the bounds, `camera-protocol` for too much garbage
   */
  feed(chunk: Buffer): void {
    const rest = this.#fill(chunk);
    if (rest.length === 0) return;
    const data = this.#hold.join(rest);
    const used = this.#parse(data);
    this.#hold.keep(data, used);
  }

  /** @returns how many bytes of `data` were used */
  #parse(data: Buffer): number {
    let at = 0;
    while (at < data.length) {
      const step = this.#step(data, at);
      if (step === 'wait') break;
      at += step === 'garbage' ? this.#skip(data, at) : step;
    }
    return at;
  }

  #step(data: Buffer, at: number): Step {
    const first = data[at] ?? 0;
    if (first === DOLLAR) return this.#frame(data, at);
    if (first === CR || first === LF) return 1;
    return this.#message(data, at);
  }

  #skip(data: Buffer, at: number): number {
    this.#synchronised = false;
    this.#scan = { at: 0, lines: 0 };
    this.#skipped += 1;
    this.#garbageInARow += 1;
    if (this.#sample.length < GARBAGE_SAMPLE_BYTES) this.#sample.push(data[at] ?? 0);
    if (this.#garbageInARow > MAX_GARBAGE_BYTES) throw this.#tooMuchGarbage();
    return 1;
  }

  #inStep(): void {
    this.#synchronised = true;
    this.#garbageInARow = 0;
    this.#scan = { at: 0, lines: 0 };
  }

  #frame(data: Buffer, at: number): Step {
    if (data.length < at + 5) return 'wait';
    const channel = data[at + 1] ?? 0;
    const length = data.readUInt16BE(at + 2);
    if (length < MIN_FRAME_BYTES || (data[at + 4] ?? 0) >> 6 !== 2) return 'garbage';
    if (!this.#synchronised && this.#channels.size > 0 && !this.#channels.has(channel)) return 'garbage';
    if (!this.#channels.has(channel)) this.#channels.add(channel);
    if (!this.#synchronised || this.#scan.at > 0 || this.#garbageInARow > 0) this.#inStep();
    const from = at + FRAME_HEADER_BYTES;
    if (data.length < from + length) return this.#beginFrame(channel, data, from, length) - at;
    this.#events.frame(channel, data, from, from + length);
    return FRAME_HEADER_BYTES + length;
  }

  /** The rest of the frame comes with the next chunk. @returns where the data ends */
  #beginFrame(channel: number, data: Buffer, from: number, length: number): number {
    if (this.#frameBytes.length < length)
      this.#frameBytes = Buffer.allocUnsafeSlow(Math.max(length, MIN_FRAME_STORAGE_BYTES));
    const buffer = this.#frameBytes;
    const done = () => this.#events.frame(channel, buffer, 0, length);
    this.#filling = { buffer, length, filled: data.copy(buffer, 0, from), isMessage: false, done };
    return data.length;
  }

  #message(data: Buffer, at: number): Step {
    const begins = beginsMessage(data, at);
    if (begins !== true) return begins;
    const lineEnd = data.indexOf(LF, at);
    if (lineEnd < 0 || lineEnd - at > MAX_START_LINE_BYTES) {
      return data.length - at > MAX_START_LINE_BYTES ? 'garbage' : 'wait';
    }
    const start = parseStartLine(data.toString('latin1', at, lineEnd));
    if (!start) return 'garbage';
    const headerEnd = this.#headerEnd(data, at, lineEnd);
    return headerEnd === undefined ? 'wait' : this.#withBody(data, at, lineEnd + 1, headerEnd, start);
  }

  /** Where the empty line after the header ends; undefined when it has not come yet. */
  #headerEnd(data: Buffer, at: number, firstLineEnd: number): number | undefined {
    let lineEnd = this.#scan.at > 0 ? at + this.#scan.at : firstLineEnd;
    for (;;) {
      if (lineEnd - at > MAX_HEADER_BYTES || this.#scan.lines > MAX_HEADER_LINES)
        throw this.#tooLarge('header');
      const end = emptyLineEnd(data, lineEnd + 1);
      if (end !== undefined) return end;
      const next = data.indexOf(LF, lineEnd + 1);
      if (next < 0) break;
      lineEnd = next;
      this.#scan = { at: lineEnd - at, lines: this.#scan.lines + 1 };
    }
    if (data.length - at > MAX_HEADER_BYTES) throw this.#tooLarge('header');
    return undefined;
  }

  #withBody(data: Buffer, at: number, from: number, headerEnd: number, start: StartLine): number {
    const headers = parseHeaders(data.toString('latin1', from, headerEnd).split(/\r?\n/));
    const length = bodyLength(headers);
    if (length > MAX_BODY_BYTES) throw this.#tooLarge(`body of ${length} bytes`);
    this.#inStep();
    return this.#take(data, at, headerEnd, length, (body) =>
      this.#events.message({ ...start, headers, body: Buffer.from(body) } as RtspMessage),
    );
  }

  /** Hands `length` bytes at `from` on, at once or when they have come; returns the bytes used from `at`. */
  #take(data: Buffer, at: number, from: number, length: number, done: (bytes: Buffer) => void): number {
    const present = data.subarray(from, from + length);
    if (present.length === length) {
      done(present);
    } else {
      const buffer = Buffer.allocUnsafeSlow(length);
      this.#filling = { buffer, length, filled: present.copy(buffer), isMessage: true, done };
    }
    return from - at + present.length;
  }

  /** @returns what is left of the chunk after filling what was begun */
  #fill(chunk: Buffer): Buffer {
    const filling = this.#filling;
    if (!filling) return chunk;
    const copied = chunk.copy(filling.buffer, filling.filled, 0, filling.length - filling.filled);
    filling.filled += copied;
    if (filling.filled === filling.length) {
      this.#filling = undefined;
      filling.done(filling.buffer);
    }
    return chunk.subarray(copied);
  }

  #tooLarge(what: string): PeerProtocolError {
    const limits = `at most ${MAX_HEADER_BYTES} bytes of header and ${MAX_BODY_BYTES} of body`;
    return new PeerProtocolError('camera-too-large', `${this.#camera}: RTSP ${what}: expected ${limits}`);
  }

  #tooMuchGarbage(): PeerProtocolError {
    const message = `${this.#camera}: expected RTSP, ${this.#garbageInARow} bytes of something else came: ${this.garbage}`;
    return new PeerProtocolError('camera-protocol', message);
  }
}

/** Whether `RTSP/` or a method name and a blank stand here. */
function beginsMessage(data: Buffer, at: number): true | 'wait' | 'garbage' {
  let end = at;
  while (end < data.length && end - at <= MAX_WORD_BYTES && isWordByte(data[end] ?? 0)) end += 1;
  const length = end - at;
  if (length === 0 || length > MAX_WORD_BYTES) return 'garbage';
  if (end === data.length) return 'wait';
  if (data[end] === SLASH) return data.toString('latin1', at, end) === 'RTSP' ? true : 'garbage';
  return data[end] === SPACE && length >= 3 ? true : 'garbage';
}

function isWordByte(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x5f;
}

function emptyLineEnd(data: Buffer, at: number): number | undefined {
  if (data[at] === LF) return at + 1;
  return data[at] === CR && data[at + 1] === LF ? at + 2 : undefined;
}
