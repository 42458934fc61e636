import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Fields } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import type { Store } from '../store/store.ts';
import type { AlarmPoint } from './ports.ts';
import {
  adopt,
  detailsOf,
  newRecord,
  observe,
  type PointRecord,
  parseRecord,
  transitionOf,
} from './record.ts';
import type { Observation } from './source.ts';

export interface PointNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly reporter: Reporter;
  readonly store: Store;
  /** A new id, at most 40 characters, never given before. */
  readonly newId: () => string;
}

/** The room's name in the store's memory. */
export const ROOM = 'alarms';

/** Unconfirmed for this long, a state is no longer known: a short loss of the source passes. Source: guess. */
export const UNCONFIRMED_MS = 10_000;

type Shown = PointRecord['truth'];

/**
 * One alarm point. What its source said last is on disk together with the event that tells it; while the source cannot
 * be heard the point is shown as unknown, and the first words after that are compared with what is on disk.
 */
export class Point {
  readonly #needs: PointNeeds;
  #point: AlarmPoint;
  #record: PointRecord;
  /** Since when the source was not heard on this point; undefined when all it said is confirmed. */
  #unconfirmedSinceMs: number | undefined;
  /** When the source was last heard on this point in this start, monotonic. */
  #heardMs: number | undefined;
  /** Conditions that held before the loss and were not spoken of since. */
  #unconfirmed: Set<string>;
  #shown: Shown;
  /** When a condition was last said to hold. */
  #activeMs: number;
  #unknownSince: number;

  constructor(needs: PointNeeds, point: AlarmPoint) {
    this.#needs = needs;
    this.#point = point;
    const wallMs = needs.clock.wallMs();
    const kept = parseRecord(needs.store.memory.get(ROOM, point.id) ?? '');
    this.#record = kept ? adopt(kept, point) : newRecord(point, wallMs);
    this.#unconfirmed = new Set(this.#record.active);
    this.#unconfirmedSinceMs = needs.clock.monotonicMs();
    this.#activeMs = needs.clock.monotonicMs();
    this.#shown = this.#record.truth;
    this.#unknownSince = wallMs;
  }

