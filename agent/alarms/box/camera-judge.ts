import type { BoxCamera, CameraHealthPoint } from '../ports.ts';
import { LATER, type Said, UNKNOWN } from './said.ts';

/**
 * How long a camera that does not answer waits for the others to fall silent too, where a point watches the network of
 * all cameras. Source: guess, above the 5 s in which a dead stream is declared and the 10 s in which it recovers.
 */
export const HOLD_MS = 15_000;

/**
 * What cameras are alarms. Where one point watches the network of all cameras, a cut of all of them is that one alarm, and
 * not one of each camera besides.
 */
export class CameraJudge {
  readonly #watchesNetwork: boolean;
  readonly #unreachableSinceMs = new Map<string, number>();
  #cameras: readonly BoxCamera[] = [];
  #networkIsDown = false;
  #networkBackMs = Number.NEGATIVE_INFINITY;
  #nowMs = 0;

  constructor(watchesNetwork: boolean) {
    this.#watchesNetwork = watchesNetwork;
  }

  /** Takes the cameras as they are now. */
  look(cameras: readonly BoxCamera[], nowMs: number): void {
    const wasDown = this.#networkIsDown;
    this.#cameras = cameras;
    this.#nowMs = nowMs;
    this.#networkIsDown = cameras.length > 1 && cameras.every(isUnreachable);
    if (wasDown && !this.#networkIsDown) this.#networkBackMs = nowMs;
    for (const camera of cameras) {
      if (!isUnreachable(camera)) this.#unreachableSinceMs.delete(camera.camera);
      else if (!this.#unreachableSinceMs.has(camera.camera))
        this.#unreachableSinceMs.set(camera.camera, nowMs);
    }
  }

  network(): Said {
    if (this.#networkIsDown)
      return { active: true, cause: 'camera-network-down', text: `${this.#cameras.length} cameras` };
    return this.#cameras.every(({ state }) => state === 'unknown') ? UNKNOWN : { active: false };
  }

  of(point: CameraHealthPoint): Said {
    const own = this.#cameras.filter(({ camera }) => point.camera === undefined || point.camera === camera);
    const bad = own.filter(
      ({ state }) => state === 'down' || (point.from === 'degraded' && state === 'degraded'),
    );
    const told = bad.filter((camera) => !this.#isHeldBack(camera));
    if (told.length > 0) return said(told, own.length);
    if (bad.length > 0) return this.#networkIsDown ? UNKNOWN : LATER;
    return own.some(({ state }) => state === 'unknown') ? UNKNOWN : { active: false };
  }

  #isHeldBack(camera: BoxCamera): boolean {
    if (!this.#watchesNetwork || !isUnreachable(camera)) return false;
    const sinceMs = this.#unreachableSinceMs.get(camera.camera) ?? this.#nowMs;
    return this.#networkIsDown || this.#nowMs - Math.max(sinceMs, this.#networkBackMs) < HOLD_MS;
  }
}

function said(bad: readonly BoxCamera[], of: number): Said {
  const [first] = bad;
  const cause = first?.cause === 'none' ? undefined : first?.cause;
  const text = of > 1 ? `${bad.length} of ${of}: ${bad.map(({ camera }) => camera).join(', ')}` : undefined;
  return { active: true, cause, text };
}

function isUnreachable({ state, cause }: BoxCamera): boolean {
  return state === 'down' && cause === 'camera-unreachable';
}
