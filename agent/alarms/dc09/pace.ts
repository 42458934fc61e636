import type { Clock } from '../../base/clock.ts';

/** Messages of one share in one second; each may wait for the disk. Source: guess. */
const PER_SECOND = 100;
/** Addresses of strangers that have a count of their own in one second; all others share one. Source: guess. */
const STRANGERS = 256;
const OTHERS = '';
/** Messages of all strangers in one second: each that is refused costs time too. Source: guess. */
const OF_STRANGERS = 500;

/**
 * What a message proves before it is taken. `new`: made by who holds the key of the account, now; in clear, by anybody who
 * knows the account. `repeated`: the same once more, by the panel or by who recorded it. `named`: a whole message that names
 * the account, and nothing else about it is right.
 */
export interface Standing {
  readonly account: string;
  readonly proof: 'new' | 'repeated' | 'named';
}

export interface PaceNeeds {
  readonly clock: Clock;
  /** Whether genuine messages came from this address lately. */
  readonly isKnown: (address: string) => boolean;
}

/**
 * Counts messages per second, so that none keeps the box from its other work. What each account sends has its own share for
 * each thing that it proves, and for each of its known addresses: neither garbage with the address of a panel, which UDP
 * lets anybody write, nor what was recorded and is played again, uses up what the panel needs. All else shares by address.
 */
export class Pace {
  readonly #needs: PaceNeeds;
  readonly #shares = new Map<string, number>();
  readonly #strangers = new Map<string, number>();
  #ofStrangers = 0;
  #second = 0;

  constructor(needs: PaceNeeds) {
    this.#needs = needs;
  }

  /**
   * @param standing undefined for what is no message of a configured account
   * @returns false when its share of this second is used up
   */
  allows(address: string, standing: Standing | undefined): boolean {
    this.#turn();
    if (!standing) return this.#allowsStranger(address);
    const from = this.#needs.isKnown(address) ? address : OTHERS;
    return counted(this.#shares, `${standing.proof} ${standing.account} ${from}`);
  }

  #allowsStranger(address: string): boolean {
    const hasOwnCount = this.#strangers.has(address) || this.#strangers.size < STRANGERS;
    if (this.#ofStrangers >= OF_STRANGERS || !counted(this.#strangers, hasOwnCount ? address : OTHERS))
      return false;
    this.#ofStrangers += 1;
    return true;
  }

  #turn(): void {
    const second = Math.floor(this.#needs.clock.monotonicMs() / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#ofStrangers = 0;
    for (const counts of [this.#shares, this.#strangers]) counts.clear();
  }
}

function counted(counts: Map<string, number>, key: string): boolean {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count <= PER_SECOND;
}
