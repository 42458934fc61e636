import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Test } from 'tap';
import { Dice } from './dice.ts';
import * as fc from './properties.ts';
import { SEED } from './seed.ts';

/** Cases of a parser in a normal run. */
const CASES = 100_000;
/** What all cases together may leave in memory, bytes: 240 of each case, far above the engine's own noise. */
const MAY_STAY_BYTES = 24 * 1024 * 1024;

/** Runs a property on many cases, which must leave nothing in memory, and tells the seed, which makes the same cases again. */
export function fuzz<T>(t: Test, what: string, rule: fc.IProperty<T>, cases = CASES): void {
  const beforeBytes = keptBytes();
  const result = fc.check(rule, { numRuns: cases });
  const stayed = keptBytes() - beforeBytes;
  tell(t, what, result);
  t.ok(stayed < MAY_STAY_BYTES, `${stayed} bytes stayed in memory`);
  t.equal(result.numRuns, result.runConfiguration.numRuns, 'every case was tried');
}

function tell<T>(t: Test, what: string, result: fc.RunDetails<T>): void {
  t.comment(`fuzz: ${what}: ${result.numRuns} cases, seed ${SEED}`);
  t.notOk(result.failed, `${fc.defaultReportMessage(result) ?? what} ${result.errorInstance ?? ''}`);
}

/** What is in use when all garbage is collected: objects and buffers. */
function keptBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) collect(); // the memory of buffers is counted off by the next one
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** As `fuzz`, for stories that take their time; each run is one. */
export async function fuzzStories<T>(
  t: Test,
  what: string,
  rule: fc.IAsyncProperty<T>,
  numRuns: number,
): Promise<void> {
  tell(t, what, await fc.check(rule, { numRuns }));
}

/**
 * As `fuzz`, for cases that a rule makes itself of dice: a shrunk number would make another case, so none is shrunk.
 * @param rule false when a case breaks it
 */
export function fuzzDice(t: Test, what: string, rule: (dice: Dice) => boolean): void {
  const seeds = fc.noShrink(fc.noBias(fc.integer()));
  fuzz(
    t,
    what,
    fc.property(seeds, (seed) => rule(new Dice(seed))),
  );
}
