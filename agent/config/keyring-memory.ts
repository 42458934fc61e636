import { readMemory } from '../store/read-memory.ts';
import type { Memory } from '../store/store.ts';

const ROOM = 'keyring';

/**
 * The highest keyring version of an authority that this box has begun with; 0 when it has seen none, or when the
 * database cannot be read, which the agent tells when it opens it. An older keyring may hold a key that was withdrawn
 * since. Each authority counts by itself: a box that a technician gives to another begins anew.
 * @param authority key id of the authority
 */
export function seenKeyring(stateFolder: string, authority: string): number {
  try {
    const seen = Number(readMemory(stateFolder, ROOM, authority) ?? 0);
    return Number.isSafeInteger(seen) ? seen : 0;
  } catch {
    return 0;
  }
}

/** Durable when this returns; never goes back. */
export function rememberKeyring(memory: Memory, authority: string, version: number): void {
  if (version > Number(memory.get(ROOM, authority) ?? 0)) memory.set(ROOM, authority, String(version));
}
