import { SEVERITIES } from '../contract/alarm-codes.ts';
import { LIFE_STATES } from '../contract/alarm-life.ts';
import { newLife } from './life/life.ts';
import type { PointRecord } from './record.ts';

/** @returns undefined when the text is no record that this program wrote */
export function parseRecord(text: string): PointRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
    return isEarlier(value) ? later(value) : undefined;
  } catch {
    return undefined;
  }
}

type Unknowns<T> = Partial<Record<keyof T, unknown>>;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const isText = (value: unknown) => typeof value === 'string';
const isCount = (value: unknown) => Number.isSafeInteger(value);
const isTime = (value: unknown) => Number.isFinite(value);

function isRecord(value: unknown): value is PointRecord {
  if (!isObject(value)) return false;
  const record: Unknowns<PointRecord> = value;
  return (
    isCommon(record) &&
    isText(record.settled) &&
    typeof record.spoken === 'boolean' &&
    isObject(record.place) &&
    isLife(record.life) &&
    (record.shelf === undefined || isShelf(record.shelf)) &&
    (record.chatter === undefined || isCount(record.chatter)) &&
    (record.weight === undefined || isCount(record.weight)) &&
    (record.asOfMs === undefined || isTime(record.asOfMs)) &&
    (record.words === undefined || isWords(record.words)) &&
    (record.activity === undefined || record.activity === true)
  );
}

function isCommon(record: Unknowns<PointRecord>): boolean {
  return (
    [record.name, record.kind, record.severity, record.rule].every(isText) &&
    isTime(record.since) &&
    isCount(record.occurrences) &&
    Array.isArray(record.active) &&
    record.active.every(isText) &&
    isObject(record.details)
  );
}

function isWords(words: unknown): boolean {
  if (!isObject(words)) return false;
  return Object.values(words).every(
    (one) =>
      isObject(one) && (SEVERITIES as readonly unknown[]).includes(one.severity) && isObject(one.details),
  );
}

function isLife(life: unknown): boolean {
  if (!isObject(life)) return false;
  const { state, alarm, count, firstMs, lastMs, sinceMs, acknowledged } = life;
  return (
    (LIFE_STATES as readonly unknown[]).includes(state) &&
    isText(alarm) &&
    isCount(count) &&
    [firstMs, lastMs, sinceMs].every(isTime) &&
    (acknowledged === undefined || (isDecision(acknowledged) && isTime(acknowledged.atMs)))
  );
}

function isShelf(shelf: unknown): boolean {
  return isDecision(shelf) && isTime(shelf.untilMs) && isTime(shelf.leftMs);
}

function isDecision(value: unknown): value is Record<string, unknown> {
  return isObject(value) && [value.by, value.signer, value.why].every(isText);
}

/** What 0.1.0 wrote: an alarm without a life. */
type Common = 'name' | 'kind' | 'severity' | 'rule' | 'since' | 'occurrences' | 'active' | 'details';
interface EarlierRecord extends Pick<PointRecord, Common> {
  readonly truth: PointRecord['settled'];
  readonly alarm: string;
}

function isEarlier(value: unknown): value is EarlierRecord {
  return isObject(value) && isText(value.truth) && isText(value.alarm) && isCommon({ details: {}, ...value });
}

/** An alarm that was cleared in 0.1.0 was over for everybody. */
function later({ truth, alarm, ...record }: EarlierRecord): PointRecord {
  const { since, details = {} } = record;
  const state = truth === 'raised' ? ('raised' as const) : ('closed' as const);
  const had = { state, alarm, count: 1, firstMs: since, lastMs: since, sinceMs: since };
  return {
    ...record,
    details,
    spoken: truth !== 'unknown',
    settled: truth,
    place: { owner: 'commune' },
    life: alarm === '' ? newLife(since) : had,
  };
}
