import type { AccessUnit } from '../camera/types.ts';
import { DecodeTimes } from './fmp4/decode-times.ts';
import { TIMESCALE } from './fmp4/init-segment.ts';

const TICKS_PER_MS = TIMESCALE / 1000;

/** Fragment numbers have 32 bits. @see ISO/IEC 14496-12 §8.8.5 */
const SEQUENCES = 2 ** 32;

/**
 * What goes on from one stream of a camera to the next: the numbering and the timeline of what subscribers keep.
 * Media time zero is a moment of the monotonic clock that does not depend on this process (the start of the machine),
 * so that it never goes back: not when the camera is pulled anew and not when the process is started anew.
 */
export class MediaClock {
  readonly decodeTimes = new DecodeTimes(0);
  readonly #originMs: number;
  #sequence = 0;
  #shownUntilTicks = 0;

  /** @param originMs media time at monotonic time zero of this process, ms */
  constructor(originMs: number) {
    this.#originMs = originMs;
  }

  /** Presentation time of the first picture of a stream: time goes on while there are no pictures. */
  startTicks(unit: AccessUnit): number {
    const nowTicks = Math.round((this.#originMs + unit.receivedMonotonicMs) * TICKS_PER_MS);
    return Math.max(nowTicks, this.#shownUntilTicks);
  }

  /** @param ticks end of the last picture shown so far */
  shownUntil(ticks: number): void {
    this.#shownUntilTicks = Math.max(this.#shownUntilTicks, ticks);
  }

  /** The number of the next fragment, from 1; a fragment that is not sent leaves a gap that subscribers see. */
  nextSequence(): number {
    this.#sequence = (this.#sequence + 1) % SEQUENCES;
    return this.#sequence;
  }
}
