import type { Clock } from '../base/clock.ts';

/** Refused logins per credential version, then no more. Source: the design page, section What good looks like. */
export const MAX_REFUSED = 3;

/** An accepted login forgives other connections' refusals after this long. Source: guess, beyond a camera's lock-out. */
const FORGIVE_MS = 24 * 3600 * 1000;

/** What is written down of the logins of one credential version. */
export interface LoginRecord {
  readonly version: number;
  readonly refused: number;
  /** Logins whose end nobody knows: they may have been refused. */
  readonly unsure: number;
  /** The last login whose end is known was accepted. */
  readonly proven: boolean;
}

/**
 * The logins of one credential version: refused, unsure and under way together are never more than three. While the
 * credentials are not proven, a login under way stands in the record as unsure, so that whoever dies in the middle
 * of it gains none.
 */
export class LoginCount {
  readonly version: number;
  readonly #clock: Clock;
  #refused: number;
  #unsure: number;
  #proven: boolean;
  #underWay = 0;
  #lastRefusedMs: number;

  constructor(record: LoginRecord, clock: Clock) {
    this.version = record.version;
    this.#refused = record.refused;
    this.#unsure = record.unsure;
    this.#proven = record.proven;
    this.#clock = clock;
    this.#lastRefusedMs = clock.monotonicMs();
  }

  /** Version 0 is that of a camera without credentials: there is nothing to refuse. */
  get counts(): boolean {
    return this.version !== 0;
  }

  get latched(): boolean {
    return this.counts && this.#refused + this.#unsure >= MAX_REFUSED;
  }

  get record(): LoginRecord {
    const unsure = this.#unsure + (this.#proven ? 0 : this.#underWay);
    return { version: this.version, refused: this.#refused, unsure, proven: this.#proven };
  }

  /** @returns undefined while logins under way may use up what is left; false when nothing is left */
  begin(): boolean | undefined {
    if (!this.counts) return true;
    if (this.latched) return false;
    if (this.#refused + this.#unsure + this.#underWay >= MAX_REFUSED) return undefined;
    this.#underWay += 1;
    return true;
  }

  /** A login under way ended without an answer that says anything of it, or was never sent. */
  end(): void {
    this.#underWay -= 1;
  }

  /** Nobody will know how a login under way ended. */
  lose(): void {
    this.end();
    if (!this.#proven) this.#unsure += 1;
  }

  refuse(): void {
    if (!this.counts) return;
    this.#refused += 1;
    this.#proven = false;
    this.#lastRefusedMs = this.#clock.monotonicMs();
  }

  /** @param forgiven refusals that the same connection had before */
  accept(forgiven: number): void {
    if (this.latched) return;
    const isOld = this.#clock.monotonicMs() - this.#lastRefusedMs >= FORGIVE_MS;
    this.#refused = isOld ? 0 : Math.max(0, this.#refused - forgiven);
    this.#unsure = 0;
    this.#proven = this.counts;
  }
}
