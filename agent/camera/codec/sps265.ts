import { BitReader, rbsp } from './bits.ts';

/** What the box needs from a sequence parameter set of H.265. @see ITU-T H.265 §7.3.2.2.1 */
export interface Sps265 {
  readonly codec: 'h265';
  /**
   * The 12 bytes of profile, tier and level as an hvcC box carries them: profile space, tier and profile (1),
   * compatibility flags (4), constraint flags (6), level (1). @see ISO/IEC 14496-15 §8.3.3.1
   */
  readonly profileTierLevel: Buffer;
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly temporalLayers: number;
  readonly temporalIdNested: boolean;
  /** Pixels inside the conformance window. */
  readonly width: number;
  readonly height: number;
  /** Most pictures that come later in decoding order and are shown before. */
  readonly reorderDepth: number | undefined;
}

/** Bytes before profile_tier_level's end in the RBSP: one of ids and layers, twelve of profile and level. */
const PROFILE_START = 1;
const PROFILE_BYTES = 12;

/** @returns undefined when the bytes are no sequence parameter set that makes sense */
export function parseSps265(nal: Buffer): Sps265 | undefined {
  const bytes = rbsp(nal, 2);
  const bits = new BitReader(bytes);
  bits.drop(4);
  const subLayersMinus1 = bits.u(3);
  const temporalIdNested = bits.flag();
  skipProfileTierLevel(bits, subLayersMinus1);
  bits.ue();
  const chromaFormat = bits.ue();
  if (chromaFormat === 3) bits.drop(1);
  const size = readSize(bits, chromaFormat);
  const [bitDepthLuma, bitDepthChroma] = [bits.ue() + 8, bits.ue() + 8];
  if (bits.overrun || chromaFormat > 3 || bitDepthLuma > 16 || bitDepthChroma > 16) return undefined;
  if (size.width < 8 || size.height < 8 || size.width > 16384 || size.height > 16384) return undefined;
  return {
    codec: 'h265',
    profileTierLevel: Buffer.from(bytes.subarray(PROFILE_START, PROFILE_START + PROFILE_BYTES)),
    chromaFormat,
    bitDepthLuma,
    bitDepthChroma,
    temporalLayers: subLayersMinus1 + 1,
    temporalIdNested,
    ...size,
    reorderDepth: readReorderDepth(bits, subLayersMinus1),
  };
}

/** @see ITU-T H.265 §7.3.3 */
function skipProfileTierLevel(bits: BitReader, subLayersMinus1: number): void {
  bits.drop(PROFILE_BYTES * 8);
  const present: { profile: boolean; level: boolean }[] = [];
  for (let i = 0; i < subLayersMinus1; i += 1) present.push({ profile: bits.flag(), level: bits.flag() });
  if (subLayersMinus1 > 0) bits.drop(2 * (8 - subLayersMinus1));
  for (const { profile, level } of present) bits.drop((profile ? 88 : 0) + (level ? 8 : 0));
}

function readSize(bits: BitReader, chromaFormat: number): { width: number; height: number } {
  const [codedWidth, codedHeight] = [bits.ue(), bits.ue()];
  if (!bits.flag()) return { width: codedWidth, height: codedHeight };
  const [left, right, top, bottom] = [bits.ue(), bits.ue(), bits.ue(), bits.ue()];
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = chromaFormat === 1 ? 2 : 1;
  return { width: codedWidth - unitX * (left + right), height: codedHeight - unitY * (top + bottom) };
}

/** The value of the highest sub-layer. */
function readReorderDepth(bits: BitReader, subLayersMinus1: number): number | undefined {
  bits.ue();
  const perLayer = bits.flag();
  let depth = 0;
  for (let layer = perLayer ? 0 : subLayersMinus1; layer <= subLayersMinus1; layer += 1) {
    bits.ue();
    depth = bits.ue();
    bits.ue();
  }
  return bits.overrun || depth > 16 ? undefined : depth;
}
