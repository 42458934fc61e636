import { RtpPacket } from '../../../agent/camera/rtsp/rtp.ts';

/** Payloads of one NAL unit of H.264: whole, or in fragments. @see RFC 6184 §5.6, §5.8 */
export function payloads264(nal: Buffer, maxBytes: number): Buffer[] {
  const header = nal[0] ?? 0;
  return inFragments(nal, 1, maxBytes, (s, e) => [(header & 0xe0) | 28, flags(s, e) | (header & 0x1f)]);
}

/** Payloads of one NAL unit of H.265. @see RFC 7798 §4.4.1, §4.4.3 */
export function payloads265(nal: Buffer, maxBytes: number): Buffer[] {
  const [first = 0, second = 0] = nal;
  return inFragments(nal, 2, maxBytes, (s, e) => [
    (first & 0x81) | (49 << 1),
    second,
    flags(s, e) | ((first >> 1) & 0x3f),
  ]);
}

/** Several NAL units in one payload. @see RFC 6184 §5.7.1, RFC 7798 §4.4.2 */
export function aggregate(codec: 'h264' | 'h265', nals: readonly Buffer[]): Buffer {
  const header = codec === 'h264' ? [24] : [48 << 1, 1];
  return Buffer.concat([Buffer.from(header), ...nals.flatMap((nal) => [lengthOf(nal), nal])]);
}

function lengthOf(nal: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(nal.length);
  return length;
}

const flags = (start: boolean, end: boolean) => (start ? 0x80 : 0) | (end ? 0x40 : 0);

function inFragments(
  nal: Buffer,
  headerBytes: number,
  maxBytes: number,
  header: (start: boolean, end: boolean) => number[],
): Buffer[] {
  if (nal.length <= maxBytes) return [nal];
  const out: Buffer[] = [];
  for (let at = headerBytes; at < nal.length; at += maxBytes) {
    const end = at + maxBytes >= nal.length;
    out.push(Buffer.concat([Buffer.from(header(at === headerBytes, end)), nal.subarray(at, at + maxBytes)]));
  }
  return out;
}

export interface PacketFields {
  readonly sequence: number;
  readonly timestamp: number;
  readonly marker?: boolean;
  readonly payload: Buffer;
  readonly ssrc?: number;
  /** 96 when absent. */
  readonly payloadType?: number;
}

export function packetOf(fields: PacketFields): RtpPacket {
  const packet = new RtpPacket();
  const bytes = rtpBytes(fields);
  packet.read(bytes, 0, bytes.length, 0);
  return packet;
}

export function payloadOf({ bytes, from, until }: RtpPacket): Buffer {
  return bytes.subarray(from, until);
}

/** The bytes of a packet. @see RFC 3550 §5.1 */
export function rtpBytes(packet: PacketFields): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 0x80;
  header[1] = (packet.payloadType ?? 96) | (packet.marker ? 0x80 : 0);
  header.writeUInt16BE(packet.sequence & 0xffff, 2);
  header.writeUInt32BE(packet.timestamp >>> 0, 4);
  header.writeUInt32BE(packet.ssrc ?? 1, 8);
  return Buffer.concat([header, packet.payload]);
}
