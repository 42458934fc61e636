import type { OpenSpan, Span } from '../store/store.ts';
import type { Observation } from './ports.ts';

/** A moment: by the monotonic clock of this process, or by wall time where an earlier one knew it. */
export type Moment = { readonly monotonicMs: number } | { readonly wallMs: number };

/** An observation that lasts, or lasted. */
export interface Stretch {
  readonly seen: Observation;
  readonly from: Moment;
  /** How long after its begin it was noticed; -1 where that is not known. */
  readonly noticedMs: number;
}

export interface EndedStretch extends Stretch {
  readonly until: Moment;
}

/** @param offsetMs wall time minus monotonic time */
export function wallOf(moment: Moment, offsetMs: number): number {
  return Math.max(
    0,
    Math.round('wallMs' in moment ? moment.wallMs : Math.max(0, moment.monotonicMs + offsetMs)),
  );
}

export function openSpanOf({ seen, from, noticedMs }: Stretch, offsetMs: number): OpenSpan {
  const { subject, track, state, cause, side, via = '' } = seen;
  return {
    ...{ subject, track, state, cause, side, via },
    fromMs: wallOf(from, offsetMs),
    noticedMs: Math.round(noticedMs),
  };
}

export function spanOf(stretch: EndedStretch, offsetMs: number): Span {
  return { ...openSpanOf(stretch, offsetMs), untilMs: wallOf(stretch.until, offsetMs) };
}

/** Whether they are the same state, so that one span tells both. */
export function isSame(a: Observation, b: Observation): boolean {
  return a.state === b.state && a.cause === b.cause && a.side === b.side && a.via === b.via;
}
