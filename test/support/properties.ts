import * as fc from 'fast-check';
import { SEED, TIMES } from './seed.ts';

/** fast-check with the seed of the run, and so many times as many cases. No test imports it otherwise. */
export * from 'fast-check';

type Wanted<T> = fc.Parameters<T>;

/** What fast-check would try by itself. */
const CASES = 100;

export function assert<T>(rule: fc.IProperty<T>, wanted?: Wanted<T>): void;
export function assert<T>(rule: fc.IAsyncProperty<T>, wanted?: Wanted<T>): Promise<void>;
export function assert<T>(rule: fc.IRawProperty<T>, wanted?: Wanted<T>): Promise<void> | void {
  return fc.assert(rule, ofRun(wanted));
}

export function check<T>(rule: fc.IProperty<T>, wanted?: Wanted<T>): fc.RunDetails<T>;
export function check<T>(rule: fc.IAsyncProperty<T>, wanted?: Wanted<T>): Promise<fc.RunDetails<T>>;
export function check<T>(
  rule: fc.IRawProperty<T>,
  wanted?: Wanted<T>,
): Promise<fc.RunDetails<T>> | fc.RunDetails<T> {
  return fc.check(rule, ofRun(wanted));
}

function ofRun<T>(wanted: Wanted<T> = {}): Wanted<T> {
  return { seed: SEED, ...wanted, numRuns: (wanted.numRuns ?? CASES) * TIMES };
}
