const NTP_EPOCH_SECONDS = 2_208_988_800;

export interface SenderReport {
  readonly ssrc: number;
  /** Wall time of the camera, Unix milliseconds. */
  readonly wallMs: number;
  /** The same moment on the RTP clock. */
  readonly rtpTime: number;
  readonly packets: number;
  readonly octets: number;
  readonly cname: string;
}

/** A compound packet of sender report and source description, interleaved framing included. @see RFC 3550 §6.4.1, §6.5 */
export function senderReport(sender: SenderReport, channel: number): Buffer {
  const packet = Buffer.concat([report(sender), description(sender)]);
  return Buffer.concat([Buffer.from([0x24, channel, packet.length >> 8, packet.length & 0xff]), packet]);
}

function report(sender: SenderReport): Buffer {
  const packet = Buffer.alloc(28);
  const seconds = Math.floor(sender.wallMs / 1000);
  packet.writeUInt16BE(0x80c8, 0);
  packet.writeUInt16BE(6, 2);
  packet.writeUInt32BE(sender.ssrc, 4);
  packet.writeUInt32BE((seconds + NTP_EPOCH_SECONDS) >>> 0, 8);
  packet.writeUInt32BE(Math.floor(((sender.wallMs - seconds * 1000) / 1000) * 2 ** 32) >>> 0, 12);
  packet.writeUInt32BE(sender.rtpTime >>> 0, 16);
  packet.writeUInt32BE(sender.packets >>> 0, 20);
  packet.writeUInt32BE(sender.octets >>> 0, 24);
  return packet;
}

function description(sender: SenderReport): Buffer {
  const cname = Buffer.from(sender.cname, 'utf8').subarray(0, 255);
  const bytes = 8 + 2 + cname.length + 1;
  const packet = Buffer.alloc(Math.ceil(bytes / 4) * 4);
  packet.writeUInt16BE(0x81ca, 0);
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
  packet.writeUInt32BE(sender.ssrc, 4);
  packet[8] = 1;
  packet[9] = cname.length;
  cname.copy(packet, 10);
  return packet;
}
