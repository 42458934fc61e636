import { DIRECTIONS, type Pattern } from './view.ts';

/** The mean of the patterns that were taken for normal, and how steady each cell was. */
export interface LearntPattern extends Pattern {
  /** Mean square of the length of each cell's three numbers. */
  readonly power: Float32Array;
}

/** Below this power a cell is plain. Source: measured on photographs with sensor noise. */
const PLAIN = 0.01;

export function firstPattern(pattern: Pattern): LearntPattern {
  const { columns, rows, along, across, more } = pattern;
  return {
    columns,
    rows,
    along: along.slice(),
    across: across.slice(),
    more: more.slice(),
    power: powerOf(pattern),
  };
}

/** The mean with another pattern in it, which counts for `share` of it. */
export function learn(learnt: LearntPattern, pattern: Pattern, share: number): LearntPattern {
  const mixed = (a: Float32Array, b: Float32Array) =>
    a.map((value, cell) => value + share * ((b[cell] ?? 0) - value));
  return {
    columns: learnt.columns,
    rows: learnt.rows,
    along: mixed(learnt.along, pattern.along),
    across: mixed(learnt.across, pattern.across),
    more: mixed(learnt.more, pattern.more),
    power: mixed(learnt.power, powerOf(pattern)),
  };
}

/** How far each cell can be relied on: 1 where it always looked the same, 0 where it is plain or moves. */
export function steadiness(learnt: LearntPattern): Float32Array {
  const lengths = powerOf(learnt);
  return lengths.map((length, cell) => length / ((learnt.power[cell] ?? 0) + PLAIN));
}

export function powerOf(pattern: Pattern): Float32Array {
  return pattern.along.map((_, cell) =>
    DIRECTIONS.reduce((sum, key) => sum + (pattern[key][cell] ?? 0) ** 2, 0),
  );
}
