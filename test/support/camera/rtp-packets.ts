import type { VideoCodec } from '../../../agent/camera/types.ts';
import { type Clip, type ClipUnit, nalType } from '../clips.ts';

/** RTP payload type of the video track. */
export const VIDEO_PAYLOAD_TYPE = 96;

const MAX_PAYLOAD_BYTES = 1400;
const INTERLEAVED_HEADER_BYTES = 4;
const RTP_HEADER_BYTES = 12;
const STAP_A = 24;
const FU_A = 28;
const H265_AP = 48;
const H265_FU = 49;

/**
 * The RTP packets of one access unit, interleaved framing included, one after the other.
 * Channel, sequence number, time stamp and SSRC are blank: `stamped` fills them in for a connection.
 */
export interface PacketRun {
  readonly bytes: Buffer;
  /** Where each packet's `$` stands. */
  readonly starts: readonly number[];
  readonly payloadBytes: number;
  readonly key: boolean;
}

export interface PacketStamp {
  readonly channel: number;
  /** Sequence number of the first packet. */
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
}

const cache = new WeakMap<Clip, readonly PacketRun[]>();

/** A clip as packets; made once and shared by every camera that plays it. */
export function packetRuns(clip: Clip): readonly PacketRun[] {
  const known = cache.get(clip);
  if (known) return known;
  const runs = clip.units.map((unit) => packetRun(unit, clip.codec));
  cache.set(clip, runs);
  return runs;
}

/** A copy of the run with the fields of one connection. */
export function stamped(run: PacketRun, stamp: PacketStamp): Buffer {
  const bytes = Buffer.from(run.bytes);
  let sequence = stamp.sequence;
  for (const start of run.starts) {
    bytes[start + 1] = stamp.channel;
    bytes.writeUInt16BE(sequence & 0xffff, start + 6);
    bytes.writeUInt32BE(stamp.timestamp >>> 0, start + 8);
    bytes.writeUInt32BE(stamp.ssrc, start + 12);
    sequence += 1;
  }
  return bytes;
}

function packetRun(unit: ClipUnit, codec: VideoCodec): PacketRun {
  const payloads = payloadsOf(unit.nals, codec);
  const starts: number[] = [];
  const parts: Buffer[] = [];
  let at = 0;
  for (const [i, payload] of payloads.entries()) {
    starts.push(at);
    parts.push(headers(payload.length, i === payloads.length - 1), payload);
    at += INTERLEAVED_HEADER_BYTES + RTP_HEADER_BYTES + payload.length;
  }
  const payloadBytes = payloads.reduce((sum, payload) => sum + payload.length, 0);
  return { bytes: Buffer.concat(parts), starts, payloadBytes, key: unit.key };
}

/** Interleaved framing and RTP header. @see RFC 2326 §10.12, RFC 3550 §5.1 */
function headers(payloadBytes: number, marker: boolean): Buffer {
  const header = Buffer.alloc(INTERLEAVED_HEADER_BYTES + RTP_HEADER_BYTES);
  header[0] = 0x24;
  header.writeUInt16BE(RTP_HEADER_BYTES + payloadBytes, 2);
  header[4] = 0x80;
  header[5] = VIDEO_PAYLOAD_TYPE | (marker ? 0x80 : 0);
  return header;
}

/** Small NAL units together, large ones in pieces. @see RFC 6184 §5.7, §5.8; RFC 7798 §4.4 */
function payloadsOf(nals: readonly Buffer[], codec: VideoCodec): Buffer[] {
  const payloads: Buffer[] = [];
  let group: Buffer[] = [];
  const flush = () => {
    if (group.length > 0) payloads.push(group.length === 1 ? Buffer.concat(group) : aggregate(group, codec));
    group = [];
  };
  for (const nal of nals) {
    if (aggregateBytes([...group, nal]) > MAX_PAYLOAD_BYTES) flush();
    if (nal.length > MAX_PAYLOAD_BYTES) payloads.push(...fragments(nal, codec));
    else group.push(nal);
  }
  flush();
  return payloads;
}

function aggregateBytes(nals: readonly Buffer[]): number {
  return nals.reduce((sum, nal) => sum + 2 + nal.length, 2);
}

function aggregate(nals: readonly Buffer[], codec: VideoCodec): Buffer {
  const header = codec === 'h264' ? stapHeader(nals) : apHeader(nals);
  const sized = nals.flatMap((nal) => [Buffer.from([nal.length >> 8, nal.length & 0xff]), nal]);
  return Buffer.concat([header, ...sized]);
}

/** NRI is the highest of the units inside. @see RFC 6184 §5.7 */
function stapHeader(nals: readonly Buffer[]): Buffer {
  const nri = Math.max(...nals.map((nal) => (nal[0] ?? 0) & 0x60));
  return Buffer.from([nri | STAP_A]);
}

/** Layer and temporal id are the lowest of the units inside. @see RFC 7798 §4.4.2 */
function apHeader(nals: readonly Buffer[]): Buffer {
  const ids = nals.map((nal) => (((nal[0] ?? 0) & 1) << 8) | (nal[1] ?? 0));
  const layer = Math.min(...ids.map((id) => id >> 3));
  const temporal = Math.min(...ids.map((id) => id & 7));
  return Buffer.from([(H265_AP << 1) | (layer >> 5), ((layer & 0x1f) << 3) | temporal]);
}

function fragments(nal: Buffer, codec: VideoCodec): Buffer[] {
  const headerBytes = codec === 'h264' ? 1 : 2;
  const step = MAX_PAYLOAD_BYTES - headerBytes - 1;
  const pieces: Buffer[] = [];
  for (let at = headerBytes; at < nal.length; at += step) {
    const first = at === headerBytes;
    const last = at + step >= nal.length;
    const flags = (first ? 0x80 : 0) | (last ? 0x40 : 0) | nalType(nal, codec);
    pieces.push(
      Buffer.concat([fragmentHeader(nal, codec), Buffer.from([flags]), nal.subarray(at, at + step)]),
    );
  }
  return pieces;
}

function fragmentHeader(nal: Buffer, codec: VideoCodec): Buffer {
  const [first = 0, second = 0] = nal;
  if (codec === 'h264') return Buffer.from([(first & 0xe0) | FU_A]);
  return Buffer.from([(first & 0x81) | (H265_FU << 1), second]);
}
