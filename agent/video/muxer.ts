import { nalRules } from '../camera/codec/nal.ts';
import type { AccessUnit, VideoTrack } from '../camera/types.ts';
import type { Chunk } from './destination.ts';
import { fragmentHead, type ReferenceTime, type Sample } from './fmp4/fragment.ts';
import { initSegment, TIMESCALE } from './fmp4/init-segment.ts';
import type { MediaClock } from './media-clock.ts';
import { ParameterSetKeeper, type StreamSetup } from './parameter-sets.ts';
import { PicturesChunk } from './pictures-chunk.ts';
import { Timeline } from './timeline.ts';

/** Bounds of one fragment whatever `fragmentMs` says. Source: guess. */
const MAX_FRAGMENT_FRAMES = 128;
const MAX_FRAGMENT_BYTES = 8 * 1024 * 1024;
/**
 * Where the stream does not say how far it reorders, its first fragment waits for this many pictures, so that what
 * they show counts from the first one on. Source: two to three B pictures in a row is what cameras do.
 */
const FRAMES_TO_LEARN_DEPTH = 4;
const TICKS_PER_MS = TIMESCALE / 1000;

export interface MuxerNeeds {
  readonly clock: MediaClock;
}

export interface MuxerOptions {
  readonly track: VideoTrack;
  /** A fragment is about this long, and ends at each key frame. */
  readonly fragmentMs: number;
}

/** A picture that waits for the end of its fragment. */
interface Frame {
  readonly unit: AccessUnit;
  readonly pts: number;
  /** The initialisation segment, at a key frame. */
  readonly init: Buffer | undefined;
}

/** The frames of a fragment and the one after it: presentation and decode times. */
interface Plan {
  readonly pts: readonly number[];
  readonly decodeTimes: readonly number[];
}

/**
 * Access units of one stream to fragmented MP4. A fragment ends when the first picture after it is in, so that every
 * duration is exact and the timeline has neither gap nor overlap: a picture waits for its successor.
 */
export class Muxer {
  readonly #clock: MediaClock;
  readonly #options: MuxerOptions;
  readonly #timeline: Timeline;
  readonly #sets: ParameterSetKeeper;
  #setup: StreamSetup | undefined;
  #init: Buffer | undefined;
  #frames: Frame[] = [];
  #frameBytes = 0;
  #skipsLeading = false;
  #knowsDepth = false;

  constructor(needs: MuxerNeeds, options: MuxerOptions) {
    this.#clock = needs.clock;
    this.#options = options;
    const { codec, clockRate } = options.track;
    this.#sets = new ParameterSetKeeper(options.track);
    this.#timeline = new Timeline({ codec, clockRate, startTicks: (unit) => needs.clock.startTicks(unit) });
    needs.clock.decodeTimes.restart();
  }

  /** What the pictures are; undefined until the parameter sets are known. */
  get setup(): StreamSetup | undefined {
    return this.#sets.setup;
  }

  /** Time stamps of this stream that jumped and were repaired. */
  get timestampRepairs(): number {
    return this.#timeline.repairs;
  }

