const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const CNAME = 1;
/** Says nothing of the box. */
const NAME = Buffer.from('box');

/** A packet of RTP without payload, for filters on the way; senders drop it. As ffmpeg does. */
export const PUNCH = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/**
 * A receiver report that counts nothing, with the name of its source: a sign of life for who sends.
 * @see RFC 3550 §6.1, §6.4.2, §6.5
 */
export function receiverReport(ssrc: number): Buffer {
  const chunkBytes = 4 * Math.ceil((4 + 2 + NAME.length + 1) / 4);
  const bytes = Buffer.alloc(8 + 4 + chunkBytes);
  bytes.set([0x80, RECEIVER_REPORT, 0, 1]);
  bytes.writeUInt32BE(ssrc, 4);
  bytes.set([0x81, SOURCE_DESCRIPTION, 0, chunkBytes / 4], 8);
  bytes.writeUInt32BE(ssrc, 12);
  bytes.set([CNAME, NAME.length, ...NAME], 16);
  return bytes;
}
