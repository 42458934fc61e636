import { COARSE_GRID, FINE_GRID, type PictureNumbers } from '../../contract/picture.ts';
import { changeOf } from './change.ts';
import { edgesOf } from './edges.ts';
import { levelsOf } from './levels.ts';
import { edgeRise, noiseOf } from './sharpness.ts';
import { halved, lumaPlane, type SmallPicture } from './small-picture.ts';

/** The numbers of a picture. @param before the picture of the look before, of the same camera */
export function describePicture(picture: SmallPicture, before: SmallPicture | undefined): PictureNumbers {
  const full = lumaPlane(picture);
  const half = halved(full);
  const quarter = halved(half);
  const noise = noiseOf(full);
  const rise = edgeRise(full, noise);
  return {
    ...levelsOf(picture),
    ...(rise !== undefined && { edgeRise: rise }),
    noise,
    fine: edgesOf(half, FINE_GRID),
    coarse: edgesOf(quarter, COARSE_GRID),
    ...(before && { change: changeOf(full, lumaPlane(before)) }),
  };
}
