import type { ClockTrust } from '../base/clock.ts';
import { byBox, type Draft } from './draft.ts';
import { Countdown } from './life/countdown.ts';
import type { Decision } from './life/life.ts';

interface Now {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly trust: ClockTrust;
}

/** The time for which a point is set aside; it ends by itself. */
export class Shelf {
  #countdown: Countdown | undefined;

  /** @param kept what is on disk of it; undefined when the point is not shelved */
  constructor(kept: Draft['record']['shelf'], monotonicMs: number) {
    this.#countdown = kept && Countdown.restored(kept, monotonicMs);
  }

  /**
   * Begins in a draft.
   * @param untilMs wall time of a clock that can be believed
   * @returns to be called when the draft is kept
   */
  begin(draft: Draft, untilMs: number, decision: Decision, now: Now): () => void {
    const countdown = Countdown.until(untilMs, now);
    draft.shelve(countdown.record(now.monotonicMs), decision);
    return () => {
      this.#countdown = countdown;
    };
  }

  /** Ends it in a draft when its time is over. */
  pass(draft: Draft, now: Now): void {
    if (!this.#countdown) return;
    const over = this.#countdown.isOver(now);
    const left = over ? undefined : this.#countdown.due(now.monotonicMs);
    if (over) draft.unshelve(byBox('the time is over'));
    else if (left) draft.keepLeft(left);
  }

  /** What was kept: a point that is not shelved any more counts down no more. */
  kept({ shelf }: Draft['record']): void {
    if (!shelf) this.#countdown = undefined;
  }
}
