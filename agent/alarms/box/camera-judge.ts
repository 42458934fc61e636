import type { BoxCamera, BoxSegment, CameraHealthPoint } from '../ports.ts';
import { Flaps } from './flaps.ts';
import { LATER, type Said, UNKNOWN } from './said.ts';

/**
 * How long a camera that does not answer, or lost its pictures, waits for the others of its segment to do so too, where a
 * point watches that segment. Source: guess, above the 5 s in which a dead stream is declared and the 10 s in which it recovers.
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
  readonly #lostSinceMs = new Map<string, number>();
  readonly #backMs = new Map<string, number>();
  readonly #flaps = { down: new Flaps<BoxCamera>(), degraded: new Flaps<BoxCamera>() };
  readonly #segmentFlaps = new Flaps<BoxSegment>();
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
    for (const segment of this.#segments) this.#lookForFlapsOf(segment);
    for (const camera of cameras) {
      if (!this.#isLost(camera)) this.#lostSinceMs.delete(camera.camera);
      else if (!this.#lostSinceMs.has(camera.camera)) this.#lostSinceMs.set(camera.camera, nowMs);
      this.#lookForFlaps(camera);
    }
  }

  #lookForFlapsOf(segment: BoxSegment): void {
    const { id, down, unknown } = segment;
    if (!unknown) this.#segmentFlaps.look(id, segment, down, !this.#isOfAnother(segment), this.#nowMs);
  }

  /** The narrowest segment that holds all who are silent is at fault, where a point says so; else that of all cameras. */
  #isOfAnother({ id }: BoxSegment): boolean {
    const all = this.#segments.find((one) => one.id === ALL_CAMERAS && one.down);
    if (!all) return false;
    const narrower = this.#segments.find((one) => one !== all && one.down && holds(one, all.lost));
    return id !== (narrower ?? all).id;
  }

  #lookForFlaps(camera: BoxCamera): void {
    const { camera: id, state } = camera;
    if (state === 'unknown') return;
    for (const from of ['down', 'degraded'] as const)
      if (SET_ASIDE.includes(state)) this.#flaps[from].forget(id);
      else this.#flaps[from].look(id, camera, isBad(camera, from), !this.#isCutOff(camera), this.#nowMs);
  }

  /** What is cut off by the fault of another segment has no alarm of its own, where a point watches that one. */
  network(segment: string): Said {
    const own = this.#segments.find(({ id }) => id === segment);
    if (own === undefined || own.unknown) return UNKNOWN;
    const failing = own.down ? own : this.#segmentFlaps.of(segment, this.#nowMs);
    if (!failing) return { active: false };
    if (this.#isOfAnother(own)) return UNKNOWN;
    return { active: true, cause: 'camera-network-down', text: told(failing) };
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
    if (this.#isCutOff(camera)) return true;
    if (!this.#isLost(camera)) return false;
    const sinceMs = this.#lostSinceMs.get(camera.camera) ?? this.#nowMs;
    return this.#segmentsOf(camera).some(({ id }) => {
      const backMs = this.#backMs.get(id) ?? Number.NEGATIVE_INFINITY;
      return this.#nowMs - Math.max(sinceMs, backMs) < HOLD_MS;
    });
  }

  #isLost(camera: BoxCamera): boolean {
    const hasNone = this.#segmentsOf(camera).some(({ lost }) => lost.includes(camera.camera));
    return isUnreachable(camera) || (camera.state === 'down' && hasNone);
  }

  #isCutOff(camera: BoxCamera): boolean {
    const isOf = ({ down, lost }: BoxSegment) =>
      down && (isUnreachable(camera) || lost.includes(camera.camera));
    return camera.state === 'down' && this.#segmentsOf(camera).some(isOf);
  }

  /** One camera alone on a segment has nobody to fall silent with. */
  #segmentsOf({ camera }: BoxCamera): BoxSegment[] {
    return this.#segments.filter(({ cameras }) => cameras.length > 1 && cameras.includes(camera));
  }
}

function holds({ cameras }: BoxSegment, ids: readonly string[]): boolean {
  return ids.every((id) => cameras.includes(id));
}

function told({ cameras, lost }: BoxSegment): string {
  if (lost.length === cameras.length) return `${cameras.length} cameras`;
  return `${lost.length} of ${cameras.length} cameras: ${lost.join(', ')}`;
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
