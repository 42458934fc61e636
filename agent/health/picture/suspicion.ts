import type { Finding, PictureFault } from './finding.ts';

/** Looks in a row that a certain fault is declared after, and the least time between the first and the last. */
const CERTAIN_LOOKS = 3;
const CERTAIN_INTERVALS = 0.6;
/** So many of the last looks declare an uncertain one. A lorry that unloads is gone by then. Source: guess. */
const UNCERTAIN_LOOKS = 11;
const UNCERTAIN_OF = 13;
const UNCERTAIN_INTERVALS = 10;
/** Looks in a row that end a fault. */
const GOOD_LOOKS = 2;

interface Past {
  readonly finding: Finding | undefined;
  readonly atMs: number;
}

/** Confirms what looks say over several of them. */
export class Suspicion {
  #past: Past[] = [];
  #declared: Finding | undefined;

  /** @param declared what stood confirmed before: it ends as any other */
  constructor(declared?: Finding) {
    this.#declared = declared;
  }

  /** What stands confirmed. */
  get declared(): Finding | undefined {
    return this.#declared;
  }

  /** The next look should come soon: it may confirm a fault, or the end of one. */
  get isOpen(): boolean {
    const last = this.#past.at(-1);
    if (!last) return false;
    return this.#declared ? last.finding === undefined : last.finding?.certain === true;
  }

  take(finding: Finding | undefined, atMs: number, intervalMs: number): void {
    this.#past = [...this.#past, { finding, atMs }].slice(-UNCERTAIN_OF);
    const confirmed = this.#certain(atMs, intervalMs) ?? this.#uncertain(atMs, intervalMs);
    if (this.#isGood()) this.#declared = undefined;
    else if (confirmed && confirmed !== this.#declared?.fault) this.#declared = this.#latest(confirmed);
  }

  forget(): void {
    this.#past = [];
    this.#declared = undefined;
  }

  #certain(atMs: number, intervalMs: number): PictureFault | undefined {
    const last = this.#past.slice(-CERTAIN_LOOKS);
    const isLong = atMs - (last[0]?.atMs ?? atMs) >= CERTAIN_INTERVALS * intervalMs;
    if (last.length < CERTAIN_LOOKS || !isLong || !last.every(({ finding }) => finding?.certain))
      return undefined;
    return mostFrequent(last);
  }

  #uncertain(atMs: number, intervalMs: number): PictureFault | undefined {
    const found = this.#past.filter(({ finding }) => finding);
    const isLong = atMs - (found[0]?.atMs ?? atMs) >= UNCERTAIN_INTERVALS * intervalMs;
    return found.length >= UNCERTAIN_LOOKS && isLong ? mostFrequent(found) : undefined;
  }

  #isGood(): boolean {
    const last = this.#past.slice(-GOOD_LOOKS);
    return last.length === GOOD_LOOKS && last.every(({ finding }) => finding === undefined);
  }

  #latest(fault: PictureFault): Finding | undefined {
    return this.#past.findLast(({ finding }) => finding?.fault === fault)?.finding;
  }
}

/** A fault may look like one thing and then another. */
function mostFrequent(past: readonly Past[]): PictureFault | undefined {
  const counts = new Map<PictureFault, number>();
  for (const { finding } of past) {
    if (finding) counts.set(finding.fault, (counts.get(finding.fault) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}
