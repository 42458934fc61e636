import type { VideoCodec } from '../types.ts';
import { parseSps264, type Sps264 } from './sps264.ts';
import { parseSps265, type Sps265 } from './sps265.ts';

export type Sps = Sps264 | Sps265;

/**
 * Reads a sequence parameter set (a NAL unit without start code).
 * @returns undefined when the bytes make no sense; a damaged VUI only loses `reorderDepth` and the frame rate
 */
export function parseSps(codec: VideoCodec, nal: Buffer): Sps | undefined {
  return codec === 'h264' ? parseSps264(nal) : parseSps265(nal);
}
