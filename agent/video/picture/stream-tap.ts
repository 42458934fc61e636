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

interface Counts {
  keyFrames: number;
  repeated: number;
  others: number;
  sizes: number[];
}

/** What the coded stream says between two looks, without decoding anything. */
export class StreamTap {
  readonly #codec: VideoCodec;
  #remembered: string[] = [];
  #lookedAt = '';
  #since = nothingYet();
  /** Since the first of the last key frames that all repeat one before. */
  #row = nothingYet();

  constructor(codec: VideoCodec) {
    this.#codec = codec;
  }

  unit(unit: AccessUnit): void {
    if (unit.damaged) return;
    if (unit.key) this.#key(unit);
    else this.#other(unit);
  }

  /** What came since the last look, and whether the last key frame is the one that was looked at then. */
  get numbers(): TapNumbers {
    const last = this.#last;
    const { keyFrames, repeated, others, sizes } = this.#since;
    return {
      keyFrames,
      repeatedKeyFrames: repeated,
      repeatedInARow: this.#row.repeated,
      bytesInARow: median(this.#row.sizes),
      otherFrames: others,
      otherBytes: median(sizes),
      sameAsBefore: last !== '' && last === this.#lookedAt,
    };
  }

  /** The last key frame is looked at. */
  looked(): void {
    this.#lookedAt = this.#last;
    this.#since = nothingYet();
  }

  get #last(): string {
    return this.#remembered.at(-1) ?? '';
  }

  #key(unit: AccessUnit): void {
    const print = this.#fingerprint(unit);
    const repeats = this.#remembered.includes(print);
    if (!repeats) this.#row = nothingYet();
    for (const counts of [this.#since, this.#row]) {
      counts.keyFrames += 1;
      if (repeats) counts.repeated += 1;
    }
    this.#remembered = [...this.#remembered, print].slice(-REMEMBERED);
  }

  #other(unit: AccessUnit): void {
    const size = this.#slices(unit).reduce((sum, nal) => sum + nal.length, 0);
    for (const counts of [this.#since, this.#row]) {
      counts.others += 1;
      if (counts.sizes.length < MAX_SIZES) counts.sizes.push(size);
      else counts.sizes[counts.others % MAX_SIZES] = size;
    }
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

function nothingYet(): Counts {
  return { keyFrames: 0, repeated: 0, others: 0, sizes: [] };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
