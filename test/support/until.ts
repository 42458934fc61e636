import { setTimeout as delay } from 'node:timers/promises';

/** How often to look, ms. A guess: short beside what tests wait for. */
const LOOK_MS = 5;

/**
 * How long what ought to happen is waited for before the test says what did not, ms. No time is asserted with it: many
 * times what the slowest machine needs, and below the time-out of a test file.
 */
export const PATIENCE_MS = 240_000;

/**
 * Waits until what is asked for holds. For what tells no event of its own: a process, a file, a state of another program.
 *
 * @returns what `find` found
 */
export async function until<T>(find: () => T | Promise<T>): Promise<Exclude<T, false | undefined>> {
  const limit = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const found = await find();
    if (found !== undefined && found !== false) return found as Exclude<T, false | undefined>;
    if (limit.aborted) throw new Error(`waited ${PATIENCE_MS} ms for: ${find}`);
    await delay(LOOK_MS);
  }
}
