/** Size of the small picture that every key frame is reduced to, whatever the camera sends. */
export const WIDTH = 320;
export const HEIGHT = 180;
const LUMA_BYTES = WIDTH * HEIGHT;
const CHROMA_BYTES = LUMA_BYTES / 4;

/** Bytes of a small picture: planar YCbCr 4:2:0. */
export const SMALL_PICTURE_BYTES = LUMA_BYTES + 2 * CHROMA_BYTES;

/** A decoded key frame, reduced; it lives in memory only. */
export interface SmallPicture {
  readonly luma: Uint8Array;
  /** Both chroma planes, one after the other. */
  readonly chroma: Uint8Array;
}

/** @param bytes exactly `SMALL_PICTURE_BYTES` */
export function smallPicture(bytes: Uint8Array): SmallPicture {
  return { luma: bytes.subarray(0, LUMA_BYTES), chroma: bytes.subarray(LUMA_BYTES) };
}

/** Numbers row by row. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: ArrayLike<number>;
}

export function lumaPlane({ luma }: SmallPicture): Plane {
  return { width: WIDTH, height: HEIGHT, values: luma };
}

/** Each block of 2×2 as one number; an odd last row or column is left out. */
export function halved({ width, height, values }: Plane): Plane {
  const size = { width: width >> 1, height: height >> 1 };
  const half = new Float32Array(size.width * size.height);
  for (let y = 0, i = 0; y < size.height; y += 1) {
    for (let at = 2 * y * width, end = at + 2 * size.width; at < end; at += 2, i += 1) {
      const upper = (values[at] ?? 0) + (values[at + 1] ?? 0);
      half[i] = (upper + (values[at + width] ?? 0) + (values[at + width + 1] ?? 0)) / 4;
    }
  }
  return { ...size, values: half };
}
