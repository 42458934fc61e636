import { bestOffset, bestPart, likeness, lostCells, type Offset } from './match.ts';
import { landmarks, type Reference, type Sample } from './reference.ts';

/** How a look stands to what was learnt. */
export interface Comparison {
  /** 1: the same view; 0: nothing in common. */
  readonly likeness: number;
  /** The same at a coarse scale, which also a blurred picture keeps. */
  readonly coarseLikeness: number;
  /** Share of what the view is known by that is no longer there. */
  readonly lost: number;
  /** Edges where something is lost, against what was there. */
  readonly kept: number;
  /** Likeness of the part of the picture that fits best: something in front leaves a part as it was. */
  readonly bestPart: number;
  /** Where the view stands now, when it was found beside its place. */
  readonly offset: Offset | undefined;
}

/** More lost than this, and the view is looked for beside its place. */
const SEARCH_FROM = 0.2;
/** A view beside its place must fit this well, and so much better than in its place. Source: tuning photographs. */
const FOUND_LIKENESS = 0.45;
const BETTER_BY = 0.15;

export function compare({ view }: Sample, reference: Reference): Comparison {
  const inPlace = likeness(view.fine, reference.fine);
  const { lost, share } = lostCells(view.fine, reference.fine);
  return {
    likeness: inPlace,
    coarseLikeness: likeness(view.coarse, reference.coarse),
    lost: share,
    kept: keptIn(lost, view.strength, reference.strength),
    bestPart: bestPart(view.fine, reference.fine, landmarks(reference)),
    offset: share > SEARCH_FROM ? offsetOf(view, reference, inPlace) : undefined,
  };
}

function offsetOf(view: Sample['view'], reference: Reference, inPlace: number): Offset | undefined {
  const best = bestOffset(view.fine, reference.fine);
  return best.likeness >= FOUND_LIKENESS && best.likeness >= inPlace + BETTER_BY ? best.offset : undefined;
}

function keptIn(lost: readonly boolean[], now: Float32Array, before: Float32Array): number {
  let kept = 0;
  let had = 0;
  for (const [cell, isLost] of lost.entries()) {
    if (!isLost) continue;
    kept += now[cell] ?? 0;
    had += before[cell] ?? 0;
  }
  return had > 0 ? kept / had : 1;
}
