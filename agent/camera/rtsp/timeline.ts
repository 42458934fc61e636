import type { SenderReport } from './rtp.ts';

/** Two reports that are further apart than this do not speak of the same clocks. Source: guess; drift alone takes hours. */
const MAX_DISAGREEMENT_MS = 500;
/** A step of the time stamps above this is a jump: the report before it says nothing of what follows. Source: guess. */
const MAX_STEP_S = 10;
/** A report says nothing of pictures further away than this; some cameras send one with any RTP time. Source: guess. */
const MAX_REPORT_AGE_S = 3600;

/** A sender report on the unwrapped timeline. */
interface Mark {
  readonly rtpTime: number;
  readonly wallMs: number;
}

/** Turns 32-bit RTP time stamps into numbers that do not wrap, and those into wall time. @see RFC 3550 §5.1, §6.4.1 */
export class Timeline {
  readonly #clockRate: number;
  #last: number | undefined;
  #mark: Mark | undefined;
  #doubt: Mark | undefined;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /** The time stamp nearest to the last one; pictures may go back (B frames). */
  unwrap(timestamp: number): number {
    const before = this.#last;
    this.#last = this.#nearest(timestamp);
    if (before !== undefined && Math.abs(this.#last - before) > MAX_STEP_S * this.#clockRate)
      this.forgetReport();
    return this.#last;
  }

  /** One report that contradicts the one before is believed when the next one says the same. */
  sawReport({ rtpTimestamp, wallMs }: SenderReport): void {
    this.#last ??= rtpTimestamp;
    const mark = { rtpTime: this.#nearest(rtpTimestamp), wallMs };
    if (!this.#mark || this.#agree(this.#mark, mark) || (this.#doubt && this.#agree(this.#doubt, mark))) {
      this.#mark = mark;
      this.#doubt = undefined;
    } else {
      this.#doubt = mark;
    }
  }

  /** Another source counts from elsewhere. */
  forgetReport(): void {
    this.#mark = undefined;
    this.#doubt = undefined;
  }

  /** Wall time of the camera for an unwrapped time, undefined before the first report. */
  wallMs(rtpTime: number): number | undefined {
    const mark = this.#mark;
    if (!mark || Math.abs(rtpTime - mark.rtpTime) > MAX_REPORT_AGE_S * this.#clockRate) return undefined;
    return this.#carried(mark, rtpTime);
  }

  #carried(mark: Mark, rtpTime: number): number {
    return mark.wallMs + ((rtpTime - mark.rtpTime) * 1000) / this.#clockRate;
  }

  #agree(before: Mark, after: Mark): boolean {
    return Math.abs(this.#carried(before, after.rtpTime) - after.wallMs) <= MAX_DISAGREEMENT_MS;
  }

  #nearest(timestamp: number): number {
    return this.#last === undefined ? timestamp : this.#last + ((timestamp - this.#last) | 0);
  }
}
