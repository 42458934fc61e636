import type { Memory } from '../store/store.ts';

/** What a camera says it is. What it does not say is empty. @see ONVIF Core §8.3.1, GetDeviceInformation */
export interface Identity {
  readonly manufacturer: string;
  readonly model: string;
  readonly firmware: string;
  readonly serial: string;
}

/** Another device answers than the one that is expected there. */
export interface Swap {
  readonly expected: string;
  readonly came: string;
}

interface Expected {
  readonly id: string;
  readonly host: string;
  /** As the configuration says. */
  readonly serial?: string | undefined;
}

const ROOM = 'identity';

/**
 * Compares the serial number with that of the configuration or, where it names none, with the first that was heard at this
 * address. The first stays the expected one until the configuration names another or moves the camera.
 */
export function compareIdentity(memory: Memory, camera: Expected, { serial }: Identity): Swap | undefined {
  if (serial === '') return undefined;
  const expected = camera.serial ?? learnt(memory, camera, serial);
  return expected === serial ? undefined : { expected, came: serial };
}

/** The serial number that is expected of a camera; empty where none is. */
export function expectedSerial(get: Memory['get'], { id, host, serial }: Expected): string {
  const kept = parse(get(ROOM, id));
  return serial ?? (kept?.host === host ? kept.serial : '');
}

function learnt(memory: Memory, { id, host }: Expected, serial: string): string {
  const kept = parse(memory.get(ROOM, id));
  if (kept?.host === host) return kept.serial;
  memory.set(ROOM, id, JSON.stringify({ host, serial }));
  return serial;
}

/** @returns whether it is the expected one from now on: not where the configuration names another */
export function acceptIdentity(memory: Memory, { id, host, serial }: Expected, came: Identity): boolean {
  if (serial !== undefined) return serial === came.serial;
  memory.set(ROOM, id, JSON.stringify({ host, serial: came.serial }));
  return true;
}

/** Forgets a camera that is no longer watched. */
export function forgetIdentity(memory: Memory, camera: string): void {
  memory.delete(ROOM, camera);
}

function parse(text: string | undefined): { host: unknown; serial: string } | undefined {
  if (text === undefined) return undefined;
  try {
    const { host, serial } = JSON.parse(text);
    return typeof serial === 'string' ? { host, serial } : undefined;
  } catch {
    return undefined;
  }
}
