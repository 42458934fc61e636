import type { Span, SubjectTimeline } from '../store/store.ts';
import { type Incident, incidentsOf } from './incidents.ts';
import { clipped, lengthMs, type Stretch, union, without } from './stretches.ts';

/** An incident as a report counts it. */
interface CountedIncident extends Incident {
  /** How much of it was announced work. */
  readonly plannedMs: number;
  /** The rest, once it is over. */
  readonly repairMs: number | undefined;
}

/** How available one subject was. Times in ms; what cannot be said is undefined. */
export interface Availability {
  readonly subject: string;
  /** Of the period, without what was planned, disabled, or before and after it was configured. */
  readonly countedMs: number;
  readonly availableMs: number;
  /** Of the available time: with a fault that leaves the service. */
  readonly degradedMs: number;
  readonly downMs: number;
  readonly unknownMs: number;
  readonly plannedMs: number;
  readonly disabledMs: number;
  /** Available time of all that counts: what is not known is not proved. */
  readonly provenPercent: number | undefined;
  /** Available time of what is known. */
  readonly knownPercent: number | undefined;
  readonly downMsBySide: ReadonlyMap<string, number>;
  readonly incidents: readonly CountedIncident[];
  readonly detectMs: number | undefined;
  /** Without announced work. */
  readonly repairMs: number | undefined;
  /** The least that its clock was off at worst. */
  readonly clockOffMs: number | undefined;
  /** Breaches of its legal profile, and how long they lasted. */
  readonly breaches: number;
  readonly breachMs: number;
}

/** States of a time that does not count. */
const NOT_COUNTED = ['absent', 'disabled'];

/** What a timeline says of one subject within the period. @param days of the period */
export function availabilityOf(
  subject: string,
  { own, planned, figures }: SubjectTimeline,
  period: Stretch,
  days: ReadonlySet<string>,
): Availability | undefined {
  const health = own.filter(({ track }) => track === 'health');
  const known = clipped(health, period);
  if (known.every(({ state }) => state === 'absent')) return undefined;
  const windows = union(planned);
  const filled = [...known, ...holesOf(subject, health, period)];
  const present = filled.filter(({ state }) => state !== 'absent');
  const counted = without(
    present.filter(({ state }) => !NOT_COUNTED.includes(state)),
    windows,
  );
  const offsets = figures.filter(({ name, day }) => name === 'clock_off_ms' && days.has(day));
  const law = clipped(own, period).filter(({ track }) => track.startsWith('law-'));
  return {
    subject,
    ...times(counted),
    plannedMs: lengthMs(without(present, complement(windows, period))),
    disabledMs: lengthMs(
      without(
        present.filter(({ state }) => state === 'disabled'),
        windows,
      ),
    ),
    ...incidentFigures(health, windows, period),
    clockOffMs: offsets.length > 0 ? Math.max(...offsets.map(({ value }) => value)) : undefined,
    breaches: breachesIn(law),
    breachMs: lengthMs(union(law.filter(isBreach))),
  };
}

/** What no span tells between the first one ever and the end of the period: nobody knows. */
function holesOf(subject: string, health: readonly Span[], period: Stretch): Span[] {
  const firstMs = health[0]?.fromMs;
  if (firstMs === undefined) return [];
  const service = { fromMs: Math.max(period.fromMs, firstMs), untilMs: period.untilMs };
  return without([service], union(health)).map((hole) => ({
    ...hole,
    ...{ subject, track: 'health', state: 'unknown', cause: 'none', side: 'unknown', via: '', noticedMs: -1 },
  }));
}

function complement(holes: readonly Stretch[], period: Stretch): Stretch[] {
  return without([period], holes);
}

function times(counted: readonly Span[]) {
  const ms = (...states: string[]) => lengthMs(counted.filter(({ state }) => states.includes(state)));
  const [countedMs, availableMs, downMs] = [lengthMs(counted), ms('ok', 'degraded'), ms('down')];
  const down = counted.filter(({ state }) => state === 'down');
  const bySide = new Map<string, number>();
  for (const span of down) bySide.set(span.side, (bySide.get(span.side) ?? 0) + lengthMs([span]));
  return {
    ...{ countedMs, availableMs, downMs, degradedMs: ms('degraded') },
    unknownMs: countedMs - availableMs - downMs,
    provenPercent: percent(availableMs, countedMs),
    knownPercent: percent(availableMs, availableMs + downMs),
    downMsBySide: bySide,
  };
}

function percent(part: number, whole: number): number | undefined {
  return whole > 0 ? (100 * part) / whole : undefined;
}

/**
 * What began and ended while work was announced is no incident. One that lasts over the end of the period is counted in
 * both: its notice in the one in which it began, its repair in the one in which it ended.
 */
function incidentFigures(health: readonly Span[], windows: readonly Stretch[], period: Stretch) {
  const touching = incidentsOf(health).filter((incident) => clipped([incident], period).length > 0);
  const incidents = touching.flatMap((incident) => incidentIn(incident, windows, period));
  return {
    incidents,
    detectMs: mean(incidents.map(({ noticedMs }) => noticedMs).filter((ms) => ms >= 0)),
    repairMs: mean(incidents.flatMap(({ repairMs }) => repairMs ?? [])),
  };
}

function incidentIn(incident: Incident, windows: readonly Stretch[], period: Stretch): CountedIncident[] {
  const restMs = lengthMs(without([incident], windows));
  if (restMs === 0) return [];
  const open = incident.open || incident.untilMs > period.untilMs;
  return [
    {
      ...incident,
      ...{ open, plannedMs: lengthMs([incident]) - restMs, repairMs: open ? undefined : restMs },
      noticedMs: incident.fromMs < period.fromMs ? -1 : incident.noticedMs,
    },
  ];
}

function mean(values: readonly number[]): number | undefined {
  return values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

/** How often one began. What is there again after a time in which nobody could look is the same one. */
function breachesIn(law: readonly Span[]): number {
  const lasting = new Set<string>();
  let begun = 0;
  for (const span of law) {
    if (isBreach(span) && !lasting.has(span.track)) begun += 1;
    if (isBreach(span)) lasting.add(span.track);
    else if (span.state !== 'unknown') lasting.delete(span.track);
  }
  return begun;
}

function isBreach({ state }: Span): boolean {
  return state === 'breach';
}
