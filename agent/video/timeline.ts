import { BitReader, rbsp } from '../camera/codec/bits.ts';
import type { AccessUnit, VideoCodec } from '../camera/types.ts';
import { MAX_REORDER_DEPTH } from './fmp4/decode-times.ts';
import { TIMESCALE } from './fmp4/init-segment.ts';

/** A step above this is a jump, unless it is forward and the pictures were as long on the way. Source: guess. */
const MAX_STEP_TICKS = 10 * TIMESCALE;
/** A step forward above this is a jump in any case: a stream is given up long before. */
const MAX_WAITED_STEP_TICKS = 600 * TIMESCALE;
/** Pictures per second until they are measured, where the stream does not say. */
const DEFAULT_FRAMES_PER_SECOND = 25;
/** So few pictures do not yet show how far they are apart when they are reordered. */
const MIN_TIMES_TO_MEASURE = 4;
const TICKS_PER_MS = TIMESCALE / 1000;

export interface TimelineOptions {
  readonly codec: VideoCodec;
  /** RTP clock, Hz. */
  readonly clockRate: number;
  /** Presentation time of the first picture, in ticks. */
  readonly startTicks: (first: AccessUnit) => number;
}

/**
 * Presentation times of one stream on the timeline of the file. Steps that no camera means (back beyond reordering, the
 * same time twice, far ahead) are repaired, so that the timeline goes on, and counted.
 */
export class Timeline {
  readonly #options: TimelineOptions;
  /** Presentation times of the last pictures, in decoding order. */
  #recent: number[] = [];
  #newest = Number.NEGATIVE_INFINITY;
  #offset: number | undefined;
  #lastReceivedMs = 0;
  #frameTicks = TIMESCALE / DEFAULT_FRAMES_PER_SECOND;
  #depth = 0;
  #repairs = 0;

  constructor(options: TimelineOptions) {
    this.#options = options;
  }

  /** Most pictures held back for reordering, as the stream said or as was seen. */
  get depth(): number {
    return this.#depth;
  }

  /** Usual distance of two pictures, ticks. */
  get frameTicks(): number {
    return this.#frameTicks;
  }

  /** Time stamps repaired so far. */
  get repairs(): number {
    return this.#repairs;
  }

  /**
   * What the sequence parameter set says, at the start and when it changes.
   * @param depth undefined: what is seen decides
   */
  adopt(depth: number | undefined, framesPerSecond: number | undefined): void {
    this.#depth = depth ?? 0;
    this.#frameTicks = Math.round(TIMESCALE / Math.max(1, framesPerSecond ?? DEFAULT_FRAMES_PER_SECOND));
  }

  /** The presentation time of an access unit in ticks; call once per unit, in decoding order. */
  place(unit: AccessUnit): number {
    const raw = Math.round((unit.rtpTime * TIMESCALE) / this.#options.clockRate);
    this.#offset ??= this.#options.startTicks(unit) - raw;
    const pts = this.#repaired(raw + this.#offset, raw, unit);
    this.#remember(pts, unit);
    return pts;
  }

  #repaired(pts: number, raw: number, unit: AccessUnit): number {
    if (this.#recent.length === 0 || this.#plausible(pts, unit)) return pts;
    this.#repairs += 1;
    const waitedTicks = Math.min(this.#waitedTicks(unit), MAX_STEP_TICKS);
    const room = (this.#depth + 1) * this.#frameTicks; // pictures that are shown before this one may follow it
    const expected = this.#newest + Math.max(room, waitedTicks);
    this.#offset = expected - raw;
    return expected;
  }

  #plausible(pts: number, unit: AccessUnit): boolean {
    const step = pts - this.#newest;
    if (step > 0) {
      const waitedTicks = Math.min(2 * this.#waitedTicks(unit), MAX_WAITED_STEP_TICKS);
      return step <= Math.max(MAX_STEP_TICKS, waitedTicks);
    }
    // Nothing that was decoded before a key picture is shown after it.
    if (unit.key || step < -MAX_STEP_TICKS || pts < 0 || this.#recent.includes(pts)) return false;
    const heldBack = this.#recent.filter((other) => other > pts).length;
    if (heldBack <= this.#depth) return true;
    if (heldBack > MAX_REORDER_DEPTH || !isBidirectional(this.#options.codec, unit)) return false;
    this.#depth = heldBack;
    return true;
  }

  #waitedTicks(unit: AccessUnit): number {
    return Math.max(0, Math.round((unit.receivedMonotonicMs - this.#lastReceivedMs) * TICKS_PER_MS));
  }

  #remember(pts: number, unit: AccessUnit): void {
    this.#recent.push(pts);
    if (this.#recent.length > MAX_REORDER_DEPTH + 1) this.#recent.shift();
    // Most pictures are as far apart as usual, and there is nothing to measure.
    if (pts - this.#newest !== this.#frameTicks)
      this.#frameTicks = usualDistance(this.#recent) ?? this.#frameTicks;
    this.#newest = Math.max(this.#newest, pts);
    this.#lastReceivedMs = unit.receivedMonotonicMs;
  }
}

/** Median distance of the times in presentation order. */
function usualDistance(times: readonly number[]): number | undefined {
  if (times.length < MIN_TIMES_TO_MEASURE) return undefined;
  const sorted = times.toSorted((a, b) => a - b);
  const steps = sorted.slice(1).map((time, index) => time - (sorted[index] ?? time));
  return steps.sort((a, b) => a - b)[Math.floor((steps.length - 1) / 2)];
}

const SLICE_OF_ANY_PICTURE = 1;
const B_SLICE = 1;

/** Whether an H.264 picture has a B slice: only such a picture is shown before one decoded earlier. */
function isBidirectional(codec: VideoCodec, unit: AccessUnit): boolean {
  if (codec !== 'h264') return false;
  return unit.nals.some(
    (nal) => ((nal[0] ?? 0) & 0x1f) === SLICE_OF_ANY_PICTURE && sliceType(nal) === B_SLICE,
  );
}

/** @see ITU-T H.264 §7.3.3, table 7-6 */
function sliceType(nal: Buffer): number {
  const bits = new BitReader(rbsp(nal.subarray(0, 16), 1));
  bits.ue(); // first_mb_in_slice
  return bits.ue() % 5;
}
