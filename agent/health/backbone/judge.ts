import type { Code } from '../../base/codes.ts';
import type { Measured } from './window.ts';

/** What is too much; settings of the central configuration. */
export interface BackboneLimits {
  readonly windowS: number;
  readonly roundTripLimitMs: number;
  readonly lossLimitPercent: number;
  readonly waitingLimitPercent: number;
}

export interface BackboneFault {
  readonly cause: Code | 'none';
  readonly detail: string;
}

export const GOOD: BackboneFault = { cause: 'none', detail: '' };

/** What one window says of a path: what hurts most first. */
export function judgePath(measured: Measured, limits: BackboneLimits): BackboneFault {
  const { waitingPercent, kbps, lossPercent, roundTripMs } = measured;
  if (waitingPercent >= limits.waitingLimitPercent)
    return {
      cause: 'backbone-full',
      detail: `takes ${Math.round(kbps)} kbit/s, and more waited ${Math.round(waitingPercent)} % of the time`,
    };
  if (lossPercent !== undefined && lossPercent > limits.lossLimitPercent)
    return {
      cause: 'backbone-lossy',
      detail: `${lossPercent.toFixed(1)} % of what was sent was lost, at most ${limits.lossLimitPercent} %`,
    };
  if (roundTripMs !== undefined && roundTripMs > limits.roundTripLimitMs)
    return {
      cause: 'backbone-slow',
      detail: `the broker answers after ${Math.round(roundTripMs)} ms, at most ${limits.roundTripLimitMs} ms`,
    };
  return GOOD;
}

/** Windows in a row that say a fault, or that there is none. */
const WINDOWS = 2;

/** Declares what several windows in a row have said. */
export class Confirmed {
  #declared = GOOD;
  #pending = GOOD;
  #count = 0;

  get declared(): BackboneFault {
    return this.#declared;
  }

  /** @param answered whether the broker has: an old round trip neither confirms a slow path nor ends it */
  take(fault: BackboneFault, answered: boolean): void {
    const isOld = !answered && [fault, this.#pending].some(({ cause }) => cause === 'backbone-slow');
    if (isOld) return;
    this.#count = fault.cause === this.#pending.cause ? this.#count + 1 : 1;
    this.#pending = fault;
    if (this.#count >= WINDOWS || fault.cause === this.#declared.cause) this.#declared = fault;
  }

  /** The path is lost, or begins anew: nothing is known of it. */
  forget(): void {
    this.#declared = GOOD;
    this.#pending = GOOD;
    this.#count = 0;
  }
}
