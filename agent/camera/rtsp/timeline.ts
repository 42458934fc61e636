import type { SenderReport } from './rtp.ts';

/** Turns 32-bit RTP time stamps into numbers that do not wrap. @see RFC 3550 §5.1 */
export class Timeline {
  readonly #clockRate: number;
  #last: number | undefined;
  #report: SenderReport | undefined;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  /** The time stamp nearest to the last one; pictures may go back (B frames). */
  unwrap(timestamp: number): number {
    this.#last = this.#last === undefined ? timestamp : this.#last + ((timestamp - this.#last) | 0);
    return this.#last;
  }

  sawReport(report: SenderReport): void {
    this.#report = report;
  }

  /** Another source counts from elsewhere. */
  forgetReport(): void {
    this.#report = undefined;
  }

  /** Wall time of the camera for an unwrapped time, undefined before the first report. */
  wallMs(rtpTime: number): number | undefined {
    if (!this.#report) return undefined;
    const ticks = (rtpTime - this.#report.rtpTimestamp) | 0;
    return this.#report.wallMs + (ticks * 1000) / this.#clockRate;
  }
}
