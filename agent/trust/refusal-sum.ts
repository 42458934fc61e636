import type { Code } from '../base/codes.ts';

/** Most names that the words of a sum hold: they are long, and who sends many orders may name anybody. */
const MAX_NAMES = 3;

/** Refusals that are told as one: how many, for which causes, naming whom, and when the first and the last came. */
export class RefusalSum {
  /** Unix ms. */
  readonly fromMs: number;
  #untilMs: number;
  #count = 0;
  readonly #causes = new Map<Code, number>();
  readonly #names = new Set<string>();

  constructor(nowMs: number) {
    this.fromMs = nowMs;
    this.#untilMs = nowMs;
  }

  /** @param name whom the order names as its operator */
  add(cause: Code, nowMs: number, name?: string): void {
    this.#count += 1;
    this.#untilMs = nowMs;
    this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + 1);
    if (name !== undefined && this.#names.size <= MAX_NAMES) this.#names.add(name);
  }

  get count(): number {
    return this.#count;
  }

  /** Unix ms. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /** The one of most of them. */
  get cause(): Code {
    return this.#byCount()[0]?.[0] ?? 'internal';
  }

  /** Fits 500 characters. */
  get words(): string {
    const causes = this.#byCount().map(([cause, count]) => `${count} ${cause}`);
    const [from, until] = [this.fromMs, this.#untilMs].map((ms) => new Date(ms).toISOString());
    const all = `${this.#count} further orders refused from ${from} to ${until}${this.#named()}: `;
    return all + fitting(causes, 500 - all.length);
  }

  #byCount(): [Code, number][] {
    return [...this.#causes].sort(([, a], [, b]) => b - a);
  }

  #named(): string {
    const names = [...this.#names];
    if (names.length === 0) return '';
    const more = names.length > MAX_NAMES ? ' and others' : '';
    return `, naming ${names.slice(0, MAX_NAMES).join(', ')}${more}`;
  }
}

/** As many of them as fit, the most frequent first. */
function fitting(causes: readonly string[], most: number): string {
  const [first = '', ...others] = causes;
  return others.reduce((text, one) => (`${text}, ${one}`.length <= most ? `${text}, ${one}` : text), first);
}
