import { BitReader, rbsp } from './bits.ts';

/** What the box needs from a sequence parameter set of H.264. @see ITU-T H.264 §7.3.2.1.1 */
export interface Sps264 {
  readonly codec: 'h264';
  readonly profileIdc: number;
  /** The byte of constraint_set flags between profile and level. */
  readonly constraints: number;
  readonly levelIdc: number;
  /** 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Pixels after cropping. */
  readonly width: number;
  readonly height: number;
  /** Frames only: no fields, no macroblock-adaptive coding. */
  readonly progressive: boolean;
  /** Most pictures that come later in decoding order and are shown before; undefined when the stream does not say. */
  readonly reorderDepth: number | undefined;
  /** From the VUI, undefined when it does not say. */
  readonly framesPerSecond: number | undefined;
}

/** Profiles whose parameter set carries the chroma format. @see ITU-T H.264 §7.3.2.1.1 */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** Profiles for which constraint_set3_flag means intra only. @see ITU-T H.264 §A.2 */
const INTRA_PROFILES = new Set([44, 86, 100, 110, 122, 244]);
const EXTENDED_SAR = 255;

/** @returns undefined when the bytes are no sequence parameter set that makes sense */
export function parseSps264(nal: Buffer): Sps264 | undefined {
  const bits = new BitReader(rbsp(nal, 1));
  const [profileIdc, constraints, levelIdc] = [bits.u(8), bits.u(8), bits.u(8)];
  bits.ue();
  const chroma = readChroma(bits, profileIdc);
  bits.ue();
  const pocType = readPictureOrder(bits);
  bits.ue();
  bits.drop(1);
  const size = readSize(bits, chroma.chromaFormat);
  if (bits.overrun || pocType > 2 || chroma.chromaFormat > 3) return undefined;
  if (size.width < 16 || size.height < 16 || size.width > 16384 || size.height > 16384) return undefined;
  const vui = readVui(bits);
  const reorderDepth = neverReorders(profileIdc, constraints, pocType) ? 0 : vui.reorderDepth;
  const { framesPerSecond } = vui;
  return {
    codec: 'h264',
    profileIdc,
    constraints,
    levelIdc,
    ...chroma,
    ...size,
    reorderDepth,
    framesPerSecond,
  };
}

/** Baseline has no B slices; picture order type 2 is the decoding order; intra profiles have nothing to wait for. */
function neverReorders(profileIdc: number, constraints: number, pocType: number): boolean {
  const intraOnly = INTRA_PROFILES.has(profileIdc) && (constraints & 0x10) !== 0;
  return profileIdc === 66 || pocType === 2 || intraOnly;
}

function readChroma(bits: BitReader, profileIdc: number) {
  if (!HIGH_PROFILES.has(profileIdc)) return { chromaFormat: 1, bitDepthLuma: 8, bitDepthChroma: 8 };
  const chromaFormat = bits.ue();
  if (chromaFormat === 3) bits.drop(1);
  const [bitDepthLuma, bitDepthChroma] = [bits.ue() + 8, bits.ue() + 8];
  bits.drop(1);
  if (bits.flag()) skipScalingMatrix(bits, chromaFormat === 3 ? 12 : 8);
  return { chromaFormat, bitDepthLuma, bitDepthChroma };
}

function skipScalingMatrix(bits: BitReader, lists: number): void {
  for (let list = 0; list < lists; list += 1) {
    if (bits.flag()) skipScalingList(bits, list < 6 ? 16 : 64);
  }
}

/** @see ITU-T H.264 §7.3.2.1.1.1 */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let i = 0; i < size; i += 1) {
    const next = (last + bits.se() + 256) % 256;
    if (next === 0) return;
    last = next;
  }
}

function readPictureOrder(bits: BitReader): number {
  const pocType = bits.ue();
  if (pocType === 0) bits.ue();
  if (pocType !== 1) return pocType;
  bits.drop(1);
  bits.se();
  bits.se();
  const cycle = Math.min(bits.ue(), 255);
  for (let i = 0; i < cycle; i += 1) bits.se();
  return pocType;
}

function readSize(bits: BitReader, chromaFormat: number) {
  const [widthMbs, heightUnits] = [bits.ue() + 1, bits.ue() + 1];
  const progressive = bits.flag();
  if (!progressive) bits.drop(1);
  bits.drop(1);
  const fieldFactor = progressive ? 1 : 2;
  const crop = bits.flag()
    ? { left: bits.ue(), right: bits.ue(), top: bits.ue(), bottom: bits.ue() }
    : { left: 0, right: 0, top: 0, bottom: 0 };
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = (chromaFormat === 1 ? 2 : 1) * fieldFactor;
  return {
    width: widthMbs * 16 - unitX * (crop.left + crop.right),
    height: heightUnits * 16 * fieldFactor - unitY * (crop.top + crop.bottom),
    progressive,
  };
}

/** A damaged VUI loses only what stands in it. @see ITU-T H.264 §E.1.1 */
function readVui(bits: BitReader) {
  if (!bits.flag()) return { reorderDepth: undefined, framesPerSecond: undefined };
  if (bits.flag() && bits.u(8) === EXTENDED_SAR) bits.drop(32);
  if (bits.flag()) bits.drop(1);
  if (bits.flag()) {
    bits.drop(4);
    if (bits.flag()) bits.drop(24);
  }
  if (bits.flag()) {
    bits.ue();
    bits.ue();
  }
  const framesPerSecond = readTiming(bits);
  const nalHrd = skipHrd(bits);
  const vclHrd = skipHrd(bits);
  if (nalHrd || vclHrd) bits.drop(1);
  bits.drop(1);
  return { framesPerSecond, reorderDepth: readRestriction(bits) };
}

function readTiming(bits: BitReader): number | undefined {
  if (!bits.flag()) return undefined;
  const [unitsInTick, timeScale] = [bits.u(32), bits.u(32)];
  bits.drop(1);
  const fps = timeScale / (2 * unitsInTick);
  return !bits.overrun && fps > 0 && fps <= 1000 ? fps : undefined;
}

/** @see ITU-T H.264 §E.1.2 */
function skipHrd(bits: BitReader): boolean {
  if (!bits.flag()) return false;
  const count = Math.min(bits.ue() + 1, 32);
  bits.drop(8);
  for (let i = 0; i < count; i += 1) {
    bits.ue();
    bits.ue();
    bits.drop(1);
  }
  bits.drop(20);
  return true;
}

function readRestriction(bits: BitReader): number | undefined {
  if (!bits.flag()) return undefined;
  bits.drop(1);
  for (let i = 0; i < 4; i += 1) bits.ue();
  const reorderFrames = bits.ue();
  bits.ue();
  return bits.overrun || reorderFrames > 16 ? undefined : reorderFrames;
}
