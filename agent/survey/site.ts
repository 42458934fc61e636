import { type Examination, mainProfile } from './examine.ts';

/** What the pictures of the cameras will take of the line, kbit/s. */
export interface Bandwidth {
  /** Cameras that are in it. */
  readonly cameras: number;
  /** Cameras of which nothing is known. */
  readonly unknown: number;
  /** As it was measured, on the line. */
  readonly nowKbps: number;
  /** What must be there: each camera at its limit. */
  readonly plannedKbps: number;
}

/** IP, TCP, and TLS of each full segment: 1,500 bytes carry 1,448, 22 of 16,384 more for TLS. Computed. */
const LINE_SHARE = (1_500 / 1_448) * (1 + 22 / 16_384);
/** Boxes of MP4 and the topic of MQTT: about 250 bytes, five times a second. Computed for fragments of 200 ms. */
const MESSAGES_KBPS = 10;
/** Where a camera names no limit, a lively scene may take so many times what was measured. Source: guess. */
const LIVELY = 2;

/** Of one camera, on the line; undefined where its stream was not measured. */
export function lineKbps(seen: Examination): { readonly now: number; readonly planned: number } | undefined {
  if (!seen.stream || seen.stream.kbps === 0) return undefined;
  const { kbps } = seen.stream;
  const limit = mainProfile(seen.profiles ?? [])?.kbps;
  const planned = Math.max(kbps, limit ?? kbps * LIVELY);
  return { now: onLine(kbps), planned: onLine(planned) };
}

export function bandwidthOf(all: readonly Examination[]): Bandwidth {
  const known = all.flatMap((seen) => lineKbps(seen) ?? []);
  return {
    cameras: known.length,
    unknown: all.length - known.length,
    nowKbps: known.reduce((sum, { now }) => sum + now, 0),
    plannedKbps: known.reduce((sum, { planned }) => sum + planned, 0),
  };
}

function onLine(kbps: number): number {
  return Math.round(kbps * LINE_SHARE + MESSAGES_KBPS);
}
