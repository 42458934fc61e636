import type { Span } from '../store/store.ts';
import type { Stretch } from './stretches.ts';

/** A subject was down, from the moment the fault began to the moment it was well again. */
export interface Incident extends Stretch {
  readonly subject: string;
  readonly cause: string;
  readonly side: string;
  /** The segment whose fault it is; empty when it is its own. */
  readonly via: string;
  /** How long it took to notice; -1 where that is not known. */
  readonly noticedMs: number;
  /** It lasts, as far as is known. */
  readonly open: boolean;
}

/**
 * The incidents of one track, in order. Causes that follow one another without a break are one incident; so is what comes
 * back after a time in which nobody looked.
 * @param spans in order, of one subject and track
 */
export function incidentsOf(spans: readonly Span[]): Incident[] {
  const found: Incident[] = [];
  let current: Incident | undefined;
  for (const span of spans) {
    if (span.state === 'down') current = current ? longer(current, span) : begun(span);
    else if (current && span.state !== 'unknown') {
      found.push({ ...current, open: false });
      current = undefined;
    }
  }
  if (current) found.push(current);
  return found;
}

function begun({ subject, cause, side, via, noticedMs, fromMs, untilMs }: Span): Incident {
  return { subject, cause, side, via, noticedMs, fromMs, untilMs, open: true };
}

/** The last word on whose fault it is comes with the neighbours, a little later. */
function longer(incident: Incident, { untilMs, cause, side, via }: Span): Incident {
  const clearer = side === 'unknown' ? {} : { cause, side };
  return { ...incident, ...clearer, untilMs, via: via === '' ? incident.via : via };
}
