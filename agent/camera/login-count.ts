import type { Clock } from '../base/clock.ts';

/** Refused logins per credential version, then no more. Source: the design page, section What good looks like. */
export const MAX_REFUSED = 3;

/** An accepted login forgives other connections' refusals after this long. Source: guess, beyond a camera's lock-out. */
const FORGIVE_MS = 24 * 3600 * 1000;

/** Logins in a row that a camera may leave without an answer before it is left alone. Source: guess. */
const MAX_UNANSWERED = 3;
/** How long it is left alone then: three such logins in half an hour lock no account that is known. Source: guess. */
const PAUSE_MS = 10 * 60_000;

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
 * The logins of one credential version: refused, unsure and under way together are never more than three. A login under
 * way stands in the record as unsure, so that whoever dies in the middle of it gains none. While the credentials are
 * proven one stands there for all, whether one is under way or not: so nothing has to be written at each login, but for
 * the last that is left.
 *
 * A camera that takes logins and says nothing may be refusing them. While the credentials are not proven it is left alone
 * after three in a row, for a while: it may as well be broken, and then it must not be lost for good.
 */
export class LoginCount {
  readonly version: number;
  readonly #clock: Clock;
  #refused: number;
  #unsure: number;
  #proven: boolean;
  #underWay = 0;
  #tried = false;
  #unanswered = 0;
  #pausedUntilMs = 0;
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
    const unsure = this.#proven ? this.#fearedOfProven() : this.#unsure + this.#underWay;
    return { version: this.version, refused: this.#refused, unsure, proven: this.#proven };
  }

  /** How long the camera is left alone yet, because it leaves logins unanswered; 0 when it is not. */
  get pausedMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#clock.monotonicMs());
  }

  /** @returns undefined while logins under way may use up what is left; false when nothing is left */
  begin(): boolean | undefined {
    if (!this.counts) return true;
    if (this.latched) return false;
    if (this.#refused + this.#unsure + this.#underWay >= MAX_REFUSED) return undefined;
    this.#underWay += 1;
    this.#tried = true;
    return true;
  }

  /** A login under way ended without an answer that says anything of it, or was never sent. */
  end(): void {
    this.#underWay -= 1;
  }

  /** The camera took a login and said nothing. */
  leaveUnanswered(): void {
    if (!this.counts || this.#proven) return;
    this.#unanswered += 1;
    if (this.#unanswered >= MAX_UNANSWERED) this.#pausedUntilMs = this.#clock.monotonicMs() + PAUSE_MS;
  }

  /** The camera said something, be it nothing of the login. */
  hear(): void {
    this.#unanswered = 0;
    this.#pausedUntilMs = 0;
  }

  /** Nobody will know how a login under way ended. */
  lose(): void {
    this.end();
    this.#unsure = this.#proven ? Math.max(1, this.#unsure) : this.#unsure + 1;
  }

  refuse(): void {
    if (!this.counts) return;
    this.hear();
    this.#refused += 1;
    this.#proven = false;
    this.#lastRefusedMs = this.#clock.monotonicMs();
  }

  /** @param forgiven refusals that the same connection had before */
  accept(forgiven: number): void {
    this.hear();
    if (this.latched) return;
    const isOld = this.#clock.monotonicMs() - this.#lastRefusedMs >= FORGIVE_MS;
    this.#refused = isOld ? 0 : Math.max(0, this.#refused - forgiven);
    this.#unsure = 0;
    this.#proven = this.counts;
  }

  #fearedOfProven(): number {
    const isLast = this.#refused >= MAX_REFUSED - 1;
    const one = isLast ? this.#underWay > 0 : this.#tried;
    return Math.max(this.#unsure, one ? 1 : 0);
  }
}

/** @returns undefined for what this program has not written */
export function parseLogins(text: string): LoginRecord[] | undefined {
  try {
    const records: unknown = JSON.parse(text);
    return Array.isArray(records) && records.every(isRecord) ? records : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is LoginRecord {
  const { version, refused, unsure, proven } = (value ?? {}) as Partial<LoginRecord>;
  return [version, refused, unsure].every(Number.isSafeInteger) && typeof proven === 'boolean';
}
