import type { Memory } from '../store/store.ts';
import { FINDINGS, type Finding, type Inventory } from './finding.ts';
import type { KnownDevice } from './ports.ts';

/** Rooms of the memory of the store. */
const KNOWN_ROOM = 'inventory-known';
/** Of the last look. */
const LAST_ROOM = 'inventory';
const LAST_KEY = 'last';

type Read = (room: string, key: string) => string | undefined;

/** What is known of the device of a camera. */
export function readKnown(get: Read, camera: string): KnownDevice | undefined {
  const value = parse(get(KNOWN_ROOM, camera)) as Partial<KnownDevice> | undefined;
  const { host, endpoint, mac } = value ?? {};
  const isKnown = typeof host === 'string' && typeof endpoint === 'string' && typeof mac === 'string';
  return isKnown ? { host, endpoint, mac } : undefined;
}

export function keepKnown(memory: Memory, camera: string, known: KnownDevice): void {
  const text = JSON.stringify(known);
  if (memory.get(KNOWN_ROOM, camera) !== text) memory.set(KNOWN_ROOM, camera, text);
}

/** Another device may take its place. */
export function forgetKnown(memory: Memory, camera: string): void {
  memory.delete(KNOWN_ROOM, camera);
}

/** Forgets cameras that are no longer configured. */
export function forgetOthers(memory: Memory, cameras: ReadonlySet<string>): void {
  for (const [camera] of memory.entries(KNOWN_ROOM)) if (!cameras.has(camera)) forgetKnown(memory, camera);
}

/** The last look; undefined where there was none, or nobody can read it. */
export function readLast(get: Read): Inventory | undefined {
  const value = parse(get(LAST_ROOM, LAST_KEY)) as Partial<Inventory> | undefined;
  const isInventory = typeof value?.atMs === 'number' && Array.isArray(value.findings);
  return isInventory && value.findings?.every(isFinding) ? (value as Inventory) : undefined;
}

export function keepLast(memory: Memory, inventory: Inventory): void {
  memory.set(LAST_ROOM, LAST_KEY, JSON.stringify(inventory));
}

function isFinding(value: unknown): value is Finding {
  const kind = (value as Finding | null)?.kind;
  return FINDINGS.some((known) => known === kind);
}

function parse(text: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