  /** Keeps and tells the state under the entry of the configuration in force. */
  start(): void {
    const { memory } = this.#needs.store;
    const text = JSON.stringify(this.#record);
    if (memory.get(ROOM, this.#point.id) !== text) memory.set(ROOM, this.#point.id, text);
    this.#tell();
  }

  /** Takes a changed entry of the configuration; `start` tells it. */
  change(point: AlarmPoint): void {
    const changed = adopt(this.#record, point);
    const sameRule = changed.rule === this.#record.rule;
    this.#point = point;
    this.#record = changed;
    if (!sameRule) this.lost();
  }

  /** The source can no longer be heard. */
  lost(): void {
    const nowMs = this.#needs.clock.monotonicMs();
    const counted = this.#point.maxAgeMs === undefined ? nowMs : (this.#heardMs ?? nowMs);
    this.#unconfirmed = new Set(this.#record.active);
    this.#unconfirmedSinceMs ??= counted;
  }

  /** What was said last holds. */
  confirmed(): void {
    this.#heardMs = this.#needs.clock.monotonicMs();
    this.#unconfirmed.clear();
    this.#unconfirmedSinceMs = undefined;
    this.evaluate();
  }

  /**
   * @returns whether the alarm was raised or cleared by it
   * @throws whatever the store throws; nothing has changed then
   */
  see(seen: Observation): boolean {
    const { key, active } = seen;
    const told = active === undefined ? this.#vanished(key) : this.#said(seen, active);
    this.evaluate();
    return told;
  }

  /** Shows what is known now. */
  evaluate(): void {
    this.#expire();
    const shown = this.#isUnknown() ? 'unknown' : this.#record.truth;
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (shown === 'unknown') this.#unknownSince = this.#needs.clock.wallMs();
    this.#tell();
  }

  status(): StatusSnapshot['alarms'][number] {
    const { id, name } = this.#point;
    return {
      point: id,
      name,
      state: this.#shown,
      severity: this.#record.severity,
      since: this.#since(),
      occurrences: this.#record.occurrences,
    };
  }

  /** Clears by itself what its source never clears; after a restart the time begins anew. */
  #expire(): void {
    const { clock, newId } = this.#needs;
    const limitS = 'clearsAfterS' in this.#point ? this.#point.clearsAfterS : undefined;
    if (limitS === undefined || this.#record.truth !== 'raised') return;
    if (clock.monotonicMs() - this.#activeMs < limitS * 1000) return;
    const last = { ...this.#record, active: this.#record.active.slice(0, 1) };
    const key = last.active[0] ?? '';
    this.#keep(observe(last, { key, holds: false }, { wallMs: clock.wallMs(), newId }), undefined);
  }

  #isUnknown(): boolean {
    const sinceMs = this.#unconfirmedSinceMs;
    const { maxAgeMs = UNCONFIRMED_MS } = this.#point;
    return sinceMs !== undefined && this.#needs.clock.monotonicMs() - sinceMs >= maxAgeMs;
  }

  #said(seen: Observation, active: boolean): boolean {
    const { clock, newId } = this.#needs;
    const severity = this.#point.severity ?? seen.severity;
    if (active) this.#activeMs = clock.monotonicMs();
    const next = observe(
      this.#record,
      { key: seen.key, holds: active, severity, details: { ...detailsOf(this.#point), ...seen.details } },
      { wallMs: clock.wallMs(), newId },
    );
    const told = this.#keep(next, seen.sourceMs);
    this.#confirm(seen.key);
    return told;
  }

  /** One condition that surely holds is enough; otherwise every one that held must have been spoken of. */
  #confirm(key: string): void {
    this.#heardMs = this.#needs.clock.monotonicMs();
    this.#unconfirmed.delete(key);
    const surelyRaised = this.#record.active.some((active) => !this.#unconfirmed.has(active));
    if (surelyRaised || this.#unconfirmed.size === 0) this.#unconfirmedSinceMs = undefined;
    else this.#unconfirmedSinceMs ??= this.#needs.clock.monotonicMs();
  }

  #vanished(key: string): false {
    if (!this.#record.active.includes(key)) return false;
    this.#unconfirmed.add(key);
    if (this.#record.active.every((active) => this.#unconfirmed.has(active)))
      this.#unconfirmedSinceMs ??= this.#needs.clock.monotonicMs();
    return false;
  }

  /** State and event become durable together, so that neither a lost nor a doubled event follows a crash. */
  #keep(next: PointRecord, sourceMs: number | undefined): boolean {
    if (next === this.#record) return false;
    const { store, reporter, log } = this.#needs;
    const transition = transitionOf(this.#record, next);
    store.transaction(() => {
      store.memory.set(ROOM, this.#point.id, JSON.stringify(next));
      if (transition)
        reporter.event('alarm', this.#point.id, eventOf(this.#point.id, next, transition, sourceMs));
    });
    this.#record = next;
    if (transition) log.info({ point: this.#point.id, alarm: next.alarm }, `alarm ${transition}`);
    return transition !== undefined;
  }

  #since(): number {
    return this.#shown === 'unknown' && this.#record.truth !== 'unknown'
      ? this.#unknownSince
      : this.#record.since;
  }

  #tell(): void {
    const { id, name, kind } = this.#point;
    const { alarm, severity, occurrences, details } = this.#record;
    const state = this.#shown;
    const fields: Fields<'alarmCurrent'> = {
      ...details,
      point: id,
      name,
      kind,
      state,
      severity,
      alarm,
      since: this.#since(),
      occurrences,
    };
    this.#needs.reporter.state('alarmCurrent', id, fields);
  }
}

/** The event that tells a transition of a record. */
export function eventOf(
  id: string,
  record: PointRecord,
  transition: 'raised' | 'cleared',
  sourceMs: number | undefined,
): Omit<Fields<'alarm'>, 'id'> {
  const { alarm, name, kind, severity, occurrences, details } = record;
  const when =
    sourceMs !== undefined && Number.isSafeInteger(sourceMs) && sourceMs >= 0 ? { source_ts: sourceMs } : {};
  return { ...details, alarm, point: id, name, kind, transition, severity, ...when, occurrences };
}
