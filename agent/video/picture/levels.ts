import type { PictureNumbers } from '../../contract/picture.ts';
import type { SmallPicture } from './small-picture.ts';

/** Luma from here on is white, in the limited range (white is 235) as in the full one. */
const WHITE = 230;
const GREY = 128;
/** An overlay with text covers less of the picture than this. */
const OUTER_SHARE = 0.05;

/** How light and how colourful a picture is. */
export function levelsOf({
  luma,
  chroma,
}: SmallPicture): Pick<PictureNumbers, 'mean' | 'low' | 'high' | 'white' | 'chroma'> {
  const histogram = new Uint32Array(256);
  for (const level of luma) histogram[level] = (histogram[level] ?? 0) + 1;
  const total = luma.length;
  const white = histogram.subarray(WHITE).reduce((sum, count) => sum + count, 0);
  return {
    mean: histogram.reduce((sum, count, level) => sum + count * level, 0) / total,
    low: levelBelow(histogram, total * OUTER_SHARE),
    high: levelBelow(histogram, total * (1 - OUTER_SHARE)),
    white: white / total,
    chroma: colourOf(chroma),
  };
}

/** Noise of the imager has no colour in the mean of so many pixels side by side. */
const SIDE_BY_SIDE = 20;

function colourOf(chroma: Uint8Array): number {
  let sum = 0;
  for (let from = 0; from < chroma.length; from += SIDE_BY_SIDE) {
    const some = chroma.subarray(from, from + SIDE_BY_SIDE);
    sum += Math.abs(some.reduce((total, value) => total + value, 0) - GREY * some.length);
  }
  return sum / chroma.length;
}

/** The level at which `wanted` pixels are as dark or darker. */
function levelBelow(histogram: Uint32Array, wanted: number): number {
  let seen = 0;
  return histogram.findIndex((count) => {
    seen += count;
    return seen >= wanted;
  });
}
