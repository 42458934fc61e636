import { type Clip, clip } from './clips.ts';

const KEY_SLICE = 0x65;
const OTHER_SLICE = 0x41;
/** First slice of its picture. */
const STARTS = 0x88;

/** A clip of pictures of one size, which nobody could decode; the first of each group is a key picture. */
export function heavyClip(framesPerSecond: number, pictures: number, bytes: number): Clip {
  const { parameterSets } = clip('h264');
  const units = Array.from({ length: pictures }, (_, index) => {
    const slice = Buffer.alloc(bytes, 0x55);
    slice[0] = index === 0 ? KEY_SLICE : OTHER_SLICE;
    slice[1] = STARTS;
    return { index, key: index === 0, nals: index === 0 ? [...parameterSets, slice] : [slice] };
  });
  return { codec: 'h264', framesPerSecond, units, parameterSets };
}
