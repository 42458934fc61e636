import type { Memory } from '../store/store.ts';

const ROOM = 'config';
const KEY = 'time-floor-ms';

/**
 * The latest time that the box knows has passed: what it believed while its clock was trusted, and when the orders
 * that it took were issued. Durable, and it never goes back; an unset clock cannot make an expired order good again.
 */
export class TimeFloor {
  readonly #memory: Memory;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Unix ms; 0 when nothing is known. */
  get ms(): number {
    const known = Number(this.#memory.get(ROOM, KEY));
    return Number.isSafeInteger(known) && known > 0 ? known : 0;
  }

  raise(toMs: number): void {
    if (toMs > this.ms) this.#memory.set(ROOM, KEY, String(Math.trunc(toMs)));
  }
}
