import type { Severity } from '../../contract/messages.ts';
import type { CountdownRecord } from '../life/countdown.ts';

/** Points that are for a time not armed (maintenance) or armed whatever their schedule says (mission). */
export interface Window {
  readonly id: string;
  readonly effect: 'maintenance' | 'mission';
  readonly points: readonly string[];
  /** Cameras that are worked on: what they do meanwhile is planned. */
  readonly cameras?: readonly string[] | undefined;
  /** The box is worked on, and with it everything that it watches. */
  readonly box?: boolean | undefined;
  /** Wall time, Unix ms. */
  readonly startMs: number;
  readonly endMs: number;
  readonly by: string;
  /** Key id of the order; empty for one of the configuration. */
  readonly signer: string;
  readonly why: string;
  /** Of alarms that are raised during a mission; that of the point when absent. */
  readonly severity?: Severity | undefined;
}

/** What is on disk of a window. */
export interface KeptWindow {
  readonly window: Window;
  readonly phase: 'announced' | 'begun' | 'ended';
  /** What is left of one that has begun. */
  readonly left?: CountdownRecord;
  /** Wall time, Unix ms. */
  readonly announcedMs?: number;
}

/** @returns undefined when the text is none that this program wrote */
export function parseWindow(text: string): KeptWindow | undefined {
  try {
    const kept = JSON.parse(text) as KeptWindow;
    return isKept(kept) ? kept : undefined;
  } catch {
    return undefined;
  }
}

function isKept({ window, phase, left, announcedMs = 0 }: KeptWindow): boolean {
  const numbers = [window.startMs, window.endMs, announcedMs, ...(left ? [left.untilMs, left.leftMs] : [])];
  return (
    [window.id, window.by, window.signer, window.why].every((text) => typeof text === 'string') &&
    ['maintenance', 'mission'].includes(window.effect) &&
    ['announced', 'begun', 'ended'].includes(phase) &&
    (phase === 'begun') === (left !== undefined) &&
    numbers.every((number) => Number.isFinite(number)) &&
    [...window.points, ...(window.cameras ?? [])].every((id) => typeof id === 'string')
  );
}
