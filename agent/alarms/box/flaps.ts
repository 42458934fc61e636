import type { BoxCamera } from '../ports.ts';

/** A camera that comes back so often within this time is not well, and is again when it has not failed for as long. Source: guess. */
const RETURNS = 3;
const WITHIN_MS = 600_000;

interface Fault {
  /** The camera as it was last. */
  readonly camera: BoxCamera;
  readonly isOwn: boolean;
}

interface Returns {
  /** As it was at fault when this began: another cause each minute is no news. */
  readonly camera: BoxCamera;
  readonly timesMs: readonly number[];
  readonly flaps: boolean;
}

/**
 * Cameras that fail and come back again and again: each fault may be too short for an alarm of its own, and where it is not,
 * there would be one a minute. Times are monotonic.
 */
export class Flaps {
  readonly #faults = new Map<string, Fault>();
  readonly #returns = new Map<string, Returns>();

  /** @param isOwn the fault is of this camera, and not of the network before it */
  look(camera: BoxCamera, isBad: boolean, isOwn: boolean, nowMs: number): void {
    if (camera.state === 'unknown') return;
    const fault = this.#faults.get(camera.camera);
    if (isBad) this.#faults.set(camera.camera, { camera, isOwn: isOwn && fault?.isOwn !== false });
    else if (fault) this.#isBack(fault, nowMs);
  }

  /** What was not to do its job for a while begins anew. */
  forget(camera: string): void {
    this.#faults.delete(camera);
    this.#returns.delete(camera);
  }

  /** @returns the camera as it was at fault, when it fails again and again */
  of(camera: string, nowMs: number): BoxCamera | undefined {
    const returns = this.#returns.get(camera);
    return returns?.flaps && nowMs - lastOf(returns) < WITHIN_MS ? returns.camera : undefined;
  }

  #isBack({ camera: bad, isOwn }: Fault, nowMs: number): void {
    const id = bad.camera;
    this.#faults.delete(id);
    if (!isOwn) return;
    const known = this.of(id, nowMs);
    const before = this.#returns.get(id)?.timesMs ?? [];
    const timesMs = [...before, nowMs].slice(-RETURNS);
    const isOften = timesMs.length === RETURNS && nowMs - (timesMs[0] ?? 0) <= WITHIN_MS;
    this.#returns.set(id, { camera: known ?? bad, timesMs, flaps: isOften || known !== undefined });
  }
}

function lastOf({ timesMs }: Returns): number {
  return timesMs.at(-1) ?? Number.NEGATIVE_INFINITY;
}
