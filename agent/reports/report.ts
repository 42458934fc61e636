import { dayEndMs, dayStartMs, daysIn, type Period } from '../base/days.ts';
import type { PlannedSpan, SubjectTimeline, TimelineOutline } from '../store/store.ts';
import { type ConnectedDay, ConnectedDays } from './connected.ts';
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
  readonly outline: TimelineOutline;
  /** What the timeline holds of one subject within the period. */
  readonly of: (subject: string) => SubjectTimeline;
  readonly facts: readonly Facts[];
  readonly targets: Targets;
}

/** The stretch of wall time that a period is; it must be read of the timeline. */
export function stretchOf({ from, to }: Period): Stretch {
  return { fromMs: dayStartMs(from), untilMs: dayEndMs(to) };
}

/** Puts a report together at once. */
export function composeReport(source: ReportSource): Report {
  const steps = composing(source);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Puts a report together, a subject in each step: a long period may take a second, and who does more than this does the
 * rest between two steps. What is not over yet is told up to now.
 */
export function* composing(source: ReportSource): Generator<undefined, Report, undefined> {
  const { site, period, nowMs, outline, facts, targets } = source;
  const whole = stretchOf(period);
  const stretch = { ...whole, untilMs: Math.max(whole.fromMs, Math.min(whole.untilMs, nowMs)) };
  const about = { stretch, days: new Set(daysIn(period)) };
  const connected = new ConnectedDays(period, nowMs);
  const lines: ReportLine[] = [];
  for (const subject of outline.subjects) {
    yield;
    const read = source.of(subject);
    connected.take(read.own);
    lines.push(...lineOf(subject, read, source, about));
  }
  return {
    ...{ site, period, stretch, targets },
    complete: nowMs >= whole.untilMs,
    knownMs: outline.knownMs,
    lines: lines.sort(byKindAndName),
    days: connected.days,
    planned: clipped(outline.planned, stretch),
    places: facts.filter(({ id, isConfigured }) => isConfigured && id.startsWith('cam-')),
  };
}

function lineOf(
  subject: string,
  read: SubjectTimeline,
  { facts }: ReportSource,
  { stretch, days }: { readonly stretch: Stretch; readonly days: ReadonlySet<string> },
): ReportLine[] {
  const figures = availabilityOf(subject, read, stretch, days);
  if (!figures) return [];
  const known = facts.find(({ id }) => id === subject) ?? { id: subject, name: subject };
  return [{ ...figures, kind: kindOf(subject), facts: known }];
}

const KINDS = ['box', 'segment', 'camera'] as const;

function kindOf(subject: string): ReportLine['kind'] {
  if (subject.startsWith('cam-')) return 'camera';
  return subject.startsWith('seg-') ? 'segment' : 'box';
}

function byKindAndName(a: ReportLine, b: ReportLine): number {
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.facts.name.localeCompare(b.facts.name, 'fr');
}
