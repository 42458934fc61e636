import type { GridEdges, PictureNumbers } from '../../contract/picture.ts';
import { COARSE_GRID, FINE_GRID } from '../../contract/picture-grids.ts';

interface Grid {
  readonly columns: number;
  readonly rows: number;
}

/** What stands where in a picture, whatever the light: three numbers per cell, each between −1 and 1. */
export interface Pattern extends Grid {
  /** Direction of the edges, as a vector of twice their angle; its length is how clear they are. */
  readonly along: Float32Array;
  readonly across: Float32Array;
  /** More or less edges than around. */
  readonly more: Float32Array;
}

export const DIRECTIONS = ['along', 'across', 'more'] as const;

export interface View {
  readonly fine: Pattern;
  readonly coarse: Pattern;
  /** Strength of the edges of the fine cells, levels per pixel. */
  readonly strength: Float32Array;
}

/** Edges are held against those this many cells around, so that contrast does not count. */
const AROUND = 2;
/** Edges this weak may be noise, levels per pixel. Source: measured on photographs with sensor noise. */
const FAINT = 2;
const TENTH = 0.1;

/** The pattern of a picture. */
export function viewOf({ fine, coarse }: PictureNumbers): View {
  return {
    fine: patternOf(fine, FINE_GRID),
    coarse: patternOf(coarse, COARSE_GRID),
    strength: Float32Array.from(fine.strength, (tenths) => tenths * TENTH),
  };
}

function patternOf({ strength, along, across }: GridEdges, grid: Grid): Pattern {
  const around = meansAround(strength, grid);
  const share = (value: number, mean: number) => (value * TENTH) / (mean * TENTH + FAINT);
  return {
    ...grid,
    along: Float32Array.from(along, (value, cell) => share(value, around[cell] ?? 0)),
    across: Float32Array.from(across, (value, cell) => share(value, around[cell] ?? 0)),
    more: Float32Array.from(strength, (value, cell) => {
      const mean = around[cell] ?? 0;
      return share(value - mean, value + mean);
    }),
  };
}

function meansAround(strength: readonly number[], { columns, rows }: Grid): Float32Array {
  const means = new Float32Array(columns * rows);
  for (let row = 0, cell = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, cell += 1)
      means[cell] = meanAround(strength, { columns, rows }, column, row);
  }
  return means;
}

function meanAround(
  strength: readonly number[],
  { columns, rows }: Grid,
  column: number,
  row: number,
): number {
  let sum = 0;
  let count = 0;
  const [left, right] = [Math.max(0, column - AROUND), Math.min(columns - 1, column + AROUND)];
  for (let y = Math.max(0, row - AROUND); y <= Math.min(rows - 1, row + AROUND); y += 1) {
    for (let x = left; x <= right; x += 1, count += 1) sum += strength[y * columns + x] ?? 0;
  }
  return sum / count;
}
