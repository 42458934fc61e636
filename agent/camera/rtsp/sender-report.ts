import { RTCP_CHANNEL } from './packetizer.ts';

/** What a sender says of its packets. */
export interface SentSoFar {
  readonly ssrc: number;
  /** This RTP time was at this wall time. */
  readonly timestamp: number;
  readonly wallMs: number;
  readonly packets: number;
  readonly octets: number;
}

const REPORT_WORDS = 7;
const INTERLEAVED_BYTES = 4;
/** From the NTP era of 1900 to 1970, seconds. @see RFC 5905 §6 */
const NTP_UNIX_S = 2_208_988_800;
const CNAME = 1;

/** A sender report and the name of the source, framed for an RTSP connection. @see RFC 3550 §6.4.1, §6.5 */
export function senderReport(sent: SentSoFar, name: string): Buffer {
  const cname = Buffer.from(name, 'latin1');
  const chunkWords = Math.ceil((4 + 2 + cname.length + 1) / 4);
  const bytes = Buffer.alloc(INTERLEAVED_BYTES + 4 * (REPORT_WORDS + 1 + chunkWords));
  bytes.set([0x24, RTCP_CHANNEL]);
  bytes.writeUInt16BE(bytes.length - INTERLEAVED_BYTES, 2);
  writeReport(bytes.subarray(INTERLEAVED_BYTES), sent);
  const description = bytes.subarray(INTERLEAVED_BYTES + 4 * REPORT_WORDS);
  description.set([0x81, 202, 0, chunkWords]);
  description.writeUInt32BE(sent.ssrc, 4);
  description.set([CNAME, cname.length], 8);
  cname.copy(description, 10);
  return bytes;
}

function writeReport(to: Buffer, { ssrc, timestamp, wallMs, packets, octets }: SentSoFar): void {
  to.set([0x80, 200, 0, REPORT_WORDS - 1]);
  to.writeUInt32BE(ssrc, 4);
  to.writeUInt32BE((Math.floor(wallMs / 1000) + NTP_UNIX_S) % 2 ** 32, 8);
  to.writeUInt32BE(Math.floor(((wallMs % 1000) / 1000) * 2 ** 32), 12);
  to.writeUInt32BE(timestamp, 16);
  to.writeUInt32BE(packets % 2 ** 32, 20);
  to.writeUInt32BE(octets % 2 ** 32, 24);
}
