import { COARSE_GRID, FINE_GRID } from '../../contract/picture-grids.ts';
import { grainOf, learntWithoutGrain, withoutGrain } from './grain.ts';
import type { LearntPattern } from './learnt-pattern.ts';
import { bestOffset, bestPart, likeness, lostCells, type Offset } from './match.ts';
import { landmarks, type Reference, type Sample } from './reference.ts';
import type { Pattern } from './view.ts';

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
  /** Squares in which nothing is left of the view, and a sharp edge of something else is: what covers is too near for that. */
  readonly sharpElse: number;
  /** Where the view stands now, when it was found beside its place. */
  readonly offset: Offset | undefined;
}

/** More lost than this, and the view is looked for beside its place. */
const SEARCH_FROM = 0.2;
/** A view beside its place must fit this well, and so much better than in its place. Source: tuning photographs. */
const FOUND_LIKENESS = 0.45;
const BETTER_BY = 0.15;

/** What has the same grain everywhere fits wherever it stands: views are held against each other without it. */
export function compare({ view, numbers }: Sample, reference: Reference): Comparison {
  const grain = grainOf(reference.fine);
  const now = withoutGrain(view.fine, grain);
  const learnt = learntWithoutGrain(reference.fine, grain);
  const inPlace = likeness(now, learnt);
  const { lost, share } = lostCells(now, learnt);
  return {
    likeness: inPlace,
    coarseLikeness: likeness(view.coarse, reference.coarse),
    lost: share,
    kept: keptIn(lost, view.strength, reference.strength),
    bestPart: bestPart(now, learnt, landmarks(learnt)),
    sharpElse: sharpWhere(lost, numbers.rises),
    offset: share > SEARCH_FROM ? offsetOf(now, learnt, inPlace) : undefined,
  };
}

function offsetOf(now: Pattern, learnt: LearntPattern, inPlace: number): Offset | undefined {
  const best = bestOffset(now, learnt);
  return best.likeness >= FOUND_LIKENESS && best.likeness >= inPlace + BETTER_BY ? best.offset : undefined;
}

/** Tenths of a pixel, as the numbers count. */
const SHARP_RISE = 40;

function sharpWhere(lost: readonly boolean[], rises: readonly number[]): number {
  return rises.filter((rise, square) => rise > 0 && rise <= SHARP_RISE && isAllLost(lost, square)).length;
}

/** A square of the coarse grid is four cells of the fine one. */
function isAllLost(lost: readonly boolean[], square: number): boolean {
  const { columns } = FINE_GRID;
  const first = 2 * columns * Math.floor(square / COARSE_GRID.columns) + 2 * (square % COARSE_GRID.columns);
  return [first, first + 1, first + columns, first + columns + 1].every((cell) => lost[cell]);
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
