import { spawnSync } from 'node:child_process';
import type { AccessUnit, VideoCodec, VideoTrack } from '../../agent/camera/types.ts';
import type { Chunk } from '../../agent/video/destination.ts';
import { Muxer } from '../../agent/video/fmp4/muxer.ts';
import { MediaClock } from '../../agent/video/media-clock.ts';
import type { StreamSetup } from '../../agent/video/parameter-sets.ts';
import { PicturePlacer } from '../../agent/video/picture-placer.ts';
import { accessUnit } from '../support/access-unit.ts';
import { clipFrom } from '../support/clips.ts';

const FFMPEG = 'ffmpeg';

export interface Encoding {
  readonly codec: VideoCodec;
  readonly frames: number;
  readonly fps: number;
  readonly size?: string;
  /** Arguments of the encoder. */
  readonly encoder: readonly string[];
}

export interface Encoded {
  readonly track: VideoTrack;
  /** In decoding order, with true presentation times from an independent muxer. */
  readonly units: readonly AccessUnit[];
  /** The packets of that muxer. */
  readonly muxed: readonly Packet[];
}

/** Encodes a test picture with ffmpeg; the presentation times are those of ffmpeg's own MP4 of the same encoding. */
export function encode(encoding: Encoding): Encoded {
  const format = encoding.codec === 'h264' ? 'h264' : 'hevc';
  const mp4 = ffmpeg([
    ...['-f', 'lavfi', '-i', `testsrc2=size=${encoding.size ?? '320x240'}:rate=${encoding.fps}`],
    ...['-frames:v', String(encoding.frames), '-pix_fmt', 'yuv420p', ...encoding.encoder],
    ...['-f', 'mp4', '-movflags', 'frag_keyframe+empty_moov', '-video_track_timescale', '90000', 'pipe:1'],
  ]);
  const stream = ffmpeg(['-i', 'pipe:0', '-c', 'copy', '-f', format, 'pipe:1'], mp4);
  const muxed = packets(mp4);
  const clip = clipFrom(stream, encoding.codec, encoding.fps);
  const [first, second, third] = clip.parameterSets;
  return {
    track: {
      codec: encoding.codec,
      clockRate: 90_000,
      parameterSets: {
        ...(encoding.codec === 'h265' && first ? { vps: first } : {}),
        ...(encoding.codec === 'h265' ? pair(second, third) : pair(first, second)),
      },
    },
    units: clip.units.map((unit, index) => toAccessUnit(unit.nals, unit.key, muxed[index]?.pts ?? 0)),
    muxed,
  };
}

function pair(sps: Buffer | undefined, pps: Buffer | undefined) {
  return { ...(sps ? { sps } : {}), ...(pps ? { pps } : {}) };
}

/** An access unit that arrives when it is due. */
export function toAccessUnit(nals: readonly Buffer[], key: boolean, rtpTime: number): AccessUnit {
  const receivedMonotonicMs = rtpTime / 90;
  return accessUnit(nals, {
    ...{ key, rtpTime, damaged: false, receivedMonotonicMs },
    receivedWallMs: Date.UTC(2026, 0, 1) + receivedMonotonicMs,
  });
}

/** Access units to MP4, as a feed does it. */
export class Muxing {
  readonly #placer: PicturePlacer;
  readonly #muxer: Muxer;

  constructor(clock: MediaClock, track: VideoTrack, fragmentMs: number) {
    this.#placer = new PicturePlacer(clock, track);
    this.#muxer = new Muxer({ clock }, { fragmentMs });
  }

  get setup(): StreamSetup | undefined {
    return this.#placer.setup;
  }

  get timestampRepairs(): number {
    return this.#placer.timestampRepairs;
  }

  push(unit: AccessUnit): Chunk | undefined {
    const picture = this.#placer.place(unit);
    return picture && this.#muxer.push(picture);
  }

  flush(): Chunk | undefined {
    return this.#muxer.flush();
  }
}

/** Everything that a subscriber gets from these units. */
export function muxAll(encoded: Encoded, fragmentMs = 200, clock = new MediaClock(10_000)): Chunk[] {
  const muxer = new Muxing(clock, encoded.track, fragmentMs);
  const chunks = encoded.units.map((unit) => muxer.push(unit));
  return [...chunks, muxer.flush()].filter((chunk) => chunk !== undefined);
}

