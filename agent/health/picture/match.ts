import { type LearntPattern, powerOf, steadiness } from './learnt-pattern.ts';
import { DIRECTIONS, type Pattern } from './view.ts';

/** A whole picture to one side: how far a pattern stands beside the other, in cells. */
export interface Offset {
  readonly columns: number;
  readonly rows: number;
}

const NO_OFFSET: Offset = { columns: 0, rows: 0 };
const TINY = 1e-9;

/**
 * How alike a pattern and a learnt one are: 1 the same, 0 nothing in common.
 * @param offset where in the learnt pattern the first cell of `now` stands
 */
export function likeness(now: Pattern, learnt: LearntPattern, offset = NO_OFFSET): number {
  const fit = new Fit(now, learnt, steadiness(learnt));
  forOverlap(now, offset, (cell, other) => fit.add(cell, other));
  return fit.likeness;
}

/** How alike cells of a pattern and of a learnt one are, together. */
class Fit {
  readonly #now: Pattern;
  readonly #learnt: LearntPattern;
  readonly #weights: Float32Array;
  #both = 0;
  #ours = 0;
  #theirs = 0;

  constructor(now: Pattern, learnt: LearntPattern, weights: Float32Array) {
    this.#now = now;
    this.#learnt = learnt;
    this.#weights = weights;
  }

  add(cell: number, other: number): void {
    const weight = this.#weights[other] ?? 0;
    for (const key of DIRECTIONS) {
      const [a, b] = [this.#now[key][cell] ?? 0, this.#learnt[key][other] ?? 0];
      this.#both += weight * a * b;
      this.#ours += weight * a * a;
      this.#theirs += weight * b * b;
    }
  }

  get likeness(): number {
    return this.#both / Math.sqrt(this.#ours * this.#theirs + TINY);
  }
}

/** A twelfth of the picture; of so many cells that can be relied on. */
const PART = { columns: 8, rows: 6 } as const;
const PART_LANDMARKS = 12;

/**
 * How alike the part of a picture is that fits best in its place: what stands in front leaves some of the view as it
 * was, another view nothing. 1 where there is no part to say it by.
 */
export function bestPart(now: Pattern, learnt: LearntPattern, isLandmark: readonly boolean[]): number {
  const weights = steadiness(learnt);
  const parts = partsOf(now).filter(
    (cells) => cells.filter((cell) => isLandmark[cell]).length >= PART_LANDMARKS,
  );
  const fits = parts.map((cells) => {
    const fit = new Fit(now, learnt, weights);
    for (const cell of cells) fit.add(cell, cell);
    return fit.likeness;
  });
  return fits.length > 0 ? Math.max(...fits) : 1;
}

function partsOf({ columns, rows }: Pattern): number[][] {
  const across = Math.ceil(columns / PART.columns);
  const parts = Array.from({ length: across * Math.ceil(rows / PART.rows) }, (): number[] => []);
  for (let cell = 0; cell < columns * rows; cell += 1) {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const part = Math.floor(row / PART.rows) * across + Math.floor(column / PART.columns);
    parts[part]?.push(cell);
  }
  return parts;
}

function forOverlap(
  { columns, rows }: Pattern,
  offset: Offset,
  visit: (cell: number, other: number) => void,
): void {
  for (let row = 0; row < rows; row += 1) {
    const otherRow = row + offset.rows;
    if (otherRow < 0 || otherRow >= rows) continue;
    for (let column = 0; column < columns; column += 1) {
      const otherColumn = column + offset.columns;
      if (otherColumn >= 0 && otherColumn < columns)
        visit(row * columns + column, otherRow * columns + otherColumn);
    }
  }
}

/** Where the picture fits best beside where it stood. */
export function bestOffset(now: Pattern, learnt: LearntPattern): { offset: Offset; likeness: number } {
  let best = { offset: NO_OFFSET, likeness: likeness(now, learnt) };
  const [furthestColumns, furthestRows] = [Math.floor(now.columns / 3), Math.floor(now.rows / 3)];
  for (let rows = -furthestRows; rows <= furthestRows; rows += 1) {
    for (let columns = -furthestColumns; columns <= furthestColumns; columns += 1) {
      const offset = { columns, rows };
      const found = likeness(now, learnt, offset);
      if (found > best.likeness) best = { offset, likeness: found };
    }
  }
  return best;
}

/** A cell is found when it and those around it fit this well. Source: measured on photographs. */
const FOUND = 0.4;

/** Cells whose pattern is no longer there, and the share of all that can be relied on that they make up. */
export function lostCells(now: Pattern, learnt: LearntPattern): { lost: boolean[]; share: number } {
  const weights = steadiness(learnt);
  const powers = powerOf(learnt);
  const fits = powers.map((_, cell) =>
    DIRECTIONS.reduce((sum, key) => sum + (now[key][cell] ?? 0) * (learnt[key][cell] ?? 0), 0),
  );
  const [fitAround, powerAround] = [sumsAround(fits, now), sumsAround(powers, now)];
  let all = 0;
  let gone = 0;
  const lost = Array.from(powers, (power, cell) => {
    const weight = (weights[cell] ?? 0) * Math.sqrt(power);
    const isLost = (fitAround[cell] ?? 0) < FOUND * (powerAround[cell] ?? 0);
    all += weight;
    if (isLost) gone += weight;
    return isLost;
  });
  return { lost, share: all > 0 ? gone / all : 0 };
}

function sumsAround(values: Float32Array, { columns, rows }: Pattern): Float32Array {
  return values.map((_, cell) => {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    let sum = 0;
    for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y += 1) {
      for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x += 1)
        sum += values[y * columns + x] ?? 0;
    }
    return sum;
  });
}
