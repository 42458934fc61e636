import type { Condition } from './condition.ts';
import type { AlarmPoint } from './ports.ts';

/** What is kept of a point on disk. */
export interface PointRecord {
  readonly name: string;
  readonly camera: string;
  readonly kind: AlarmPoint['kind'];
  readonly severity: AlarmPoint['severity'];
  /** How events become this point; with another rule the active conditions mean nothing. */
  readonly rule: string;
  /** The last that the camera said; `unknown` when it never said anything. */
  readonly truth: 'raised' | 'cleared' | 'unknown';
  /** Keys of the conditions that hold. */
  readonly active: readonly string[];
  /** Id of the alarm, the same from raised to cleared; empty when there was none. */
  readonly alarm: string;
  /** Wall time when `truth` began, Unix ms. */
  readonly since: number;
  readonly occurrences: number;
}

/** Conditions of one point that are told apart; more than a camera has. Source: guess. */
const ACTIVE_MAX = 32;

export function newRecord(point: AlarmPoint, wallMs: number): PointRecord {
  const { name, camera, kind, severity } = point;
  const rule = ruleOf(point);
  return {
    name,
    camera,
    kind,
    severity,
    rule,
    truth: 'unknown',
    active: [],
    alarm: '',
    since: wallMs,
    occurrences: 0,
  };
}

/** The record under a changed entry of the configuration. */
export function adopt(record: PointRecord, point: AlarmPoint): PointRecord {
  const { name, camera, kind, severity } = point;
  const rule = ruleOf(point);
  return { ...record, name, camera, kind, severity, rule, active: rule === record.rule ? record.active : [] };
}

function ruleOf({ camera, kind, input, inverted }: AlarmPoint): string {
  return JSON.stringify([camera, kind, input ?? '', inverted]);
}

/** Whether the point listens to this condition. */
export function concerns(point: AlarmPoint, condition: Condition): boolean {
  if (point.kind !== condition.kind) return false;
  return point.kind !== 'digital-input' || point.input === undefined || point.input === condition.input;
}

/**
 * The record after a condition was seen. The alarm is raised while any condition of the point holds.
 * @returns the same record when nothing changed
 */
export function observe(
  record: PointRecord,
  seen: { readonly key: string; readonly holds: boolean },
  now: { readonly wallMs: number; readonly newId: () => string },
): PointRecord {
  const active = activeAfter(record.active, seen);
  const truth = active.length > 0 ? 'raised' : 'cleared';
  if (truth === record.truth) return active === record.active ? record : { ...record, active };
  const changed = { ...record, active, truth, since: now.wallMs } as const;
  return truth === 'raised'
    ? { ...changed, alarm: now.newId(), occurrences: record.occurrences + 1 }
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
  const texts = [
    record.name,
    record.camera,
    record.kind,
    record.severity,
    record.rule,
    record.truth,
    record.alarm,
  ];
  const numbers = [record.since, record.occurrences];
  return (
    texts.every((text) => typeof text === 'string') &&
    numbers.every((number) => Number.isSafeInteger(number)) &&
    Array.isArray(record.active) &&
    record.active.every((key) => typeof key === 'string')
  );
}
