import { z } from 'zod';
import { count } from './envelope.ts';
import { COARSE_GRID, FINE_GRID } from './picture-grids.ts';

const level = z.number().min(0).max(255);
const tenth = z.int().min(-2550).max(2550);

/** Edges of a grid of cells, row by row, in tenths of a level per pixel; directions are of twice the angle. */
function edges({ columns, rows }: { columns: number; rows: number }) {
  const cells = columns * rows;
  return z.strictObject({
    strength: z.array(tenth.min(0)).length(cells),
    along: z.array(tenth).length(cells),
    across: z.array(tenth).length(cells),
  });
}

/** What is kept of a decoded key frame: numbers, from which no picture can be made again. */
export const pictureNumbers = z.strictObject({
  /** Luma: mean, and the levels that 5 % and 95 % of the pixels do not reach. */
  mean: level,
  low: level,
  high: level,
  /** Share of the pixels that are white. */
  white: z.number().min(0).max(1),
  /** Mean distance of the colour from grey, levels. */
  chroma: level,
  /** Pixels of the small picture over which the sharpest edges rise; absent where there are too few edges. */
  edgeRise: z.number().min(0).max(16).optional(),
  /** The same of each cell of the coarse grid, tenths of a pixel; 0 where no edge is clear. */
  rises: z.array(z.int().min(0).max(160)).length(COARSE_GRID.columns * COARSE_GRID.rows),
  /** Noise of the flattest cells, levels; and the same at half the size: what is noise is half as much there. */
  noise: z.number().min(0).max(1000),
  noiseHalf: z.number().min(0).max(1000),
  fine: edges(FINE_GRID),
  coarse: edges(COARSE_GRID),
  /** Against the picture before, in the cells that changed most but for a tenth of them: mean of the differences, and difference of the means, levels. */
  change: z.strictObject({ pixels: level, means: level }).optional(),
});
export type PictureNumbers = z.infer<typeof pictureNumbers>;
export type GridEdges = PictureNumbers['fine'];

/** What the coded stream alone says between two looks. */
export const streamNumbers = z.strictObject({
  /** Key frames, and those of them whose bytes one of the last few key frames had too. */
  keyFrames: count,
  repeatedKeyFrames: count,
  /** Of the last key frames, so many repeat one before them, one after the other; and the median size of the other frames since. */
  repeatedInARow: count,
  bytesInARow: count,
  otherFrames: count,
  /** Median size of the other frames. */
  otherBytes: count,
  /** The key frame has the bytes of the one that was looked at before: it is not decoded again. */
  sameAsBefore: z.boolean(),
  /** Size of the coded picture, 0 when it is not known. */
  width: count,
  height: count,
});
export type StreamNumbers = z.infer<typeof streamNumbers>;
