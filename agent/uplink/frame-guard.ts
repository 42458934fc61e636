import { UplinkError } from '../base/errors.ts';

/**
 * Lets an MQTT byte stream through packet by packet and leaves out PUBLISH packets above a limit without ever
 * holding them in memory, whatever the broker was told in CONNECT.
 * @see MQTT 3.1.1 §2.2, §3.3; MQTT 5 §2.1, §3.3
 */
export interface FrameGuardOptions {
  /** Who sends the stream, for messages. */
  readonly label: string;
  /** Largest packet, in bytes after the fixed header, that goes through. */
  readonly maxBytes: number;
  readonly onOversize: (packet: OversizePacket) => void;
  /** Takes the PUBLISH packets with QoS 0, which do not go through then. @throws whatever shall end the stream */
  readonly onPublish?: ((first: number, body: Buffer) => void) | undefined;
  /** Told of each PINGRESP before it goes through. @throws whatever shall end the stream */
  readonly onPingResponse?: (() => void) | undefined;
}

/** A PUBLISH that was left out. */
export interface OversizePacket {
  readonly topic: string;
  readonly bytes: number;
  readonly retain: boolean;
  /** Identifier to acknowledge, undefined for QoS 0. */
  readonly packetId: number | undefined;
}

const PUBLISH = 3;
const PINGRESP = 13;
const QOS_BITS = 0b110;
const MAX_FIXED_HEADER = 5;

export class FrameGuard {
  readonly #options: FrameGuardOptions;
  #header: number[] = [];
  /** Bytes of the current packet still to come. */
  #left = 0;
  #skipped: { first: number; bytes: number; head: Buffer } | undefined;
  #taken: { first: number; parts: Buffer[] } | undefined;

  constructor(options: FrameGuardOptions) {
    this.#options = options;
  }

  /**
   * @returns what goes through
   * @throws UplinkError `broker-protocol` when the stream is no MQTT or holds an oversized packet that is no PUBLISH
   */
  push(chunk: Buffer): Buffer[] {
    const through: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#left === 0) {
        this.#headerByte(chunk.readUInt8(at), through);
        at += 1;
        continue;
      }
      const part = chunk.subarray(at, at + this.#left);
      at += part.length;
      this.#left -= part.length;
      if (this.#skipped) this.#skip(part);
      else if (this.#taken) this.#take(part);
      else through.push(part);
    }
    return through;
  }

  #headerByte(byte: number, through: Buffer[]): void {
    this.#header.push(byte);
    if (this.#header.length === 1) return;
    if ((byte & 0x80) !== 0) {
      if (this.#header.length === MAX_FIXED_HEADER)
        throw this.#broken('a packet length of at most four bytes, came five');
      return;
    }
    const bytes = remainingLength(this.#header);
    this.#begin(bytes, through);
    this.#header = [];
  }

  #begin(bytes: number, through: Buffer[]): void {
    const [first = 0] = this.#header;
    this.#left = bytes;
    if (first >> 4 === PINGRESP) this.#options.onPingResponse?.();
    if (bytes > 0 && bytes <= this.#options.maxBytes && this.#options.onPublish && isPlainPublish(first)) {
      this.#taken = { first, parts: [] };
      return;
    }
    if (bytes <= this.#options.maxBytes) {
      through.push(Buffer.from(this.#header));
      return;
    }
    if (first >> 4 !== PUBLISH)
      throw this.#broken(
        `at most ${this.#options.maxBytes} bytes, came packet type ${first >> 4} of ${bytes} bytes`,
      );
    this.#skipped = { first, bytes, head: Buffer.alloc(0) };
  }

  #broken(what: string): UplinkError {
    return new UplinkError('broker-protocol', `${this.#options.label}: expected ${what}`);
  }

  #take(part: Buffer): void {
    this.#taken?.parts.push(part);
    if (!this.#taken || this.#left > 0) return;
    const { first, parts } = this.#taken;
    this.#taken = undefined;
    this.#options.onPublish?.(first, parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
  }

  #skip(part: Buffer): void {
    const skipped = this.#skipped;
    if (!skipped) return;
    let rest = part;
    for (let missing = 2; rest.length > 0 && missing > 0; ) {
      missing = headBytes(skipped.head) - skipped.head.length;
      skipped.head = Buffer.concat([skipped.head, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
    }
    if (this.#left > 0) return;
    this.#skipped = undefined;
    this.#options.onOversize(describe(skipped.first, skipped.bytes, skipped.head));
  }
}

function isPlainPublish(first: number): boolean {
  return first >> 4 === PUBLISH && (first & QOS_BITS) === 0;
}

function remainingLength(header: readonly number[]): number {
  return header.slice(1).reduce((sum, byte, i) => sum + (byte & 0x7f) * 128 ** i, 0);
}

/** How many bytes hold topic length, topic and packet identifier, as far as is known yet. */
function headBytes(head: Buffer): number {
  return head.length < 2 ? 2 : 2 + head.readUInt16BE(0) + 2;
}

function describe(first: number, bytes: number, head: Buffer): OversizePacket {
  const topicEnd = Math.min(head.length, 2 + (head.length >= 2 ? head.readUInt16BE(0) : 0));
  const qos = (first >> 1) & 3;
  const whole = head.length >= topicEnd + 2;
  return {
    topic: head.subarray(2, topicEnd).toString('utf8'),
    bytes,
    retain: (first & 1) === 1,
    packetId: qos > 0 && whole ? head.readUInt16BE(topicEnd) : undefined,
  };
}
