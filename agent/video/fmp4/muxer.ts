import type { Chunk } from '../destination.ts';
import type { Framer } from '../framer.ts';
import type { MediaClock } from '../media-clock.ts';
import type { StreamSetup } from '../parameter-sets.ts';
import type { Picture } from '../picture.ts';
import { PicturesChunk } from '../pictures-chunk.ts';
import { fragmentHead, type ReferenceTime, type Sample } from './fragment.ts';
import { initSegment, TIMESCALE } from './init-segment.ts';

/**
 * Bounds of one fragment whatever `fragmentMs` says; a single picture may be larger. Two fit the least credit of a
 * destination, but for what surrounds them. Source: guess.
 */
const MAX_FRAGMENT_FRAMES = 128;
const MAX_FRAGMENT_BYTES = 1024 * 1024 - 64 * 1024;
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
  /** A fragment is about this long, and ends at each key frame. */
  readonly fragmentMs: number;
}

/** The frames of a fragment and the one after it: presentation and decode times. */
interface Plan {
  readonly pts: readonly number[];
  readonly decodeTimes: readonly number[];
}

/**
 * Pictures of one stream to fragmented MP4. A fragment ends when the first picture after it is in, so that every
 * duration is exact and the timeline has neither gap nor overlap: a picture waits for its successor.
 */
export class Muxer implements Framer {
  readonly #clock: MediaClock;
  readonly #options: MuxerOptions;
  #setup: StreamSetup | undefined;
  #init: Buffer | undefined;
  #pictures: Picture[] = [];
  #bytes = 0;
  #knowsDepth = false;

  constructor(needs: MuxerNeeds, options: MuxerOptions) {
    this.#clock = needs.clock;
    this.#options = options;
    needs.clock.decodeTimes.restart();
  }

  push(picture: Picture): Chunk | undefined {
    const chunk = this.#isWithin(picture) ? undefined : this.#endedBefore(picture);
    if (picture.key) this.#adoptSetup(picture); // after the fragment before it, which has its own
    picture.hold();
    this.#pictures.push(picture);
    this.#bytes += picture.bytes;
    return chunk;
  }

  /** Where nothing is reordered, what is shown next is soon seen to be of the same fragment: most pictures are. */
  #isWithin(picture: Picture): boolean {
    const { key, depth, pts } = picture;
    const [first] = this.#pictures;
    if (!first || key || depth > 0 || !this.#knowsDepth || this.#isFullFor(picture)) return false;
    return pts - first.pts < this.#options.fragmentMs * TICKS_PER_MS - this.#pictures.length;
  }

  #endedBefore(picture: Picture): Chunk | undefined {
    const plan = this.#plan(picture.pts, picture.depth, picture.frameTicks);
    return this.#endsBefore(picture, plan) ? this.#emit(plan) : undefined;
  }

  #isFullFor({ bytes }: Picture): boolean {
    return this.#pictures.length >= MAX_FRAGMENT_FRAMES || this.#bytes + bytes > MAX_FRAGMENT_BYTES;
  }

  /** The last duration is a guess. */
  flush(): Chunk | undefined {
    const last = this.#pictures.at(-1);
    if (!last) return undefined;
    const nextPts = Math.max(...this.#pictures.map(({ pts }) => pts)) + last.frameTicks;
    return this.#emit(this.#plan(nextPts, last.depth, last.frameTicks));
  }

  /** The parameter sets in force become the initialisation segment. */
  #adoptSetup({ setup, depthKnown }: Picture): void {
    if (setup === this.#setup) return;
    this.#setup = setup;
    this.#init = initSegment(setup.sps, setup.sets);
    this.#knowsDepth = depthKnown;
  }

  #plan(nextPts: number, depth: number, frameTicks: number): Plan {
    const pts = this.#pictures.map((picture) => picture.pts);
    pts.push(nextPts);
    return { pts, decodeTimes: this.#clock.decodeTimes.plan(pts, depth, frameTicks) };
  }

  #endsBefore(next: Picture, { decodeTimes }: Plan): boolean {
    const count = this.#pictures.length;
    if (count === 0) return false;
    if (next.key || this.#isFullFor(next)) return true;
    if (!this.#knowsDepth && count < FRAMES_TO_LEARN_DEPTH) return false;
    return (decodeTimes[count] ?? 0) - (decodeTimes[0] ?? 0) >= this.#options.fragmentMs * TICKS_PER_MS;
  }

  #emit({ pts, decodeTimes }: Plan): Chunk {
    const pictures = this.#pictures;
    this.#pictures = [];
    this.#bytes = 0;
    this.#knowsDepth = true;
    this.#clock.decodeTimes.settle(pts, decodeTimes);
    const key = pictures[0]?.key ?? false;
    const sequence = this.#clock.nextSequence();
    const decodeTime = decodeTimes[0] ?? 0;
    const reference = referenceTime(pictures);
    const head = fragmentHead(key ? this.#init : undefined, {
      ...{ sequence, decodeTime, reference },
      samples: pictures.map((one, i) => toSample(one, decodeTimes[i] ?? 0, decodeTimes[i + 1] ?? 0)),
    });
    return new PicturesChunk(
      {
        parts: [head, ...pictures.map(({ unit }) => unit.bytes)],
        key,
        number: sequence,
        wallMs: reference.wallMs,
        boxWallMs: pictures[0]?.unit.receivedWallMs ?? 0,
        boxMonotonicMs: pictures[0]?.unit.receivedMonotonicMs ?? 0,
        durationMs: ((decodeTimes.at(-1) ?? decodeTime) - decodeTime) / TICKS_PER_MS,
      },
      pictures,
    );
  }
}

function toSample(picture: Picture, decodeTime: number, nextDecodeTime: number): Sample {
  return {
    bytes: picture.bytes,
    key: picture.key,
    durationTicks: nextDecodeTime - decodeTime,
    compositionTicks: picture.pts - decodeTime,
  };
}

/** Wall time of the first picture: the camera's where it is known, else when it had come. */
function referenceTime([first]: readonly Picture[]): ReferenceTime {
  const mediaTime = first?.pts ?? 0;
  const captured = first?.unit.captureWallMs;
  if (captured !== undefined && captured >= 0) return { wallMs: captured, mediaTime, source: 'capture' };
  return { wallMs: first?.unit.receivedWallMs ?? 0, mediaTime, source: 'reception' };
}
