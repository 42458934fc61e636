import type { VideoCodec } from '../types.ts';

/**
 * What a NAL unit is for the assembly of access units:
 * `slice` coded picture data; `vps`, `sps`, `pps` parameter sets; `leading` anything else that opens the access unit
 * after it (delimiter, SEI, …); `trailing` anything else that belongs to the picture before it.
 */
type NalKind = 'slice' | 'vps' | 'sps' | 'pps' | 'leading' | 'trailing';

/** What the rest of the room needs to know of a codec's NAL units; `at` is where one begins in the bytes, 0 when left out. */
export interface NalRules {
  readonly headerBytes: number;
  kind(nal: Buffer, at?: number): NalKind;
  /** A slice of a picture at which decoding can start: IDR (H.264), IRAP (H.265). */
  isKey(nal: Buffer, at?: number): boolean;
  /** The first slice of its picture; only meaningful for slices. */
  startsPicture(nal: Buffer, at?: number): boolean;
}

/** @see ITU-T H.264 table 7-1, §7.4.1.2.3 */
const h264Kinds: Readonly<Record<number, NalKind>> = {
  1: 'slice',
  2: 'slice',
  3: 'slice',
  4: 'slice',
  5: 'slice',
  6: 'leading',
  7: 'sps',
  8: 'pps',
  9: 'leading',
  14: 'leading',
  15: 'leading',
  16: 'leading',
  17: 'leading',
  18: 'leading',
};

const h264: NalRules = {
  headerBytes: 1,
  kind: (nal, at = 0) => h264Kinds[nalType264(nal, at)] ?? 'trailing',
  isKey: (nal, at = 0) => nalType264(nal, at) === 5,
  // first_mb_in_slice is the exp-Golomb code for 0: a single 1 bit. Partitions B and C never begin a picture.
  startsPicture: (nal, at = 0) =>
    nalType264(nal, at) !== 3 && nalType264(nal, at) !== 4 && ((nal[at + 1] ?? 0) & 0x80) !== 0,
};

const h265: NalRules = {
  headerBytes: 2,
  kind: (nal, at = 0) => h265Kind(nalType265(nal, at)),
  isKey: (nal, at = 0) => nalType265(nal, at) >= 16 && nalType265(nal, at) <= 23,
  // first_slice_segment_in_pic_flag
  startsPicture: (nal, at = 0) => ((nal[at + 2] ?? 0) & 0x80) !== 0,
};

/** @see ITU-T H.265 table 7-1, §7.4.2.4.4 */
function h265Kind(type: number): NalKind {
  if (type < 32) return 'slice';
  if (type === 32) return 'vps';
  if (type === 33) return 'sps';
  if (type === 34) return 'pps';
  const isLeading = type === 35 || type === 39 || (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
  return isLeading ? 'leading' : 'trailing';
}

export function nalRules(codec: VideoCodec): NalRules {
  return codec === 'h264' ? h264 : h265;
}

function nalType264(nal: Buffer, at: number): number {
  return (nal[at] ?? 0) & 0x1f;
}

function nalType265(nal: Buffer, at: number): number {
  return ((nal[at] ?? 0) >> 1) & 0x3f;
}
