import type { RtpPacket } from './rtp.ts';

/** A step of the time stamps above this is no picture that came late. Source: guess. */
const MAX_STEP_MS = 10_000;
/** @see RFC 3550 §6.4.1 */
const GAIN = 1 / 16;

/**
 * How unevenly pictures come against their time stamps. By the first packet of each picture: the packets of one leave the
 * camera together. @see RFC 3550 §6.4.1, appendix A.8
 */
export class Jitter {
  readonly #clockRate: number;
  #ms = 0;
  #last: { readonly timestamp: number; readonly atMs: number } | undefined;

  constructor(clockRate: number) {
    this.#clockRate = clockRate;
  }

  get ms(): number {
    return Math.round(this.#ms * 10) / 10;
  }

  take({ timestamp, receivedMonotonicMs: atMs }: RtpPacket): void {
    const last = this.#last;
    if (last?.timestamp === timestamp) return;
    this.#last = { timestamp, atMs };
    if (!last) return;
    const stepMs = (((timestamp - last.timestamp) | 0) * 1000) / this.#clockRate;
    if (Math.abs(stepMs) > MAX_STEP_MS) return;
    this.#ms += (Math.abs(atMs - last.atMs - stepMs) - this.#ms) * GAIN;
  }

  /** Another source: its time stamps begin anywhere. */
  restart(): void {
    this.#last = undefined;
  }
}
