import { setTimeout as delay } from 'node:timers/promises';

/**
 * Time from outside, so that tests own it.
 * Intervals use `monotonicMs`; `wallMs` only labels.
 */
export interface Clock {
  /** Unix milliseconds UTC; may jump. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {});
  },
};

/** How long the machine has run, ms: on Linux hrtime counts from its start. @see clock_gettime(2), CLOCK_MONOTONIC */
export function machineUptimeMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The last time that a `Date` holds, Unix ms. @see ECMA-262, section "Time Values and Time Range" */
export const LAST_DATE_MS = 8.64e15;

/** ISO 8601 in UTC; what is later than any `Date` is told as the last one. */
export function isoText(wallMs: number): string {
  return new Date(Math.min(wallMs, LAST_DATE_MS)).toISOString();
}

/** How far wall time can be believed; part of every message. */
export type ClockTrust = 'synced' | 'holdover' | 'untrusted';

/** Holdover after the last good synchronisation, on the monotonic clock. Source: the design page, section Time. */
export const HOLDOVER_MS = 24 * 3600 * 1000;

/**
 * The trust in wall time.
 * @param lastSyncMonotonicMs monotonic time of the last good synchronisation, undefined when there was none
 * @param syncedNow whether the time source says so now
 */
export function clockTrust(
  syncedNow: boolean,
  lastSyncMonotonicMs: number | undefined,
  nowMonotonicMs: number,
): ClockTrust {
  if (syncedNow) return 'synced';
  if (lastSyncMonotonicMs === undefined) return 'untrusted';
  return nowMonotonicMs - lastSyncMonotonicMs < HOLDOVER_MS ? 'holdover' : 'untrusted';
}
