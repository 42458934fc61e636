import { BoxWriter } from './box-writer.ts';
import { TRACK_ID } from './init-segment.ts';

/** One sample of a fragment; times in units of `TIMESCALE`. */
export interface Sample {
  readonly bytes: number;
  readonly key: boolean;
  readonly durationTicks: number;
  /** Presentation minus decode time. */
  readonly compositionTicks: number;
}

/** What stands in `prft`: wall time of the picture whose presentation time is `mediaTime`. */
export interface ReferenceTime {
  readonly wallMs: number;
  readonly mediaTime: number;
  /** Where the wall time is from: the camera's own clock, or the box when the last packet came. */
  readonly source: 'capture' | 'reception';
}

export interface Fragment {
  readonly sequence: number;
  readonly decodeTime: number;
  readonly reference: ReferenceTime;
  readonly samples: readonly Sample[];
}

/** @see ISO/IEC 14496-12 §8.8.3.1: sample_depends_on, sample_is_non_sync_sample */
const KEY_SAMPLE_FLAGS = 0x02000000;
const OTHER_SAMPLE_FLAGS = 0x01010000;

/** @see ISO/IEC 14496-12 §8.8.7, default-base-is-moof */
const TFHD_FLAGS = 0x020000;
/** Data offset; duration, size, flags and composition offset per sample. @see ISO/IEC 14496-12 §8.8.8 */
const TRUN_FLAGS = 0x000001 | 0x000100 | 0x000200 | 0x000400 | 0x000800;

const FIXED_BYTES = 160;
const BYTES_PER_SAMPLE = 16;
const MDAT_HEADER_BYTES = 8;

/**
 * What stands before the pictures: `prft`, `moof` and the header of `mdat`, behind the initialisation segment where
 * there is one. The samples follow in order, each NAL unit behind its length.
 * @throws RangeError when the samples do not fit a 32-bit box: the caller bounds a fragment far below
 */
export function fragmentHead(init: Buffer | undefined, fragment: Fragment): Buffer {
  const dataBytes = fragment.samples.reduce((sum, sample) => sum + sample.bytes, 0);
  const to = new BoxWriter((init?.length ?? 0) + FIXED_BYTES + fragment.samples.length * BYTES_PER_SAMPLE);
  if (init) to.bytes(init);
  writePrft(to, fragment.reference);
  writeMoof(to, fragment);
  to.u32(MDAT_HEADER_BYTES + dataBytes);
  to.text('mdat');
  return to.finish();
}

function writeMoof(to: BoxWriter, fragment: Fragment): void {
  const start = to.length;
  let dataOffsetAt = 0;
  to.box('moof', () => {
    to.fullBox('mfhd', 0, 0, () => to.u32(fragment.sequence));
    to.box('traf', () => {
      to.fullBox('tfhd', 0, TFHD_FLAGS, () => to.u32(TRACK_ID));
      to.fullBox('tfdt', 1, 0, () => to.u64(BigInt(fragment.decodeTime)));
      to.fullBox('trun', 1, TRUN_FLAGS, () => {
        to.u32(fragment.samples.length);
        dataOffsetAt = to.length;
        to.u32(0); // data_offset, once the size is known
        for (const sample of fragment.samples) writeSample(to, sample);
      });
    });
  });
  to.patchU32(dataOffsetAt, to.length - start + MDAT_HEADER_BYTES);
}

function writeSample(to: BoxWriter, sample: Sample): void {
  to.u32(sample.durationTicks);
  to.u32(sample.bytes);
  to.u32(sample.key ? KEY_SAMPLE_FLAGS : OTHER_SAMPLE_FLAGS);
  to.i32(sample.compositionTicks);
}

/** From the NTP era of 1900 to 1970, seconds. @see RFC 5905 §6 */
const NTP_UNIX_SECONDS = 2_208_988_800n;

/**
 * What the wall time means: 24, real time of the scene but for a small constant offset, which is what RTCP sender
 * reports give; 1, the picture left the encoder, which is the nearest to the arrival of its last packet.
 * @see ISO/IEC 14496-12:2022 §8.16.5.3
 */
const REFERENCE_FLAGS = { capture: 24, reception: 1 };

function writePrft(to: BoxWriter, reference: ReferenceTime): void {
  to.fullBox('prft', 1, REFERENCE_FLAGS[reference.source], () => {
    to.u32(TRACK_ID);
    to.u64(ntpTime(reference.wallMs));
    to.u64(BigInt(reference.mediaTime));
  });
}

/** 32 bits of seconds since 1900, 32 bits of fraction; the era wraps in 2036 as NTP does. */
function ntpTime(wallMs: number): bigint {
  const microseconds = BigInt(Math.round(wallMs * 1000));
  const seconds = microseconds / 1_000_000n + NTP_UNIX_SECONDS;
  const fraction = ((microseconds % 1_000_000n) << 32n) / 1_000_000n;
  return BigInt.asUintN(64, (seconds << 32n) | fraction);
}
