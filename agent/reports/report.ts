import { dayEndMs, dayStartMs, daysIn, type Period } from '../base/days.ts';
import type { PlannedSpan, TimelineRead } from '../store/store.ts';
import { type ConnectedDay, connectedDays } from './connected.ts';
import { type Availability, availabilityOf } from './figures.ts';
import type { Facts, Targets } from './ports.ts';
import { clipped, type Stretch } from './stretches.ts';

/** A subject with what was configured of it. */
export interface ReportLine extends Availability {
  readonly kind: 'camera' | 'segment' | 'box';
  readonly facts: Facts;
}

/** Everything that a report says; the texts come later. */
export interface Report {
  readonly site: string;
  readonly period: Period;
  /** The period in wall time, up to now where it is not over. */
  readonly stretch: Stretch;
  readonly complete: boolean;
  /** Up to when anything is known. */
  readonly knownMs: number;
  readonly lines: readonly ReportLine[];
  readonly days: readonly ConnectedDay[];
  readonly planned: readonly PlannedSpan[];
  readonly targets: Targets;
  /** The cameras of the configuration in force, for the list of places. */
  readonly places: readonly Facts[];
}

export interface ReportSource {
  readonly site: string;
  readonly period: Period;
  readonly nowMs: number;
  readonly read: TimelineRead;
  readonly facts: readonly Facts[];
  readonly targets: Targets;
}

/** The stretch of wall time that a period is; it must be read of the timeline. */
export function stretchOf({ from, to }: Period): Stretch {
  return { fromMs: dayStartMs(from), untilMs: dayEndMs(to) };
}

/** Puts a report together. What is not over yet is told up to now. */
export function composeReport({ site, period, nowMs, read, facts, targets }: ReportSource): Report {
  const whole = stretchOf(period);
  const stretch = { ...whole, untilMs: Math.max(whole.fromMs, Math.min(whole.untilMs, nowMs)) };
  const known = new Map(facts.map((one) => [one.id, one]));
  const days = new Set(daysIn(period));
  const bySubject = Map.groupBy(read.spans, ({ subject }) => subject);
  const lines = [...bySubject].flatMap(([subject, own]) => {
    const figures = availabilityOf(subject, { ...read, own }, stretch, days);
    if (!figures) return [];
    return [
      { ...figures, kind: kindOf(subject), facts: known.get(subject) ?? { id: subject, name: subject } },
    ];
  });
  return {
    ...{ site, period, stretch, targets },
    complete: nowMs >= whole.untilMs,
    knownMs: read.knownMs,
    lines: lines.sort(byKindAndName),
    days: connectedDays(read.spans, period, nowMs),
    planned: clipped(read.planned, stretch),
    places: facts.filter(({ id, isConfigured }) => isConfigured && id.startsWith('cam-')),
  };
}

const KINDS = ['box', 'segment', 'camera'] as const;

function kindOf(subject: string): ReportLine['kind'] {
  if (subject.startsWith('cam-')) return 'camera';
  return subject.startsWith('seg-') ? 'segment' : 'box';
}

function byKindAndName(a: ReportLine, b: ReportLine): number {
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.facts.name.localeCompare(b.facts.name, 'fr');
}
