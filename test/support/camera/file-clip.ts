import { readFileSync } from 'node:fs';
import { type Clip, clipFrom } from '../clips.ts';

/** An Annex B file that a camera plays. */
export interface ClipFile {
  readonly file: string;
  readonly codec: 'h264' | 'h265';
  readonly framesPerSecond: number;
}

const files = new Map<string, Clip>();

/** Read once, however many cameras play it. */
export function fileClip({ file, codec, framesPerSecond }: ClipFile): Clip {
  const known = files.get(file);
  const read = known ?? clipFrom(readFileSync(file), codec, framesPerSecond);
  files.set(file, read);
  return read;
}
