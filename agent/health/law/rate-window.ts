import { add, fpsOf, type MeasureReport, NO_MEASURE } from '../measure-window.ts';

/** Pictures per second by what arrived, in whole windows. */
export class RateWindow {
  #sum = NO_MEASURE;
  #first = true;
  #last: number | undefined;
  #before: number | undefined;

  /** Of the last whole window, and of the one before it. */
  get rates(): { readonly fps: number | undefined; readonly fpsBefore: number | undefined } {
    return { fps: this.#last, fpsBefore: this.#before };
  }

  take(report: MeasureReport, windowMs: number): void {
    if (this.#first) {
      this.#first = false; // begins before the first picture
      return;
    }
    this.#sum = add(this.#sum, report);
    if (this.#sum.periodMs < windowMs) return;
    this.#before = this.#last;
    this.#last = fpsOf(this.#sum);
    this.#sum = NO_MEASURE;
  }

  /** No pictures come: what was measured before says nothing of what comes next. */
  reset(): void {
    this.#sum = NO_MEASURE;
    this.#first = true;
    this.#last = undefined;
    this.#before = undefined;
  }
}
