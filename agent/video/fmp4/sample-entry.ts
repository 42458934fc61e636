import type { Sps } from '../../camera/codec/sps.ts';
import type { Sps264 } from '../../camera/codec/sps264.ts';
import type { Sps265 } from '../../camera/codec/sps265.ts';
import type { BoxWriter } from './box-writer.ts';

/** Every parameter set of the stream, without start codes. */
export interface CodecSets {
  /** Empty for H.264. */
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
}

/** Length prefix of a NAL unit in a sample, bytes. */
const NAL_LENGTH_BYTES = 4;

/**
 * A sample entry `avc3` with `avcC`. Not `avc1`: that forbids parameter sets inside samples, and NAL units are
 * passed on byte for byte with those that the camera repeats in band.
 * @see ISO/IEC 14496-15 §5.3.3, §5.4.2
 */
export function writeAvcSampleEntry(to: BoxWriter, video: Sps264, sets: CodecSets): void {
  to.box('avc3', () => {
    writeVisualSampleEntry(to, video);
    to.box('avcC', () => writeAvcConfiguration(to, video, sets));
  });
}

/** Profiles whose configuration record carries chroma format and bit depths. @see ISO/IEC 14496-15 §5.3.3.1.2 */
const HIGH_PROFILES: readonly number[] = [100, 110, 122, 144, 244, 44];

function writeAvcConfiguration(to: BoxWriter, video: Sps264, sets: CodecSets): void {
  to.u8(1);
  to.u8(video.profileIdc);
  to.u8(video.constraints);
  to.u8(video.levelIdc);
  to.u8(0b111111_00 | (NAL_LENGTH_BYTES - 1));
  to.u8(0b111_00000 | sets.sps.length);
  writeSets(to, sets.sps);
  to.u8(sets.pps.length);
  writeSets(to, sets.pps);
  if (!HIGH_PROFILES.includes(video.profileIdc)) return;
  writeChroma(to, video);
  to.u8(0); // no sequence parameter set extension
}

/** Chroma format and bit depths, as both configuration records have them. */
function writeChroma(to: BoxWriter, video: Sps): void {
  to.u8(0b111111_00 | video.chromaFormat);
  to.u8(0b11111_000 | ((video.bitDepthLuma - 8) & 7));
  to.u8(0b11111_000 | ((video.bitDepthChroma - 8) & 7));
}

/**
 * A sample entry `hev1` with `hvcC`; `hvc1` forbids parameter sets inside samples.
 * @see ISO/IEC 14496-15 §8.3.3, §8.4.1
 */
export function writeHevcSampleEntry(to: BoxWriter, video: Sps265, sets: CodecSets): void {
  to.box('hev1', () => {
    writeVisualSampleEntry(to, video);
    to.box('hvcC', () => writeHevcConfiguration(to, video, sets));
  });
}

const HEVC_NAL_TYPES = { vps: 32, sps: 33, pps: 34 };

function writeHevcConfiguration(to: BoxWriter, video: Sps265, sets: CodecSets): void {
  to.u8(1);
  to.bytes(video.profileTierLevel);
  to.u16(0xf000); // min_spatial_segmentation_idc: unknown
  to.u8(0b111111_00); // parallelismType: unknown
  writeChroma(to, video);
  to.u16(0); // avgFrameRate: unspecified
  to.u8((video.temporalLayers << 3) | (video.temporalIdNested ? 4 : 0) | (NAL_LENGTH_BYTES - 1));
  const arrays = [
    [HEVC_NAL_TYPES.vps, sets.vps],
    [HEVC_NAL_TYPES.sps, sets.sps],
    [HEVC_NAL_TYPES.pps, sets.pps],
  ] as const;
  to.u8(arrays.length);
  for (const [type, nals] of arrays) {
    to.u8(type); // array_completeness 0: more may stand in the samples
    to.u16(nals.length);
    writeSets(to, nals);
  }
}

function writeSets(to: BoxWriter, nals: readonly Buffer[]): void {
  for (const nal of nals) {
    to.u16(nal.length);
    to.bytes(nal);
  }
}

/** @see ISO/IEC 14496-12 §12.1.3 */
function writeVisualSampleEntry(to: BoxWriter, video: Sps): void {
  to.zeros(6);
  to.u16(1); // data_reference_index
  to.zeros(16);
  to.u16(video.width);
  to.u16(video.height);
  to.u32(0x00480000); // 72 dpi
  to.u32(0x00480000);
  to.u32(0);
  to.u16(1); // frame_count
  to.zeros(32); // compressorname
  to.u16(0x0018); // depth: colour without alpha
  to.u16(0xffff); // pre_defined
}
