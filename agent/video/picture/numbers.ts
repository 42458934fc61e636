import type { PictureNumbers } from '../../contract/picture.ts';
import { COARSE_GRID, FINE_GRID } from '../../contract/picture-grids.ts';
import { changeOf } from './change.ts';
import { edgesOf } from './edges.ts';
import { levelsOf } from './levels.ts';
import { edgeRises, noiseOf, sharpest } from './sharpness.ts';
import { halved, lumaPlane, type SmallPicture } from './small-picture.ts';

/** Tenths of a pixel: what the numbers count in. */
const TENTHS = 10;

/** The numbers of a picture. @param before the picture of the look before, of the same camera */
export function describePicture(picture: SmallPicture, before: SmallPicture | undefined): PictureNumbers {
  const full = lumaPlane(picture);
  const half = halved(full);
  const quarter = halved(half);
  const noise = noiseOf(full);
  const rises = edgeRises(full, noise);
  const rise = sharpest(rises);
  return {
    ...levelsOf(picture),
    ...(rise !== undefined && { edgeRise: rise }),
    rises: rises.map((pixels) => Math.round(pixels * TENTHS)),
    noise,
    noiseHalf: noiseOf(half),
    fine: edgesOf(half, FINE_GRID),
    coarse: edgesOf(quarter, COARSE_GRID),
    ...(before && { change: changeOf(full, lumaPlane(before)) }),
  };
}
