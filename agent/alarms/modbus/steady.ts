/** The state of an input that bounces: a change counts when every reading over `debounceMs` showed it. */
export class SteadyInput {
  readonly #debounceMs: number;
  #steady: boolean | undefined;
  #candidate: { readonly value: boolean; readonly sinceMs: number } | undefined;

  constructor(debounceMs: number) {
    this.#debounceMs = debounceMs;
  }

  /**
   * @param nowMs monotonic
   * @returns undefined until the input was steady once
   */
  read(value: boolean, nowMs: number): boolean | undefined {
    if (value === this.#steady) this.#candidate = undefined;
    else {
      if (this.#candidate?.value !== value) this.#candidate = { value, sinceMs: nowMs };
      if (nowMs - this.#candidate.sinceMs >= this.#debounceMs) this.#steady = value;
    }
    return this.#steady;
  }

  /** The input was not read for a while: what it did meanwhile is not known, nor how it is until it is steady again. */
  interrupted(): void {
    this.#steady = undefined;
    this.#candidate = undefined;
  }
}
