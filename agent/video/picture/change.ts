import type { PictureNumbers } from '../../contract/picture.ts';
import type { Plane } from './small-picture.ts';

const SQUARE = 20;
/** A clock in the picture may run in this share of the squares. */
const OVERLAY_SHARE = 0.1;

/** How much a picture differs from the one before, but for a tenth of its squares. */
export function changeOf(now: Plane, before: Plane): PictureNumbers['change'] {
  const pixels: number[] = [];
  const means: number[] = [];
  for (let y = 0; y < now.height; y += SQUARE) {
    for (let x = 0; x < now.width; x += SQUARE) {
      const { absolute, signed } = differenceOf(now, before, x, y);
      pixels.push(absolute);
      means.push(Math.abs(signed));
    }
  }
  return { pixels: butForOverlay(pixels), means: butForOverlay(means) };
}

function differenceOf(now: Plane, before: Plane, left: number, top: number) {
  let absolute = 0;
  let signed = 0;
  for (let y = top; y < top + SQUARE; y += 1) {
    for (let at = y * now.width + left, end = at + SQUARE; at < end; at += 1) {
      const difference = (now.values[at] ?? 0) - (before.values[at] ?? 0);
      signed += difference;
      absolute += Math.abs(difference);
    }
  }
  return { absolute: absolute / SQUARE ** 2, signed: signed / SQUARE ** 2 };
}

function butForOverlay(squares: number[]): number {
  squares.sort((a, b) => a - b);
  return squares[Math.floor(squares.length * (1 - OVERLAY_SHARE)) - 1] ?? 0;
}
