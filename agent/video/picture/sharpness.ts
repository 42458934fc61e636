import type { Plane } from './small-picture.ts';

/** Side of the squares that a picture is looked at in. */
const SQUARE = 20;
/** Distances over which levels are held against each other, pixels. */
const DISTANCES = [1, 2, 4, 8, 16] as const;
/** An edge must rise by this much to tell anything, levels, and by so many times what noise makes. */
const CLEAR_EDGE = 16;
const ABOVE_NOISE = 2;
/** An edge has risen where it has this share of its height. */
const RISEN = 0.6;
/** The sharpest squares are those below this share. */
const SHARPEST_SHARE = 0.25;
/** So few squares with a clear edge tell nothing. */
const MIN_SQUARES = 6;
/** The largest of the differences that mere noise makes in a square, per level of its deviation. */
const NOISE_PEAK = 4.5;

/**
 * Over how many pixels the sharpest edge of each square rises, row by row, whatever its contrast; 0 where none is clear.
 * What is out of focus rises slowly everywhere; what is dark, foggy or half hidden does not.
 */
export function edgeRises(plane: Plane, noise: number): number[] {
  const rises: number[] = [];
  for (let y = 0; y < plane.height; y += SQUARE) {
    for (let x = 0; x < plane.width; x += SQUARE) rises.push(riseIn(plane, x, y, NOISE_PEAK * noise) ?? 0);
  }
  return rises;
}

/** That of the sharpest quarter of the squares. @returns undefined when too few squares have a clear edge */
export function sharpest(rises: readonly number[]): number | undefined {
  const clear = rises.filter((rise) => rise > 0).sort((a, b) => a - b);
  return clear.length < MIN_SQUARES ? undefined : clear[Math.floor(clear.length * SHARPEST_SHARE)];
}

function riseIn(plane: Plane, x: number, y: number, peak: number): number | undefined {
  const heights = DISTANCES.map((distance) => without(largestDifference(plane, x, y, distance), peak));
  const full = Math.max(...heights);
  if (full < Math.max(CLEAR_EDGE, ABOVE_NOISE * peak)) return undefined;
  const at = heights.findIndex((height) => height >= RISEN * full);
  const [above, below] = [heights[at] ?? 0, heights[at - 1] ?? 0];
  const share = above > below ? (RISEN * full - below) / (above - below) : 1;
  const nearer = DISTANCES[at - 1] ?? 0;
  return nearer + share * ((DISTANCES[at] ?? 0) - nearer);
}

function without(height: number, peak: number): number {
  return Math.sqrt(Math.max(0, height * height - peak * peak));
}

function largestDifference({ width, height, values }: Plane, x: number, y: number, distance: number): number {
  let largest = 0;
  const [right, bottom] = [Math.min(x + SQUARE, width - distance), Math.min(y + SQUARE, height - distance)];
  for (let row = y; row < bottom; row += 1) {
    for (let at = row * width + x, end = row * width + right; at < end; at += 1) {
      const here = values[at] ?? 0;
      const across = Math.abs((values[at + distance] ?? 0) - here);
      const down = Math.abs((values[at + distance * width] ?? 0) - here);
      if (across > largest) largest = across;
      if (down > largest) largest = down;
    }
  }
  return largest;
}

/** The flattest squares are those below this share. */
const FLATTEST_SHARE = 0.1;
/** @see J. Immerkær, Fast noise variance estimation, 1996: standard deviation from the mean of the filter's output */
const TO_DEVIATION = Math.sqrt(Math.PI / 2) / 6;

/** Standard deviation of the noise in the flattest part of a picture, levels. */
export function noiseOf(plane: Plane): number {
  const squares: number[] = [];
  for (let y = 0; y < plane.height; y += SQUARE) {
    for (let x = 0; x < plane.width; x += SQUARE) squares.push(noiseOfSquare(plane, x, y));
  }
  squares.sort((a, b) => a - b);
  return squares[Math.floor(squares.length * FLATTEST_SHARE)] ?? 0;
}

function noiseOfSquare({ width, values }: Plane, left: number, top: number): number {
  let sum = 0;
  for (let y = top + 1; y < top + SQUARE - 1; y += 1) {
    for (let at = y * width + left + 1, end = at + SQUARE - 2; at < end; at += 1) {
      const [above, below] = [at - width, at + width];
      const sides =
        (values[above] ?? 0) + (values[below] ?? 0) + (values[at - 1] ?? 0) + (values[at + 1] ?? 0);
      const corners =
        (values[above - 1] ?? 0) +
        (values[above + 1] ?? 0) +
        (values[below - 1] ?? 0) +
        (values[below + 1] ?? 0);
      sum += Math.abs(corners - 2 * sides + 4 * (values[at] ?? 0));
    }
  }
  return (sum / (SQUARE - 2) ** 2) * TO_DEVIATION;
}
