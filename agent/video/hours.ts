import { MinutePattern } from '../base/schedule.ts';

/** Far above what one configuration holds. */
const MAX_KEPT = 256;

/** In which minutes destinations get pictures. Cameras mostly have the same hours, so each expression is read once. */
export class Hours {
  readonly #patterns = new Map<string, MinutePattern>();

  /** @param hours cron expressions of five fields, Europe/Paris; always when absent */
  cover(hours: readonly string[] | undefined, wallMs: number): boolean {
    return hours === undefined || hours.some((text) => this.#pattern(text).holds(wallMs));
  }

  #pattern(text: string): MinutePattern {
    const known = this.#patterns.get(text);
    if (known) return known;
    if (this.#patterns.size >= MAX_KEPT) this.#patterns.clear();
    const pattern = new MinutePattern(text);
    this.#patterns.set(text, pattern);
    return pattern;
  }
}
