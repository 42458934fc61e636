import fc from 'fast-check';
import type { Test } from 'tap';
import { Dice } from './dice.ts';

/** Cases of a parser in a normal run. */
const CASES = 100_000;

/**
 * Runs a property on many cases and prints the seed, which makes the same cases again:
 * `BEFFROI_FUZZ_SEED=… npx tap FILE`; `BEFFROI_FUZZ_CASES` sets another number of cases.
 */
export function fuzz<T>(t: Test, what: string, rule: fc.IProperty<T>, cases = CASES): void {
  const seed = Number(process.env.BEFFROI_FUZZ_SEED ?? Date.now() % 2 ** 31);
  const numRuns = Number(process.env.BEFFROI_FUZZ_CASES ?? cases);
  t.comment(`fuzz: ${what}: ${numRuns} cases, seed ${seed}`);
  const result = fc.check(rule, { numRuns, seed });
  t.notOk(result.failed, `${fc.defaultReportMessage(result) ?? what} ${result.errorInstance ?? ''}`);
  t.equal(result.numRuns, numRuns, 'every case was tried');
}

/** As `fuzz`, for stories that take their time; each run is one. */
export async function fuzzStories<T>(
  t: Test,
  what: string,
  rule: fc.IAsyncProperty<T>,
  numRuns: number,
): Promise<void> {
  const seed = Number(process.env.BEFFROI_FUZZ_SEED ?? Date.now() % 2 ** 31);
  t.comment(`fuzz: ${what}: ${numRuns} stories, seed ${seed}`);
  const result = await fc.check(rule, { numRuns, seed });
  t.notOk(result.failed, `${fc.defaultReportMessage(result) ?? what} ${result.errorInstance ?? ''}`);
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
