import type { PictureNumbers, StreamNumbers } from '../../contract/picture.ts';
import { firstFocus, type LearntFocus, learnFocus } from './focus.ts';
import { firstPattern, type LearntPattern, learn, powerOf, steadiness } from './learnt-pattern.ts';
import type { View } from './view.ts';

/** What a camera shows when all is well, in one light: numbers, from which no picture can be made. */
export interface Reference {
  /** Pictures that it was learnt from. */
  readonly looks: number;
  readonly fine: LearntPattern;
  readonly coarse: LearntPattern;
  /** Strength of the edges of the fine cells, levels per pixel. */
  readonly strength: Float32Array;
  readonly focus: LearntFocus;
  readonly noise: number;
  readonly white: number;
  readonly high: number;
  /** Levels between the darkest and the lightest twentieth. */
  readonly range: number;
  /** Mean distance of the colour from grey. */
  readonly chroma: number;
  /** The least that a picture differed from the one before it, levels. */
  readonly leastChange: number;
  /** The smallest frames between key frames. */
  readonly leastBytes: number;
}

/** A look that may be learnt from. */
export interface Sample {
  readonly view: View;
  readonly numbers: PictureNumbers;
  readonly stream: StreamNumbers;
}

export function firstReference(sample: Sample): Reference {
  const { view } = sample;
  return {
    looks: 1,
    fine: firstPattern(view.fine),
    coarse: firstPattern(view.coarse),
    strength: view.strength.slice(),
    focus: firstFocus(sample.numbers.rises),
    ...scalarsOf(sample),
  };
}

/** @param leastShare the least that a new look counts for: 1/n of all while fewer than n were learnt from */
export function learnReference(reference: Reference, sample: Sample, leastShare: number): Reference {
  const share = Math.max(leastShare, 1 / (reference.looks + 1));
  const mixed = (before: number, now: number) => before + share * (now - before);
  const { view } = sample;
  return {
    ...learnLevels(reference, sample, leastShare),
    looks: reference.looks + 1,
    fine: learn(reference.fine, view.fine, share),
    coarse: learn(reference.coarse, view.coarse, share),
    strength: reference.strength.map((value, cell) => mixed(value, view.strength[cell] ?? 0)),
    focus: learnFocus(reference.focus, sample.numbers.rises, share),
  };
}

/** Learns what a picture is like as a whole, and nothing of what stands where. */
export function learnLevels(reference: Reference, sample: Sample, leastShare: number): Reference {
  const share = Math.max(leastShare, 1 / (reference.looks + 1));
  const mixed = (before: number, now: number) => before + share * (now - before);
  const now = scalarsOf(sample);
  return {
    ...reference,
    noise: mixed(reference.noise, now.noise),
    white: mixed(reference.white, now.white),
    high: mixed(reference.high, now.high),
    range: mixed(reference.range, now.range),
    chroma: mixed(reference.chroma, now.chroma),
    leastChange: quietest(reference.leastChange, now.leastChange, share),
    leastBytes: quietest(reference.leastBytes, now.leastBytes, share),
  };
}

type Scalars = Omit<Reference, 'looks' | 'fine' | 'coarse' | 'strength' | 'focus'>;

function scalarsOf({ numbers, stream }: Sample): Scalars {
  const { noise, white, low, high, chroma, change } = numbers;
  return {
    ...{ noise, white, high, chroma, range: high - low },
    leastChange: change?.pixels ?? UNKNOWN,
    leastBytes: stream.otherFrames > 0 ? stream.otherBytes : UNKNOWN,
  };
}

const UNKNOWN = 1e6;
/** Quiet is learnt slowly, so that a frozen picture is not; it is forgotten more slowly still. Source: guess. */
const QUIETER = 0.03;
const LIVELIER = 0.002;

function quietest(before: number, now: number, share: number): number {
  if (now === UNKNOWN || before === UNKNOWN) return Math.min(before, now);
  return before + (now < before ? Math.max(QUIETER, share) : LIVELIER) * (now - before);
}

const STEADY = 0.5;
const CLEAR = 0.05;

/** Cells by which the view can be known again. */
export function landmarks(learnt: LearntPattern): boolean[] {
  const steady = steadiness(learnt);
  return Array.from(powerOf(learnt), (power, cell) => power >= CLEAR && (steady[cell] ?? 0) >= STEADY);
}
