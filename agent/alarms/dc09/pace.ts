import type { Clock } from '../../base/clock.ts';

/** Messages of one address in one second; each may wait for the disk. Source: guess. */
const PER_SECOND = 100;
/** Addresses of strangers that are counted apart in one second; all others share one count. Source: guess. */
const STRANGERS = 256;
const OTHERS = '';
/** Messages of all strangers in one second: each that is refused costs time too. Source: guess. */
const OF_STRANGERS = 500;

export interface PaceNeeds {
  readonly clock: Clock;
  /** Whether genuine messages came from this address lately. */
  readonly isKnown: (address: string) => boolean;
}

/**
 * Counts messages per address and second, so that none keeps the box from its other work. However many strangers there
 * are, an address that is known has its own share, and so has an account whose panel has a new address.
 */
export class Pace {
  readonly #needs: PaceNeeds;
  readonly #known = new Map<string, number>();
  readonly #strangers = new Map<string, number>();
  readonly #accounts = new Map<string, number>();
  #ofStrangers = 0;
  #second = 0;

  constructor(needs: PaceNeeds) {
    this.#needs = needs;
  }

  /**
   * @param account asked only of strangers beyond their shares: the account of the configuration that the message names
   * @returns false when the address has had its share of this second
   */
  allows(address: string, account: () => string | undefined = () => undefined): boolean {
    this.#turn();
    if (this.#needs.isKnown(address)) return counted(this.#known, address);
    if (this.#allowsStranger(address)) return true;
    const named = account();
    return named !== undefined && counted(this.#accounts, named);
  }

  #allowsStranger(address: string): boolean {
    const isApart = this.#strangers.has(address) || this.#strangers.size < STRANGERS;
    if (this.#ofStrangers >= OF_STRANGERS || !counted(this.#strangers, isApart ? address : OTHERS))
      return false;
    this.#ofStrangers += 1;
    return true;
  }

  #turn(): void {
    const second = Math.floor(this.#needs.clock.monotonicMs() / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#ofStrangers = 0;
    for (const counts of [this.#known, this.#strangers, this.#accounts]) counts.clear();
  }
}

function counted(counts: Map<string, number>, key: string): boolean {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count <= PER_SECOND;
}
