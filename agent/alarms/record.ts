import type { Severity } from '../contract/messages.ts';
import type { AlarmPoint, Details } from './ports.ts';
import type { Observation } from './source.ts';

/** What is kept of a point on disk. */
export interface PointRecord {
  readonly name: string;
  readonly kind: AlarmPoint['kind'];
  readonly severity: Severity;
  /** How events become this point; with another rule the active conditions mean nothing. */
  readonly rule: string;
  /** The last that the source said; `unknown` when it never said anything. */
  readonly truth: 'raised' | 'cleared' | 'unknown';
  /** Keys of the conditions that hold. */
  readonly active: readonly string[];
  /** Id of the alarm, the same from raised to cleared; empty when there was none. */
  readonly alarm: string;
  /** Wall time when `truth` began, Unix ms. */
  readonly since: number;
  readonly occurrences: number;
  readonly details: Details;
}

/** Conditions of one point that are told apart; more than a camera or a panel has. Source: guess. */
const ACTIVE_MAX = 256;
/** Of a point that leaves its severity to its source, until the source has spoken. */
const SEVERITY_BEFORE: Severity = 'major';

export function newRecord(point: AlarmPoint, wallMs: number): PointRecord {
  const { name, kind, severity = SEVERITY_BEFORE } = point;
  return {
    name,
    kind,
    severity,
    rule: ruleOf(point),
    truth: 'unknown',
    active: [],
    alarm: '',
    since: wallMs,
    occurrences: 0,
    details: detailsOf(point),
  };
}

/** The record under a changed entry of the configuration. */
export function adopt(record: PointRecord, point: AlarmPoint): PointRecord {
  const { name, kind, severity = record.severity } = point;
  const rule = ruleOf(point);
  const own = detailsOf(point);
  if (rule !== record.rule) return { ...record, name, kind, severity, rule, active: [], details: own };
  return { ...record, name, kind, severity, details: { ...record.details, ...own } };
}

/** Everything of the entry that decides how it is fed. */
function ruleOf({ id, name, severity, ...rule }: AlarmPoint): string {
  const entries = Object.entries(rule).filter(([, value]) => value !== undefined);
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the entry itself says of where the alarm comes from. */
export function detailsOf(point: AlarmPoint): Details {
  if ('camera' in point) return { source: point.camera, camera: point.camera };
  if ('panel' in point) return { source: point.panel, account: point.account };
  return { source: 'module' in point ? point.module : point.ups };
}

/**
 * The record after a condition was seen. The alarm is raised while any condition of the point holds.
 * @returns the same record when nothing changed
 */
export function observe(
  record: PointRecord,
  seen: Pick<Observation, 'severity' | 'details'> & { readonly key: string; readonly holds: boolean },
  now: { readonly wallMs: number; readonly newId: () => string },
): PointRecord {
  const active = activeAfter(record.active, seen);
  const truth = active.length > 0 ? 'raised' : 'cleared';
  if (truth === record.truth) return active === record.active ? record : { ...record, active };
  const { details = record.details, severity = record.severity } = seen;
  const changed = { ...record, active, truth, since: now.wallMs, details } as const;
  return truth === 'raised'
    ? { ...changed, alarm: now.newId(), occurrences: record.occurrences + 1, severity }
    : changed;
}

function activeAfter(
  active: readonly string[],
  { key, holds }: { key: string; holds: boolean },
): readonly string[] {
  if (active.includes(key) === holds) return active;
  if (!holds) return active.filter((other) => other !== key);
  return active.length < ACTIVE_MAX ? [...active, key] : active;
}

/** What an event to the CSU must tell when the record goes from one to the other; undefined when nothing. */
export function transitionOf(from: PointRecord, to: PointRecord): 'raised' | 'cleared' | undefined {
  if (from.truth === to.truth || to.truth === 'unknown') return undefined;
  return to.truth === 'cleared' && from.truth === 'unknown' ? undefined : to.truth;
}

/** @returns undefined when the text is no record that this program wrote */
export function parseRecord(text: string): PointRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is PointRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<keyof PointRecord, unknown>;
  const texts = [record.name, record.kind, record.severity, record.rule, record.truth, record.alarm];
  const numbers = [record.since, record.occurrences];
  return (
    texts.every((text) => typeof text === 'string') &&
    numbers.every((number) => Number.isSafeInteger(number)) &&
    Array.isArray(record.active) &&
    record.active.every((key) => typeof key === 'string') &&
    typeof record.details === 'object' &&
    record.details !== null
  );
}
