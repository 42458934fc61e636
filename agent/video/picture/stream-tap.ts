import { nalRules } from '../../camera/codec/nal.ts';
import type { AccessUnit, VideoCodec } from '../../camera/types.ts';
import type { StreamNumbers } from '../../contract/picture.ts';

/** An encoder numbers key frames in turn: the same picture has the same bytes only some key frames later. */
const REMEMBERED = 4;
/** The end of a slice is held against another one's in so many samples. */
const SAMPLES = 16;
const SAMPLE_BYTES = 24;
/** So many sizes are enough for a median. */
const MAX_SIZES = 256;

/** What can be said without the parameter sets. */
export type TapNumbers = Omit<StreamNumbers, 'width' | 'height'>;

/** What the coded stream says between two looks, without decoding anything. */
export class StreamTap {
  readonly #codec: VideoCodec;
  #remembered: string[] = [];
  #lookedAt = '';
  #sizes: number[] = [];
  #keyFrames = 0;
  #repeated = 0;
  #others = 0;

  constructor(codec: VideoCodec) {
    this.#codec = codec;
  }

  unit(unit: AccessUnit): void {
    if (unit.damaged) return;
    if (unit.key) this.#key(unit);
    else this.#other(unit);
  }

  /** What came since this was called last, and whether the last key frame is the one that was looked at then. */
  take(): TapNumbers {
    const last = this.#remembered.at(-1) ?? '';
    const numbers = {
      keyFrames: this.#keyFrames,
      repeatedKeyFrames: this.#repeated,
      otherFrames: this.#others,
      otherBytes: median(this.#sizes),
      sameAsBefore: last !== '' && last === this.#lookedAt,
    };
    this.#lookedAt = last;
    this.#sizes = [];
    this.#keyFrames = 0;
    this.#repeated = 0;
    this.#others = 0;
    return numbers;
  }

  #key(unit: AccessUnit): void {
    const print = this.#fingerprint(unit);
    this.#keyFrames += 1;
    if (this.#remembered.includes(print)) this.#repeated += 1;
    this.#remembered = [...this.#remembered, print].slice(-REMEMBERED);
  }

  #other(unit: AccessUnit): void {
    this.#others += 1;
    const size = this.#slices(unit).reduce((sum, nal) => sum + nal.length, 0);
    if (this.#sizes.length < MAX_SIZES) this.#sizes.push(size);
    else this.#sizes[this.#others % MAX_SIZES] = size;
  }

  /** Samples counted from the end of each slice: its header may be of another length each time. */
  #fingerprint(unit: AccessUnit): string {
    return this.#slices(unit).map(samplesOf).join();
  }

  #slices({ nals }: AccessUnit): Buffer[] {
    const { kind } = nalRules(this.#codec);
    return nals.filter((nal) => kind(nal) === 'slice');
  }
}

function samplesOf(nal: Buffer): string {
  const step = Math.max(SAMPLE_BYTES, Math.floor(nal.length / SAMPLES));
  const samples: string[] = [];
  for (let end = nal.length; end > SAMPLE_BYTES && samples.length < SAMPLES; end -= step) {
    samples.push(nal.toString('latin1', Math.max(SAMPLE_BYTES / 2, end - SAMPLE_BYTES), end));
  }
  return samples.join('');
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
