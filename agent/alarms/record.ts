import type { Severity } from '../contract/messages.ts';
import { fieldsOfPoint, severityOfPoint } from './codes.ts';
import type { CountdownRecord } from './life/countdown.ts';
import { type AlarmLife, type Decision, newLife } from './life/life.ts';
import type { Settled } from './life/settling.ts';
import type { AlarmPoint, Details, PlaceOfPoint } from './ports.ts';
import type { Words } from './words.ts';

/** A point that is set aside for a time. */
interface Shelf extends CountdownRecord, Decision {}

/** What is kept of a point on disk. */
export interface PointRecord {
  readonly name: string;
  readonly kind: AlarmPoint['kind'];
  readonly place: PlaceOfPoint;
  readonly severity: Severity;
  /** How events become this point; with another rule the active conditions mean nothing. */
  readonly rule: string;
  /** Whether the source said anything under this rule. */
  readonly spoken: boolean;
  /** Until when what the source said last surely held, Unix ms; absent while it is what the source says now. */
  readonly asOfMs?: number;
  /** Keys of the conditions that hold, as the source said last. */
  readonly active: readonly string[];
  /** What was said of those of them whose source says how grave each is. */
  readonly words?: Readonly<Record<string, Words>>;
  /** How grave the alarm was when it was raised last, or has become since if that is less. */
  readonly weight?: number;
  /** What of it counts. */
  readonly settled: Settled;
  /** Wall time when `settled` began, Unix ms. */
  readonly since: number;
  readonly life: AlarmLife;
  readonly shelf?: Shelf;
  /** Whether the condition holds, was recorded, and raised nothing: the point was not armed. */
  readonly activity?: true;
  /** Changes of a condition that is chattering. */
  readonly chatter?: number;
  /** How often an alarm was raised since the point exists. */
  readonly occurrences: number;
  readonly details: Details;
}

/** Conditions of one point that are told apart; more than a camera or a panel has. Source: guess. */
export const ACTIVE_MAX = 256;
/** Key of all that hold beyond those: no text of a source begins so. */
export const BEYOND = '\u0000beyond';
/** Of a point that leaves its severity to its source, until the source has spoken. */
const SEVERITY_BEFORE: Severity = 'major';

export function newRecord(point: AlarmPoint, wallMs: number): PointRecord {
  const { name, kind, severity = severityOfPoint(point) ?? SEVERITY_BEFORE } = point;
  return {
    name,
    kind,
    place: placeOf(point),
    severity,
    rule: ruleOf(point),
    spoken: false,
    active: [],
    settled: 'unknown',
    since: wallMs,
    life: newLife(wallMs),
    occurrences: 0,
    details: detailsOf(point),
  };
}

/** The record under a changed entry of the configuration. */
export function adopt(record: PointRecord, point: AlarmPoint): PointRecord {
  const { name, kind, severity = severityOfPoint(point) ?? record.severity } = point;
  const rule = ruleOf(point);
  const own = detailsOf(point);
  const adopted = { ...record, name, kind, place: placeOf(point), severity, rule };
  return rule === record.rule
    ? { ...adopted, details: { ...record.details, ...own } }
    : { ...withoutConditions(adopted), spoken: false, active: [], details: own };
}

function withoutConditions({ chatter, words, asOfMs, ...record }: PointRecord): PointRecord {
  return record;
}

/** Everything of the entry that decides how it is fed. */
export function ruleOf(point: AlarmPoint): string {
  const { id, name, severity, owner, building, place, schedule, minDurationS, debounceMs, ...rest } = point;
  const { code, maintenanceSilences, ...rule } = { code: undefined, ...rest };
  const entries = Object.entries(rule).filter(([, value]) => value !== undefined);
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function placeOf({ owner = 'commune', building, place }: AlarmPoint): PlaceOfPoint {
  return {
    owner,
    ...(building === undefined ? {} : { building }),
    ...(place === undefined ? {} : { place }),
  };
}

/** What the entry itself says of where the alarm comes from. */
export function detailsOf(point: AlarmPoint): Details {
  const { category } = fieldsOfPoint(point, false);
  return { ...(category === undefined ? {} : { category }), ...sourceOf(point) };
}

function sourceOf(point: AlarmPoint): Details {
  if ('camera' in point && point.camera !== undefined) return { source: point.camera, camera: point.camera };
  if ('panel' in point) return { source: point.panel, account: point.account };
  if ('source' in point) return { source: point.source };
  if ('object' in point) return { source: point.object };
  if ('module' in point) return { source: point.module };
  return { source: 'ups' in point ? point.ups : 'collector' };
}

/**
 * The key under which a condition is kept: one that holds beyond the limit shares its key with all others beyond it. What
 * ends one of them is not known to end them all, so that the alarm stays until somebody closes it.
 */
export function keyIn(active: readonly string[], key: string, holds: boolean): string {
  return holds && !active.includes(key) && active.length >= ACTIVE_MAX ? BEYOND : key;
}

/** Whether more conditions held than are told apart. */
export function isCrowded({ active }: PointRecord): boolean {
  return active.includes(BEYOND);
}

/** The conditions that hold after one was spoken of. @returns the same when nothing has changed */
export function activeAfter(
  active: readonly string[],
  { key, holds }: { readonly key: string; readonly holds: boolean },
): readonly string[] {
  if (active.includes(key) === holds) return active;
  return holds ? [...active, key] : active.filter((other) => other !== key);
}
