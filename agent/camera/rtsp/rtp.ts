/** One RTP packet; `payload` is a part of the bytes that were read, which hold only while it is handed on. */
export interface RtpPacket {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
  readonly receivedMonotonicMs: number;
}

const FIXED_HEADER_BYTES = 12;

/** @returns undefined when the bytes are no RTP packet. @see RFC 3550 §5.1 */
export function parseRtp(bytes: Buffer, receivedMonotonicMs: number): RtpPacket | undefined {
  if (bytes.length < FIXED_HEADER_BYTES) return undefined;
  const [flags, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  if (flags >> 6 !== 2) return undefined;
  const start = payloadStart(bytes, flags);
  const end = payloadEnd(bytes, flags);
  if (start === undefined || end < start) return undefined;
  return {
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequence: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(start, end),
    receivedMonotonicMs,
  };
}

function payloadStart(bytes: Buffer, flags: number): number | undefined {
  const start = FIXED_HEADER_BYTES + 4 * (flags & 0x0f);
  const hasExtension = (flags & 0x10) !== 0;
  if (!hasExtension) return start;
  if (bytes.length < start + 4) return undefined;
  return start + 4 + 4 * bytes.readUInt16BE(start + 2);
}

/** Padding that makes no sense is taken as payload: cameras set the flag without padding. */
function payloadEnd(bytes: Buffer, flags: number): number {
  const padding = (flags & 0x20) === 0 ? 0 : bytes.readUInt8(bytes.length - 1);
  const end = bytes.length - padding;
  return end < FIXED_HEADER_BYTES ? bytes.length : end;
}

/** What a sender report says: this RTP time was at this wall time of the camera. */
export interface SenderReport {
  readonly ssrc: number;
  readonly rtpTimestamp: number;
  /** Unix milliseconds on the clock of the camera. */
  readonly wallMs: number;
}

const SENDER_REPORT = 200;
/** Seconds from 1900, where NTP begins, to 1970. @see RFC 5905 §6 */
const NTP_TO_UNIX_S = 2_208_988_800;

/** True for the packet types that RTCP uses, where RTP has marker and payload type. @see RFC 5761 §4 */
export function isRtcp(bytes: Buffer): boolean {
  const type = bytes[1] ?? 0;
  return bytes.length >= 4 && (bytes[0] ?? 0) >> 6 === 2 && type >= 192 && type <= 223;
}

/**
 * The first sender report of a compound packet; undefined when there is none or its sender has no wall clock.
 * @see RFC 3550 §6.4.1
 */
export function findSenderReport(bytes: Buffer): SenderReport | undefined {
  let at = 0;
  while (at + 8 <= bytes.length) {
    const length = 4 * (bytes.readUInt16BE(at + 2) + 1);
    if (bytes.readUInt8(at) >> 6 !== 2) return undefined;
    if (bytes.readUInt8(at + 1) === SENDER_REPORT && at + 20 <= bytes.length)
      return readSenderReport(bytes, at);
    at += length;
  }
  return undefined;
}

/** NTP time before 1970, such as 0 or the time since power-on, is no wall clock. */
function readSenderReport(bytes: Buffer, at: number): SenderReport | undefined {
  const seconds = bytes.readUInt32BE(at + 8) - NTP_TO_UNIX_S;
  if (seconds < 0) return undefined;
  const wallMs = seconds * 1000 + (bytes.readUInt32BE(at + 12) / 2 ** 32) * 1000;
  return { ssrc: bytes.readUInt32BE(at + 4), rtpTimestamp: bytes.readUInt32BE(at + 16), wallMs };
}
