import type { BoxCamera, BoxSegment, CameraHealthPoint } from '../ports.ts';
import { Flaps } from './flaps.ts';
import { LATER, type Said, UNKNOWN } from './said.ts';

/**
 * How long a camera that does not answer waits for the others of its segment to fall silent too, where a point watches that
 * segment. Source: guess, above the 5 s in which a dead stream is declared and the 10 s in which it recovers.
 */
export const HOLD_MS = 15_000;

/** The segment of all cameras. */
export const ALL_CAMERAS = 'seg-all';

/** States of cameras that are not to do their job now: an alarm of before is not over by that, and no new one comes. */
const SET_ASIDE = ['maintenance', 'disabled'];

/**
 * What cameras are alarms. Where a point watches a segment of the network, a cut of the segment is that one alarm, and not
 * one of each camera besides.
 */
export class CameraJudge {
  readonly #watched: ReadonlySet<string>;
  readonly #unreachableSinceMs = new Map<string, number>();
  readonly #backMs = new Map<string, number>();
  readonly #flaps = { down: new Flaps(), degraded: new Flaps() };
  #cameras: readonly BoxCamera[] = [];
  #segments: readonly BoxSegment[] = [];
  #nowMs = 0;

  /** @param watched ids of the segments that points watch */
  constructor(watched: Iterable<string>) {
    this.#watched = new Set(watched);
  }

  /** Takes the cameras and their segments as they are now. */
  look(cameras: readonly BoxCamera[], segments: readonly BoxSegment[], nowMs: number): void {
    const wereDown = new Set(this.#segments.filter(({ down }) => down).map(({ id }) => id));
    this.#cameras = cameras;
    this.#segments = segments.filter(({ id }) => this.#watched.has(id));
    this.#nowMs = nowMs;
    for (const { id, down } of this.#segments) if (wereDown.has(id) && !down) this.#backMs.set(id, nowMs);
    for (const camera of cameras) {
      if (!isUnreachable(camera)) this.#unreachableSinceMs.delete(camera.camera);
      else if (!this.#unreachableSinceMs.has(camera.camera))
        this.#unreachableSinceMs.set(camera.camera, nowMs);
      this.#lookForFlaps(camera);
    }
  }

  #lookForFlaps(camera: BoxCamera): void {
    for (const from of ['down', 'degraded'] as const)
      if (SET_ASIDE.includes(camera.state)) this.#flaps[from].forget(camera.camera);
      else this.#flaps[from].look(camera, isBad(camera, from), !this.#isCutOff(camera), this.#nowMs);
  }

  /** Where all cameras are cut off and a point says so, a segment of them has no alarm of its own. */
  network(segment: string): Said {
    const own = this.#segments.find(({ id }) => id === segment);
    if (own === undefined || own.unknown) return UNKNOWN;
    if (!own.down) return { active: false };
    const wider = this.#segments.find(({ id, down }) => id === ALL_CAMERAS && down);
    if (wider && wider.id !== segment) return UNKNOWN;
    return { active: true, cause: 'camera-network-down', text: told(own) };
  }

  of(point: CameraHealthPoint): Said {
    const own = this.#cameras.filter(
      ({ camera, state }) => (point.camera ?? camera) === camera && !SET_ASIDE.includes(state),
    );
    if (own.length === 0) return UNKNOWN;
    const bad = own.filter((camera) => isBad(camera, point.from));
    const raised = own.flatMap((camera) => {
      const flapping = this.#flaps[point.from].of(camera.camera, this.#nowMs);
      if (!bad.includes(camera)) return flapping ?? [];
      return this.#isHeldBack(camera) ? [] : (flapping ?? camera);
    });
    if (raised.length > 0) return said(raised, own.length);
    if (bad.length > 0) return bad.some((camera) => this.#isCutOff(camera)) ? UNKNOWN : LATER;
    return own.some(({ state }) => state === 'unknown') ? UNKNOWN : { active: false };
  }

  #isHeldBack(camera: BoxCamera): boolean {
    if (!isUnreachable(camera)) return false;
    const sinceMs = this.#unreachableSinceMs.get(camera.camera) ?? this.#nowMs;
    return this.#segmentsOf(camera).some(({ id, down }) => {
      const backMs = this.#backMs.get(id) ?? Number.NEGATIVE_INFINITY;
      return down || this.#nowMs - Math.max(sinceMs, backMs) < HOLD_MS;
    });
  }

  #isCutOff(camera: BoxCamera): boolean {
    return isUnreachable(camera) && this.#segmentsOf(camera).some(({ down }) => down);
  }

  /** One camera alone on a segment has nobody to fall silent with. */
  #segmentsOf({ camera }: BoxCamera): BoxSegment[] {
    return this.#segments.filter(({ cameras }) => cameras.length > 1 && cameras.includes(camera));
  }
}

function told({ cameras, unreachable }: BoxSegment): string {
  if (unreachable.length === cameras.length) return `${cameras.length} cameras`;
  return `${unreachable.length} of ${cameras.length} cameras: ${unreachable.join(', ')}`;
}

function said(bad: readonly BoxCamera[], of: number): Said {
  const [first] = bad;
  const cause = first?.cause === 'none' ? undefined : first?.cause;
  const text = of > 1 ? `${bad.length} of ${of}: ${bad.map(({ camera }) => camera).join(', ')}` : undefined;
  return { active: true, cause, text };
}

function isBad({ state }: BoxCamera, from: CameraHealthPoint['from']): boolean {
  return state === 'down' || (from === 'degraded' && state === 'degraded');
}

function isUnreachable({ state, cause }: BoxCamera): boolean {
  return state === 'down' && cause === 'camera-unreachable';
}
