import type { Clock } from '../../base/clock.ts';
import { PeerProtocolError } from '../../base/errors.ts';

/** A server that records says little: a report on reception every few seconds. Source: guess. */
const MAX_FRAMES_PER_S = 64;

/**
 * Counts the interleaved frames of a server to which we send: one that sends media back would hold up every other camera.
 * @returns to be called for each; throws PeerProtocolError `camera-protocol` for too many in a second
 */
export function fewFrames(name: string, clock: Clock): () => void {
  let sinceMs = Number.NEGATIVE_INFINITY;
  let frames = 0;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - sinceMs >= 1_000) [sinceMs, frames] = [nowMs, 0];
    frames += 1;
    if (frames <= MAX_FRAMES_PER_S) return;
    const expected = `${name}: expected a report on reception now and then`;
    throw new PeerProtocolError(
      'camera-protocol',
      `${expected}, came more than ${MAX_FRAMES_PER_S} interleaved frames in a second`,
    );
  };
}
