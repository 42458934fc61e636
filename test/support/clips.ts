import { readFileSync } from 'node:fs';
import type { VideoCodec } from '../../agent/camera/types.ts';

/** One coded picture of a clip with everything that belongs to it. */
export interface ClipUnit {
  readonly index: number;
  /** NAL units without start codes. */
  readonly nals: readonly Buffer[];
  readonly key: boolean;
}

export interface Clip {
  readonly codec: VideoCodec;
  readonly framesPerSecond: number;
  readonly units: readonly ClipUnit[];
  /** The first of each kind, in the order VPS (H.265 only), SPS, PPS. */
  readonly parameterSets: readonly Buffer[];
}

const FOLDER = new URL('../fixtures/clips/', import.meta.url);
const FRAMES_PER_SECOND = 15;

/** The files that `test/fixtures/clips/make.sh` makes. */
export type ClipName = 'h264' | 'h265' | 'h264-small' | 'h265-small';

const cache = new Map<ClipName, Clip>();

/** A clip of the repository, read once. */
export function clip(name: ClipName): Clip {
  const known = cache.get(name);
  if (known) return known;
  const codec = name.startsWith('h264') ? 'h264' : 'h265';
  const file = new URL(`${name}.${codec.slice(1)}`, FOLDER);
  const read = clipFrom(readFileSync(file), codec, FRAMES_PER_SECOND);
  cache.set(name, read);
  return read;
}

/** An Annex B byte stream as a clip. */
export function clipFrom(stream: Buffer, codec: VideoCodec, framesPerSecond: number): Clip {
  const nals = splitAnnexB(stream);
  const units = accessUnits(nals, codec);
  return { codec, framesPerSecond, units, parameterSets: firstParameterSets(nals, codec) };
}

/**
 * The NAL units of a byte stream, start codes and trailing zeros removed.
 * @see ITU-T H.264 annex B, H.265 annex B
 */
export function splitAnnexB(stream: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  let begin = nextStartCode(stream, 0);
  while (begin < stream.length) {
    const next = nextStartCode(stream, begin + 3);
    nals.push(withoutTrailingZeros(stream.subarray(begin + 3, next)));
    begin = next;
  }
  return nals;
}

function nextStartCode(stream: Buffer, from: number): number {
  const at = stream.indexOf('\x00\x00\x01', from, 'latin1');
  return at < 0 ? stream.length : at;
}

function withoutTrailingZeros(nal: Buffer): Buffer {
  let end = nal.length;
  while (end > 0 && nal[end - 1] === 0) end -= 1;
  return nal.subarray(0, end);
}

/** `nal_unit_type`. @see ITU-T H.264 table 7-1, H.265 table 7-1 */
export function nalType(nal: Buffer, codec: VideoCodec): number {
  const first = nal[0] ?? 0;
  return codec === 'h264' ? first & 0x1f : (first >> 1) & 0x3f;
}

function isSlice(nal: Buffer, codec: VideoCodec): boolean {
  const type = nalType(nal, codec);
  return codec === 'h264' ? type === 1 || type === 5 : type < 32;
}

function isKeySlice(nal: Buffer, codec: VideoCodec): boolean {
  const type = nalType(nal, codec);
  return codec === 'h264' ? type === 5 : type >= 16 && type <= 23;
}

/** `first_mb_in_slice` = 0 or `first_slice_segment_in_pic_flag`: either way the first bit after the header. */
function beginsPicture(nal: Buffer, codec: VideoCodec): boolean {
  return isSlice(nal, codec) && ((nal[codec === 'h264' ? 1 : 2] ?? 0) & 0x80) !== 0;
}

/** NAL units after a picture that already belong to the next one. */
function precedesPicture(nal: Buffer, codec: VideoCodec): boolean {
  const type = nalType(nal, codec);
  return codec === 'h264' ? type >= 6 && type <= 9 : (type >= 32 && type <= 35) || type === 39;
}

function accessUnits(nals: readonly Buffer[], codec: VideoCodec): ClipUnit[] {
  const groups: Buffer[][] = [];
  let current: Buffer[] = [];
  for (const nal of nals) {
    const pictureSeen = current.some((earlier) => isSlice(earlier, codec));
    if (pictureSeen && (beginsPicture(nal, codec) || precedesPicture(nal, codec))) {
      groups.push(current);
      current = [];
    }
    current.push(nal);
  }
  if (current.length > 0) groups.push(current);
  return groups.map((group, index) => ({
    index,
    nals: group,
    key: group.some((nal) => isKeySlice(nal, codec)),
  }));
}

function firstParameterSets(nals: readonly Buffer[], codec: VideoCodec): Buffer[] {
  const types = codec === 'h264' ? [7, 8] : [32, 33, 34];
  return types.flatMap((type) => nals.find((nal) => nalType(nal, codec) === type) ?? []);
}

/** What a camera that plays it sends, kbit/s. */
export function kbpsOf({ units, framesPerSecond }: Clip): number {
  const bytes = units.flatMap(({ nals }) => nals).reduce((sum, nal) => sum + nal.length, 0);
  return (bytes * 8 * framesPerSecond) / units.length / 1000;
}