/**
 * An H.264 stream whose parameter set no longer says how far it reorders: what comes with the VUI is cut off, at the
 * place where ffmpeg's own parser finds it.
 */
export function withoutVui({ track, units, muxed }: Encoded): Encoded {
  const { sps } = track.parameterSets;
  if (!sps) throw new Error('expected a sequence parameter set');
  const cut = cutBits(sps, vuiFlagBit(units[0]?.nals ?? []));
  const nalsOf = (nals: readonly Buffer[]) => nals.map((nal) => (nal.equals(sps) ? cut : nal));
  return {
    track: { ...track, parameterSets: { ...track.parameterSets, sps: cut } },
    units: units.map((unit) => accessUnit(nalsOf(unit.nals), unit)),
    muxed,
  };
}

function vuiFlagBit(nals: readonly Buffer[]): number {
  const stream = Buffer.concat(nals.flatMap((nal) => [Buffer.from([0, 0, 0, 1]), nal]));
  const args = ['-f', 'h264', '-i', 'pipe:0', '-c', 'copy', '-bsf:v', 'trace_headers', '-f', 'null', '-'];
  const { stderr } = spawnSync(FFMPEG, args, { input: stream });
  const [, bit] = /(\d+)\s+vui_parameters_present_flag/.exec(stderr.toString()) ?? [];
  if (bit === undefined) throw new Error('ffmpeg found no vui_parameters_present_flag');
  return Number(bit);
}

/** The first bits, a zero for the flag, and the stop bit. */
function cutBits(nal: Buffer, count: number): Buffer {
  const bits = [...nal].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const kept = `${bits.slice(0, count)}01`;
  const padded = kept.padEnd(Math.ceil(kept.length / 8) * 8, '0');
  return Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

export function payloadOf(chunk: Chunk): Buffer {
  return Buffer.concat(chunk.parts);
}

export function toFile(chunks: readonly Chunk[]): Buffer {
  return Buffer.concat(chunks.map(payloadOf));
}

export interface Packet {
  readonly pts: number;
  readonly dts: number;
  readonly duration: number;
  readonly size: number;
  readonly key: boolean;
  readonly md5: string;
}

/** What ffprobe reads from a file; throws when it complains of anything. */
export function packets(file: Buffer): Packet[] {
  const entries = 'packet=pts,dts,duration,size,flags,data_hash';
  const { packets: read } = JSON.parse(
    ffprobe(['-show_entries', entries, '-show_data_hash', 'md5'], file),
  ) as {
    packets: { pts: number; dts: number; duration: number; size: string; flags: string; data_hash: string }[];
  };
  return read.map((packet) => ({
    pts: packet.pts,
    dts: packet.dts,
    duration: packet.duration,
    size: Number(packet.size),
    key: packet.flags.startsWith('K'),
    md5: packet.data_hash.replace('MD5:', ''),
  }));
}

/** How many pictures decode, and their sizes; throws when ffprobe complains of anything. */
export function decodedFrames(file: Buffer): { width: number; height: number }[] {
  const { frames } = JSON.parse(ffprobe(['-show_entries', 'frame=width,height'], file)) as {
    frames: { width: number; height: number }[];
  };
  return frames.map(({ width, height }) => ({ width, height }));
}

function ffprobe(args: readonly string[], input: Buffer): string {
  return run(
    'ffprobe',
    ['-v', 'error', '-select_streams', 'v', ...args, '-of', 'json', 'pipe:0'],
    input,
  ).toString();
}

function ffmpeg(args: readonly string[], input?: Buffer): Buffer {
  return run(FFMPEG, ['-v', 'error', ...args], input);
}

function run(program: string, args: readonly string[], input?: Buffer): Buffer {
  const { stdout, stderr, status } = spawnSync(program, args, {
    ...(input ? { input } : {}),
    maxBuffer: 2 ** 28,
  });
  if (status !== 0 || stderr.length > 0)
    throw new Error(`${program} ${args.join(' ')}: ${stderr.toString()}`);
  return stdout;
}
