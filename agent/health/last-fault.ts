import type { Memory } from '../store/store.ts';

/** The last fault of a camera that came to an end; times by the wall clock, ms. */
export interface LastFault {
  readonly state: string;
  readonly cause: string;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** The cause of what the camera was in when it was over: `none` for one that was well. */
  readonly next: string;
}

/** Causes that are one fault, seen in different ways: when one takes the place of another, nothing is repaired. */
const SAME: readonly RegExp[] = [
  /^picture-/,
  /^camera-(login-refused|latched|insecure-login)$/,
  /^camera-clock-/,
  /^(camera-(loss|no-key-picture|low-rate)|box-unread)$/,
];

/** Whether what is wrong now is another fault than the one that was repaired, and showed as soon as that was over. */
export function isAnother({ cause, next }: LastFault, now: string): boolean {
  const isSame = cause === now || SAME.some((kind) => kind.test(cause) && kind.test(now));
  return now === next && !isSame;
}

const ROOM = 'last-fault';

export function keepFault(memory: Memory, camera: string, fault: LastFault): void {
  memory.set(ROOM, camera, JSON.stringify(fault));
}

/** @returns undefined when the camera had none, or none that can be read */
export function keptFault(memory: Memory, camera: string): LastFault | undefined {
  const text = memory.get(ROOM, camera);
  if (text === undefined) return undefined;
  try {
    const { state, cause, sinceMs, untilMs, next } = JSON.parse(text);
    const times = [sinceMs, untilMs].every((ms) => Number.isSafeInteger(ms));
    const words = { state: String(state), cause: String(cause), next: String(next) };
    return times ? { ...words, sinceMs, untilMs } : undefined;
  } catch {
    return undefined;
  }
}

/** Forgets a camera that is no longer watched. */
export function forgetFault(memory: Memory, camera: string): void {
  memory.delete(ROOM, camera);
}

/** What was wrong before, for whoever confirms a repair. */
export function describeFault(fault: LastFault | undefined): string {
  if (!fault) return 'no fault is known';
  const [since, until] = [fault.sinceMs, fault.untilMs].map((ms) => new Date(ms).toISOString());
  return `${fault.state} (${fault.cause}) from ${since} to ${until}`;
}
