import type { VideoCodec } from '../types.ts';

/** Channels of an interleaved connection. @see RFC 2326 §10.12 */
export const RTP_CHANNEL = 0;
export const RTCP_CHANNEL = 1;
/** Longest payload: a packet fits an Ethernet frame, should the server send it on by UDP. */
const MAX_PAYLOAD_BYTES = 1400;
export const PAYLOAD_TYPE = 96;

const DOLLAR = 0x24;
const INTERLEAVED_BYTES = 4;
const RTP_HEADER_BYTES = 12;
/** What stands before each payload. */
const HEAD_BYTES = INTERLEAVED_BYTES + RTP_HEADER_BYTES;
/** Of the sequence number in the head. */
const SEQUENCE_AT = INTERLEAVED_BYTES + 2;
const VERSION = 0x80;
const MARKER = 0x80;

/** How a NAL unit is cut. */
interface Rules {
  /** Bytes of the NAL header, which the fragments do not repeat. */
  readonly nalHeaderBytes: number;
  /** Bytes of the header of a fragment. */
  readonly fuHeaderBytes: number;
  writeFu(to: Buffer, at: number, nal: Buffer, start: boolean, end: boolean): void;
}

const fuFlags = (start: boolean, end: boolean) => (start ? 0x80 : 0) | (end ? 0x40 : 0);

const RULES: Readonly<Record<VideoCodec, Rules>> = {
  /** @see RFC 6184 §5.8, FU-A */
  h264: {
    nalHeaderBytes: 1,
    fuHeaderBytes: 2,
    writeFu: (to, at, nal, start, end) => {
      const header = nal[0] ?? 0;
      to[at] = (header & 0xe0) | 28;
      to[at + 1] = fuFlags(start, end) | (header & 0x1f);
    },
  },
  /** @see RFC 7798 §4.4.3 */
  h265: {
    nalHeaderBytes: 2,
    fuHeaderBytes: 3,
    writeFu: (to, at, nal, start, end) => {
      const first = nal[0] ?? 0;
      to[at] = (first & 0x81) | (49 << 1);
      to[at + 1] = nal[1] ?? 0;
      to[at + 2] = fuFlags(start, end) | ((first >> 1) & 0x3f);
    },
  },
};

/** How many packets and bytes some NAL units make. */
export interface PacketCount {
  readonly packets: number;
  /** With the RTP and interleaved headers. */
  readonly bytes: number;
  /** Payloads alone. */
  readonly octets: number;
}

/** What the packets of a picture have in common. */
export interface PacketFields {
  readonly ssrc: number;
  readonly timestamp: number;
  /** Of the first packet. */
  readonly sequence: number;
}

export function countPackets(codec: VideoCodec, nals: readonly Buffer[]): PacketCount {
  const { nalHeaderBytes, fuHeaderBytes } = RULES[codec];
  let [packets, octets] = [0, 0];
  for (const { length } of nals) {
    if (length <= MAX_PAYLOAD_BYTES) {
      packets += 1;
      octets += length;
      continue;
    }
    const parts = Math.ceil((length - nalHeaderBytes) / (MAX_PAYLOAD_BYTES - fuHeaderBytes));
    packets += parts;
    octets += length - nalHeaderBytes + parts * fuHeaderBytes;
  }
  return { packets, octets, bytes: octets + packets * HEAD_BYTES };
}

/**
 * Writes the packets of one picture, framed for an RTSP connection, one behind the other; the last has the marker.
 * Every NAL unit goes whole or in fragments, none is joined with another.
 * @param to of the size that `countPackets` gives
 * @see RFC 3550 §5.1, RFC 6184 §5.6, RFC 7798 §4.4.1
 */
export function writePackets(
  to: Buffer,
  codec: VideoCodec,
  nals: readonly Buffer[],
  fields: PacketFields,
): void {
  const writer = new PacketWriter(to, fields);
  for (const [index, nal] of nals.entries()) {
    const isLast = index === nals.length - 1;
    if (nal.length <= MAX_PAYLOAD_BYTES) writer.whole(nal, isLast);
    else writer.fragments(RULES[codec], nal, isLast);
  }
}

/**
 * The same packets in other numbers: heads of their own, the payloads where they are.
 * @param written by `writePackets`
 * @param sequence of the first packet
 */
export function renumbered(written: Buffer, packets: number, sequence: number): Buffer[] {
  const heads = Buffer.allocUnsafe(packets * HEAD_BYTES);
  const parts: Buffer[] = [];
  let from = 0;
  for (let packet = 0; packet < packets; packet += 1) {
    const at = packet * HEAD_BYTES;
    const until = from + INTERLEAVED_BYTES + written.readUInt16BE(from + 2);
    written.copy(heads, at, from, from + HEAD_BYTES);
    heads.writeUInt16BE((sequence + packet) & 0xffff, at + SEQUENCE_AT);
    parts.push(heads.subarray(at, at + HEAD_BYTES), written.subarray(from + HEAD_BYTES, until));
    from = until;
  }
  return parts;
}

class PacketWriter {
  readonly #to: Buffer;
  readonly #fields: PacketFields;
  #sequence: number;
  #at = 0;

  constructor(to: Buffer, fields: PacketFields) {
    this.#to = to;
    this.#fields = fields;
    this.#sequence = fields.sequence;
  }

  whole(nal: Buffer, marker: boolean): void {
    this.#head(nal.length, marker);
    this.#bytes(nal, 0, nal.length);
  }

  fragments(rules: Rules, nal: Buffer, marker: boolean): void {
    const room = MAX_PAYLOAD_BYTES - rules.fuHeaderBytes;
    for (let from = rules.nalHeaderBytes; from < nal.length; from += room) {
      const until = Math.min(from + room, nal.length);
      const isLast = until === nal.length;
      this.#head(rules.fuHeaderBytes + until - from, marker && isLast);
      rules.writeFu(this.#to, this.#at, nal, from === rules.nalHeaderBytes, isLast);
      this.#at += rules.fuHeaderBytes;
      this.#bytes(nal, from, until);
    }
  }

  #head(payloadBytes: number, marker: boolean): void {
    const to = this.#to;
    const at = this.#at;
    to[at] = DOLLAR;
    to[at + 1] = RTP_CHANNEL;
    to.writeUInt16BE(RTP_HEADER_BYTES + payloadBytes, at + 2);
    to[at + 4] = VERSION;
    to[at + 5] = PAYLOAD_TYPE | (marker ? MARKER : 0);
    to.writeUInt16BE(this.#sequence, at + 6);
    to.writeUInt32BE(this.#fields.timestamp, at + 8);
    to.writeUInt32BE(this.#fields.ssrc, at + 12);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#at = at + HEAD_BYTES;
  }

  #bytes(nal: Buffer, from: number, until: number): void {
    this.#at += nal.copy(this.#to, this.#at, from, until);
  }
}
