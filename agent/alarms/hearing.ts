import type { Clock } from '../base/clock.ts';
import { BEYOND } from './record.ts';

/** Unconfirmed for this long, a state is no longer known: a short loss of the source passes. Source: guess. */
export const UNCONFIRMED_MS = 10_000;

/** Whether the source of a point can be heard: what it said before a loss is not believed until it says it again. */
export class Hearing {
  readonly #clock: Clock;
  /** Since when the source was not heard on this point; undefined when all it said is confirmed. */
  #unconfirmedSinceMs: number | undefined;
  /** When the source was last heard on this point in this start. */
  #heardMs: number | undefined;
  /** Conditions that held before the loss and were not spoken of since. */
  #unconfirmed: Set<string>;
  /** The source is heard, and repeats nothing by itself. */
  #isHeld = false;

  constructor(clock: Clock, active: readonly string[]) {
    this.#clock = clock;
    this.#unconfirmed = new Set(active);
    this.#unconfirmedSinceMs = clock.monotonicMs();
  }

  /** Whether the state is what the source says now. */
  get confirmed(): boolean {
    return this.#unconfirmedSinceMs === undefined;
  }

  /** Whether the source was not heard for too long. */
  isUnknown(maxAgeMs = UNCONFIRMED_MS): boolean {
    const sinceMs = this.#unconfirmedSinceMs;
    return sinceMs !== undefined && this.#clock.monotonicMs() - sinceMs >= maxAgeMs;
  }

  /**
   * The source can no longer be heard.
   * @param fromLastWord whether the age of the last word counts, in place of that of the loss
   */
  lost(active: readonly string[], fromLastWord: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    this.#isHeld = false;
    this.#unconfirmed = new Set(active);
    this.#unconfirmedSinceMs ??= fromLastWord ? (this.#heardMs ?? nowMs) : nowMs;
  }

  /** What was said last holds. */
  all(): void {
    this.#heardMs = this.#clock.monotonicMs();
    this.#unconfirmed.clear();
    this.#unconfirmedSinceMs = undefined;
  }

  /** The source is heard, and says of what it said last neither that it holds nor that it does not. */
  held(): void {
    this.#isHeld = true;
    this.#unconfirmedSinceMs = undefined;
  }

  /**
   * One condition that surely holds is enough; otherwise every one that held must have been spoken of.
   * @returns whether the state is what the source has said since the loss
   */
  heard(key: string, active: readonly string[]): boolean {
    this.#heardMs = this.#clock.monotonicMs();
    this.#unconfirmed.delete(key);
    // No source speaks of it: it has ended when somebody has closed it.
    if (!active.includes(BEYOND)) this.#unconfirmed.delete(BEYOND);
    const surelyActive = active.some((other) => !this.#unconfirmed.has(other));
    const isSure = surelyActive || this.#unconfirmed.size === 0;
    if (isSure || this.#isHeld) this.#unconfirmedSinceMs = undefined;
    else this.#unconfirmedSinceMs ??= this.#heardMs;
    return isSure;
  }

  /** The source no longer knows this condition. */
  vanished(key: string, active: readonly string[]): void {
    if (!active.includes(key)) return;
    this.#unconfirmed.add(key);
    if (active.every((other) => this.#unconfirmed.has(other)))
      this.#unconfirmedSinceMs ??= this.#clock.monotonicMs();
  }
}