  /**
   * Takes an access unit. What cannot be decoded from the first key frame on goes nowhere.
   * @returns the fragment before this unit, when the unit shows that it is complete
   */
  push(unit: AccessUnit): Chunk | undefined {
    this.#sets.take(unit);
    const key = this.#isKey(unit);
    if (!this.#takes(unit, key)) return undefined;
    const depthBefore = this.#timeline.depth;
    if (key) this.#adoptSetup();
    const frame = { unit, pts: this.#timeline.place(unit), init: key ? this.#init : undefined };
    const plan = this.#plan(frame.pts, Math.max(depthBefore, this.#timeline.depth));
    const chunk = this.#endsBefore(frame, plan) ? this.#emit(plan) : undefined;
    unit.hold();
    this.#frames.push(frame);
    this.#frameBytes += unit.bytes.length;
    return chunk;
  }

  /** The last fragment, at the end of the stream; its last duration is a guess. */
  flush(): Chunk | undefined {
    if (this.#frames.length === 0) return undefined;
    const { depth, frameTicks } = this.#timeline;
    return this.#emit(this.#plan(newest(this.#frames) + frameTicks, depth));
  }

  /** A key picture of which the beginning is there. */
  #isKey(unit: AccessUnit): boolean {
    const rules = nalRules(this.#options.track.codec);
    return unit.key && unit.nals.some((nal) => rules.kind(nal) === 'slice' && rules.startsPicture(nal));
  }

  #takes(unit: AccessUnit, key: boolean): boolean {
    const { codec } = this.#options.track;
    if (!unit.nals.some((nal) => nalRules(codec).kind(nal) === 'slice')) return false;
    if (!this.#init) {
      this.#skipsLeading = true;
      return key && this.#sets.setup !== undefined;
    }
    if (key) this.#skipsLeading = false;
    return !(this.#skipsLeading && codec === 'h265' && unit.nals.some(isSkippedLeading));
  }

  /** The parameter sets in force become the initialisation segment. */
  #adoptSetup(): void {
    const { setup } = this.#sets;
    if (!setup || setup === this.#setup) return;
    this.#setup = setup;
    this.#init = initSegment(setup.sps, setup.sets);
    const { sps } = setup;
    this.#timeline.adopt(sps.reorderDepth, sps.codec === 'h264' ? sps.framesPerSecond : undefined);
    this.#knowsDepth = sps.reorderDepth !== undefined;
  }

  #plan(nextPts: number, depth: number): Plan {
    const pts = [...this.#frames.map((frame) => frame.pts), nextPts];
    return { pts, decodeTimes: this.#clock.decodeTimes.plan(pts, depth, this.#timeline.frameTicks) };
  }

  #endsBefore(next: Frame, { decodeTimes }: Plan): boolean {
    const count = this.#frames.length;
    if (count === 0) return false;
    if (next.init || count >= MAX_FRAGMENT_FRAMES || this.#frameBytes >= MAX_FRAGMENT_BYTES) return true;
    if (!this.#knowsDepth && count < FRAMES_TO_LEARN_DEPTH) return false;
    return (decodeTimes[count] ?? 0) - (decodeTimes[0] ?? 0) >= this.#options.fragmentMs * TICKS_PER_MS;
  }

  #emit({ pts, decodeTimes }: Plan): Chunk {
    const frames = this.#frames;
    this.#frames = [];
    this.#frameBytes = 0;
    this.#knowsDepth = true;
    this.#clock.decodeTimes.settle(pts, decodeTimes);
    this.#clock.shownUntil(newest(frames) + this.#timeline.frameTicks);
    const init = frames[0]?.init;
    const sequence = this.#clock.nextSequence();
    const decodeTime = decodeTimes[0] ?? 0;
    const reference = referenceTime(frames);
    const head = fragmentHead(init, {
      ...{ sequence, decodeTime, reference },
      samples: frames.map((frame, i) => toSample(frame, decodeTimes[i] ?? 0, decodeTimes[i + 1] ?? 0)),
    });
    const units = frames.map(({ unit }) => unit);
    return new PicturesChunk(
      {
        parts: [head, ...units.map(({ bytes }) => bytes)],
        key: init !== undefined,
        number: sequence,
        wallMs: reference.wallMs,
        durationMs: ((decodeTimes.at(-1) ?? decodeTime) - decodeTime) / TICKS_PER_MS,
      },
      units,
    );
  }
}

function newest(frames: readonly Frame[]): number {
  return Math.max(...frames.map(({ pts }) => pts));
}

/** Pictures that refer to what came before the first key picture. @see ITU-T H.265 table 7-1: RASL_N, RASL_R */
function isSkippedLeading(nal: Buffer): boolean {
  const type = ((nal[0] ?? 0) >> 1) & 0x3f;
  return type === 8 || type === 9;
}

function toSample(frame: Frame, decodeTime: number, nextDecodeTime: number): Sample {
  return {
    bytes: frame.unit.bytes.length,
    key: frame.init !== undefined,
    durationTicks: nextDecodeTime - decodeTime,
    compositionTicks: frame.pts - decodeTime,
  };
}

/** Wall time of the first picture: the camera's where it is known, else when it had come. */
function referenceTime([first]: readonly Frame[]): ReferenceTime {
  const mediaTime = first?.pts ?? 0;
  const captured = first?.unit.captureWallMs;
  if (captured !== undefined && captured >= 0) return { wallMs: captured, mediaTime, source: 'capture' };
  return { wallMs: first?.unit.receivedWallMs ?? 0, mediaTime, source: 'reception' };
}
