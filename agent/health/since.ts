import type { Code } from '../base/codes.ts';
import type { CameraState } from '../contract/messages.ts';
import type { Memory } from '../store/store.ts';
import type { LastFault } from './last-fault.ts';

/** A state with its cause, as it was declared. */
interface Declared {
  readonly state: CameraState;
  readonly cause: Code | 'none';
}

const ROOM = 'health';

/**
 * When this state began, if it is the last one that was declared before the agent was started again: a camera that was
 * down then and is down now has been down all the while.
 */
export function keptSince(memory: Memory, camera: string, now: Declared): number | undefined {
  const kept = parse(memory.get(ROOM, camera));
  return kept?.state === now.state && kept.cause === now.cause ? kept.since : undefined;
}

/** The last fault of before the agent was started again, if the camera is no longer as it was then. */
export function faultBefore(
  memory: Memory,
  camera: string,
  now: Declared,
): Omit<LastFault, 'untilMs' | 'next'> | undefined {
  const { state, cause, since } = parse(memory.get(ROOM, camera)) ?? {};
  if (since === undefined || (state !== 'down' && state !== 'degraded')) return undefined;
  if (state === now.state && cause === now.cause) return undefined;
  return { state, cause: String(cause), sinceMs: since };
}

/** The cause of the state that was declared last before the agent was started again. */
export function keptCause(memory: Memory, camera: string): unknown {
  return parse(memory.get(ROOM, camera))?.cause;
}

/** Remembers since when the camera is in this state. */
export function keepSince(memory: Memory, camera: string, now: Declared, since: number): void {
  memory.set(ROOM, camera, JSON.stringify({ state: now.state, cause: now.cause, since }));
}

/** Forgets a camera that is no longer watched. */
export function forgetSince(memory: Memory, camera: string): void {
  memory.delete(ROOM, camera);
}

/** Cameras that were watched before. */
export function keptCameras(memory: Memory): string[] {
  return memory.entries(ROOM).map(([camera]) => camera);
}

function parse(text: string | undefined): { state: unknown; cause: unknown; since: number } | undefined {
  if (text === undefined) return undefined;
  try {
    const { state, cause, since } = JSON.parse(text);
    return typeof since === 'number' ? { state, cause, since } : undefined;
  } catch {
    return undefined;
  }
}
