import type { GridEdges } from '../../contract/picture.ts';
import type { Plane } from './small-picture.ts';

/** Tenths of a level: what the numbers count in. */
const TENTHS = 10;
/** Sum of the positive weights of the Sobel operator. */
const SOBEL_WEIGHT = 8;

interface Grid {
  readonly columns: number;
  readonly rows: number;
}

type Sums = Record<keyof GridEdges, Float32Array>;

/**
 * The edges of a picture, summed in the cells of a grid. Directions are kept as vectors of twice their angle, so that an
 * edge counts alike whichever of its sides is the lighter one.
 */
export function edgesOf(plane: Plane, { columns, rows }: Grid): GridEdges {
  const cells = columns * rows;
  const sums: Sums = {
    strength: new Float32Array(cells),
    along: new Float32Array(cells),
    across: new Float32Array(cells),
  };
  const { width, height } = plane;
  for (let y = 1; y < height - 1; y += 1) {
    const row = Math.floor((y * rows) / height) * columns;
    for (let x = 1; x < width - 1; x += 1)
      addPixel(sums, plane, y * width + x, row + Math.floor((x * columns) / width));
  }
  const scale = (TENTHS * cells) / (width * height);
  return {
    strength: ints(sums.strength, scale),
    along: ints(sums.along, scale),
    across: ints(sums.across, scale),
  };
}

function addPixel(
  { strength, along, across }: Sums,
  { width, values }: Plane,
  at: number,
  cell: number,
): void {
  const px = (offset: number) => values[at + offset] ?? 0;
  const falling = px(width + 1) - px(-width - 1);
  const rising = px(-width + 1) - px(width - 1);
  const gx = (falling + rising + 2 * (px(1) - px(-1))) / SOBEL_WEIGHT;
  const gy = (falling - rising + 2 * (px(width) - px(-width))) / SOBEL_WEIGHT;
  const steepness = Math.sqrt(gx * gx + gy * gy);
  if (steepness === 0) return;
  strength[cell] = (strength[cell] ?? 0) + steepness;
  along[cell] = (along[cell] ?? 0) + (gx * gx - gy * gy) / steepness;
  across[cell] = (across[cell] ?? 0) + (2 * gx * gy) / steepness;
}

function ints(sums: Float32Array, scale: number): number[] {
  return Array.from(sums, (sum) => Math.round(sum * scale));
}
