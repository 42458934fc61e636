import { type LearntPattern, powerOf, steadiness } from './learnt-pattern.ts';
import type { DIRECTIONS, Pattern } from './view.ts';

/**
 * What all parts of a view have in common: the blades of a meadow, the planks of a floor, the ripples of water. It fits
 * wherever the camera looks, and so says nothing of where it does.
 */
export type Grain = Readonly<Record<(typeof DIRECTIONS)[number], number>>;

/** A cell with this power has half of the grain in it; a plain one has none. */
const GRAINY = 0.05;

export function grainOf(learnt: LearntPattern): Grain {
  const steady = steadiness(learnt);
  const weights = powerOf(learnt).map((power, cell) => (steady[cell] ?? 0) * shareOf(power));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (values: Float32Array) =>
    all > 0 ? values.reduce((sum, value, cell) => sum + value * (weights[cell] ?? 0), 0) / all : 0;
  return { along: mean(learnt.along), across: mean(learnt.across), more: mean(learnt.more) };
}

/** What a pattern shows beside the grain. */
export function withoutGrain(pattern: Pattern, grain: Grain): Pattern {
  const shares = powerOf(pattern).map(shareOf);
  const less = (key: keyof Grain) =>
    pattern[key].map((value, cell) => value - grain[key] * (shares[cell] ?? 0));
  const { columns, rows } = pattern;
  return { columns, rows, along: less('along'), across: less('across'), more: less('more') };
}

/** The same of what was learnt; how much each cell wandered stays. */
export function learntWithoutGrain(learnt: LearntPattern, grain: Grain): LearntPattern {
  const rest = withoutGrain(learnt, grain);
  const [before, after] = [powerOf(learnt), powerOf(rest)];
  const power = learnt.power.map((all, cell) => (after[cell] ?? 0) + Math.max(0, all - (before[cell] ?? 0)));
  return { ...rest, power };
}

function shareOf(power: number): number {
  return power / (power + GRAINY);
}
