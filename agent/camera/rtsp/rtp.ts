const FIXED_HEADER_BYTES = 12;
const VERSION_2 = 2;

/**
 * One RTP packet where it lies in the bytes that were read, which hold only while it is handed on. There is one object
 * per stream and not one per packet: thousands come in a second. @see RFC 3550 §5.1
 */
export class RtpPacket {
  marker = false;
  payloadType = 0;
  sequence = 0;
  timestamp = 0;
  ssrc = 0;
  /** Where the payload lies. */
  bytes: Buffer = Buffer.alloc(0);
  from = 0;
  until = 0;
  receivedMonotonicMs = 0;

  get payloadBytes(): number {
    return this.until - this.from;
  }

  /** Becomes the packet between `from` and `until`. @returns false when that is no RTP packet */
  read(bytes: Buffer, from: number, until: number, receivedMonotonicMs: number): boolean {
    if (until - from < FIXED_HEADER_BYTES) return false;
    const flags = bytes[from] ?? 0;
    if (flags >> 6 !== VERSION_2) return false;
    this.bytes = bytes;
    this.from = payloadStart(bytes, from, until, flags);
    this.until = payloadEnd(bytes, from, until, flags);
    if (this.until < this.from) return false;
    const second = bytes[from + 1] ?? 0;
    this.marker = (second & 0x80) !== 0;
    this.payloadType = second & 0x7f;
    this.sequence = bytes.readUInt16BE(from + 2);
    this.timestamp = bytes.readUInt32BE(from + 4);
    this.ssrc = bytes.readUInt32BE(from + 8);
    this.receivedMonotonicMs = receivedMonotonicMs;
    return true;
  }

  /** The same packet with bytes of its own. */
  kept(): RtpPacket {
    const kept = Object.assign(new RtpPacket(), this);
    kept.bytes = Buffer.from(this.bytes.subarray(this.from, this.until));
    kept.from = 0;
    kept.until = kept.bytes.length;
    return kept;
  }
}

/** Behind `until` when the packet is cut. */
function payloadStart(bytes: Buffer, from: number, until: number, flags: number): number {
  const start = from + FIXED_HEADER_BYTES + 4 * (flags & 0x0f);
  const hasExtension = (flags & 0x10) !== 0;
  if (!hasExtension) return start;
  if (until < start + 4) return until + 1;
  return start + 4 + 4 * bytes.readUInt16BE(start + 2);
}

/** Padding that makes no sense is taken as payload: cameras set the flag without padding. */
function payloadEnd(bytes: Buffer, from: number, until: number, flags: number): number {
  const padding = (flags & 0x20) === 0 ? 0 : (bytes[until - 1] ?? 0);
  const end = until - padding;
  return end < from + FIXED_HEADER_BYTES ? until : end;
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
export function isRtcp(bytes: Buffer, from: number, until: number): boolean {
  const type = bytes[from + 1] ?? 0;
  return until - from >= 4 && (bytes[from] ?? 0) >> 6 === VERSION_2 && type >= 192 && type <= 223;
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
