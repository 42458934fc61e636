import type { Code } from '../base/codes.ts';
import { sideOf } from '../contract/side.ts';
import type { BegunWindow, Facts, Observation } from './ports.ts';

/** A camera as health sees it. */
interface SeenCamera extends Omit<Observation, 'subject' | 'track'> {
  readonly camera: string;
  /** Verdicts on its legal profile. */
  readonly law: Readonly<Record<string, string>>;
}

/** A segment as health sees it. */
interface SeenSegment {
  readonly id: string;
  readonly name: string;
  readonly down: boolean;
  readonly unknown: boolean;
  readonly side: Observation['side'];
  readonly consequenceOf: string | undefined;
}

interface Fault {
  readonly cause: Code | 'none';
}

/** A fault of the box, and whether it does its job all the same. */
interface BoxFault extends Fault {
  readonly down?: boolean;
}

const BOX = 'collector';
/** No camera ends its authorisation. */
const LAW = {
  camera: ['camera-law-breach', 'camera'],
  authorisation: ['camera-unauthorised', 'centre'],
} as const;
const WELL = ['none', 'none'] as const;
const HEALTH = 'health';

/** Everything that is watched, as the timeline keeps it. */
export function observations(
  cameras: readonly SeenCamera[],
  segments: readonly SeenSegment[],
  box: BoxFault,
): Observation[] {
  return [
    boxSeen(box),
    ...segments.map(segmentSeen),
    ...cameras.map(cameraSeen),
    ...cameras.flatMap(lawSeen),
  ];
}

function cameraSeen({ camera: subject, state, cause, side, via, beganMs }: SeenCamera): Observation {
  return { subject, track: HEALTH, state, cause, side, via, beganMs };
}

function lawSeen({ camera: subject, law }: SeenCamera): Observation[] {
  return Object.entries(law).map(([check, state]) => {
    const isBreach = state === 'breach';
    const [cause, side] = isBreach ? LAW[check === 'authorisation' ? check : 'camera'] : WELL;
    return { subject, track: `law-${check}`, state, cause, side, via: undefined };
  });
}

function segmentSeen({ id: subject, down, unknown, side, consequenceOf: via }: SeenSegment): Observation {
  const state = down ? 'down' : unknown ? 'unknown' : 'ok';
  const cause = down ? 'camera-network-down' : 'none';
  return { subject, track: HEALTH, state, cause, side, via };
}

function boxSeen({ cause, down = false }: BoxFault): Observation {
  const state = down ? 'down' : cause === 'none' ? 'ok' : 'degraded';
  return { subject: BOX, track: HEALTH, state, cause, side: sideOf(cause), via: undefined };
}

/** A new link may take so long before it counts as lost. Source: guess. */
const FIRST_LINK_MS = 30_000;

/** Without its link the box does not serve the centre. */
export class LinkWatch {
  #startMs: number | undefined;
  #wasUp = false;

  /** @param nowMs monotonic */
  fault({ connected, cause }: Fault & { readonly connected: boolean }, nowMs: number): BoxFault | undefined {
    this.#startMs ??= nowMs;
    this.#wasUp ||= connected;
    if (connected || (!this.#wasUp && nowMs - this.#startMs < FIRST_LINK_MS)) return undefined;
    return { cause: cause === 'none' ? 'link-lost' : cause, down: true };
  }
}

interface Works extends Omit<BegunWindow, 'subjects'> {
  readonly cameras: readonly string[];
  readonly box: boolean;
}

/** Work on the box is work on everything that it watches; work on all cameras of a segment is work on the segment. */
export function begunWindow(
  { id, startMs, endMs, by, why, cameras, box }: Works,
  watched: readonly { readonly camera: string }[],
  segments: readonly { readonly id: string; readonly cameras: readonly string[] }[],
): BegunWindow {
  const isWhole = (own: readonly string[]) => own.length > 0 && own.every((id) => cameras.includes(id));
  const whole = segments.filter((segment) => isWhole(segment.cameras)).map(({ id: segment }) => segment);
  const all = [BOX, ...segments.map((segment) => segment.id), ...watched.map(({ camera }) => camera)];
  return { id, startMs, endMs, by, why, subjects: box ? all : [...cameras, ...whole] };
}

interface Configured {
  readonly cameras: readonly (Omit<Facts, 'authorisation'> & {
    readonly law?: Pick<Facts, 'authorisation'> | undefined;
  })[];
  readonly segments: readonly { readonly id: string; readonly name: string }[];
}

/** What reports call everything by. */
export function factsOf({ cameras, segments }: Configured, site: string): Facts[] {
  return [
    { id: BOX, name: site },
    { id: 'seg-all', name: 'Réseau des caméras' },
    ...segments.map(({ id, name }) => ({ id, name })),
    ...cameras.map(({ id, name, owner, segment, place, law }) => ({
      ...{ id, name, owner, segment, place, authorisation: law?.authorisation },
    })),
  ];
}
