import type { Clock, ClockTrust } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import type { Store } from '../store/store.ts';
import { byBox, Draft, decisionFields } from './draft.ts';
import { Hearing } from './hearing.ts';
import { Countdown } from './life/countdown.ts';
import { type Decision, isActive, isOpen } from './life/life.ts';
import {
  type ChatterRule,
  dueMs,
  type Settling,
  type SettlingRule,
  say,
  settle,
  UNSETTLED,
} from './life/settling.ts';
import type { AlarmPoint, AlarmSettings } from './ports.ts';
import { activeAfter, adopt, detailsOf, newRecord, type PointRecord } from './record.ts';
import { parseRecord } from './record-text.ts';
import { ShownState } from './shown.ts';
import type { Observation } from './source.ts';
import { eventOf } from './telling.ts';

export interface PointNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
  readonly log: Log;
  readonly reporter: Reporter;
  readonly store: Store;
  /** A new id, at most 40 characters, never given before. */
  readonly newId: () => string;
}

/** The room's name in the store's memory. */
export const ROOM = 'alarms';

/**
 * One alarm point. What its source said last, what of it counts, and the life of its alarm are on disk together with the
 * events that tell them; while the source cannot be heard the point is shown as unknown, and the first words after that
 * are compared with what is on disk.
 */
export class Point {
  readonly #needs: PointNeeds;
  readonly #hearing: Hearing;
  readonly #shown: ShownState;
  #point: AlarmPoint;
  #settings: AlarmSettings;
  #record: PointRecord;
  #settling: Settling;
  #shelf: Countdown | undefined;
  /** When a condition was last said to hold. */
  #activeMs: number;
  /** The time that the source gave with its last change. */
  #sourceMs: number | undefined;

  constructor(needs: PointNeeds, point: AlarmPoint, settings: AlarmSettings) {
    this.#needs = needs;
    this.#point = point;
    this.#settings = settings;
    const wallMs = needs.clock.wallMs();
    const nowMs = needs.clock.monotonicMs();
    const kept = parseRecord(needs.store.memory.get(ROOM, point.id) ?? '');
    this.#record = kept ? adopt(kept, point) : newRecord(point, wallMs);
    this.#hearing = new Hearing(needs.clock, this.#record.active);
    this.#settling = settlingOf(this.#record, nowMs);
    this.#shelf = this.#record.shelf && Countdown.restored(this.#record.shelf, nowMs);
    this.#activeMs = nowMs;
    this.#shown = new ShownState(needs, point.id);
  }

  /** Id of the alarm that is not closed; undefined when there is none. */
  get openAlarm(): string | undefined {
    return isOpen(this.#record.life) ? this.#record.life.alarm : undefined;
  }

  /** When time alone changes what counts, monotonic ms. */
  get dueMs(): number | undefined {
    return this.#hearing.confirmed ? dueMs(this.#settling, this.#rules) : undefined;
  }

  /** What the source said last, also before a restart. */
  get isActive(): boolean {
    return this.#record.active.length > 0;
  }

  /** Keeps and tells the state under the entry of the configuration in force. */
  start(): void {
    const { memory } = this.#needs.store;
    const text = JSON.stringify(this.#record);
    if (memory.get(ROOM, this.#point.id) !== text) memory.set(ROOM, this.#point.id, text);
    this.#show();
  }

  /** Takes a changed entry of the configuration; `start` tells it. */
  change(point: AlarmPoint, settings: AlarmSettings): void {
    const changed = adopt(this.#record, point);
    const sameRule = changed.rule === this.#record.rule;
    this.#point = point;
    this.#settings = settings;
    this.#record = changed;
    if (sameRule) return;
    this.#settling = settlingOf(changed, this.#needs.clock.monotonicMs());
    this.lost();
  }

  /** The source can no longer be heard. */
  lost(): void {
    this.#hearing.lost(this.#record.active, this.#point.maxAgeMs !== undefined);
  }

  /** What was said last holds. */
  confirmed(): void {
    this.#hearing.all();
    this.evaluate();
  }

  /**
   * @returns whether it is told: the alarm was raised or cleared by it, or it counts as chattering
   * @throws whatever the store throws; nothing has changed then
   */
  see(seen: Observation): boolean {
    if (seen.active === undefined) {
      this.#hearing.vanished(seen.key, this.#record.active);
      this.evaluate();
      return false;
    }
    const draft = this.#draft();
    this.#take(draft, seen, seen.active);
    this.#hearing.heard(seen.key, draft.record.active);
    const told = this.#evaluate(draft);
    return told || this.#settling.changes !== undefined;
  }

  /** Does what time alone does, and shows what is known now. */
  evaluate(): void {
    this.#evaluate(this.#draft());
  }

  /** @returns false when there was nothing to acknowledge */
  acknowledge(decision: Decision): boolean {
    const draft = this.#draft();
    return draft.life('acknowledge', decisionFields(decision), decision) && this.#commit(draft);
  }

  /** Ends the alarm. What the source says next decides whether there is another. */
  close(decision: Decision): boolean {
    const draft = this.#draft();
    if (!draft.life('close', decisionFields(decision), decision)) return false;
    if (draft.record.settled !== 'cleared') {
      draft.record = { ...draft.record, active: [], spoken: false };
      draft.settle(UNSETTLED);
    }
    return this.#commit(draft);
  }

  /** @param untilMs wall time of a clock that can be believed */
  shelve(untilMs: number, decision: Decision): void {
    const { clock } = this.#needs;
    const monotonicMs = clock.monotonicMs();
    const countdown = Countdown.until(untilMs, { wallMs: clock.wallMs(), monotonicMs });
    const draft = this.#draft();
    draft.record = { ...draft.record, shelf: { ...countdown.record(monotonicMs), ...decision } };
    draft.tell('shelved', { ...decisionFields(decision), until: Math.round(untilMs) });
    this.#commit(draft);
    this.#shelf = countdown;
  }

  /** @returns false when the point is not shelved */
  unshelve(decision: Decision): boolean {
    const draft = this.#draft();
    return unshelve(draft, decision) && this.#commit(draft);
  }

  status(): StatusSnapshot['alarms'][number] {
    const { id, name } = this.#point;
    const { severity, occurrences, life, shelf } = this.#record;
    return {
      point: id,
      name,
      ...this.#shown.of(this.#record),
      alarmState: life.state,
      alarm: life.alarm,
      shelved: shelf !== undefined,
      severity,
      occurrences,
    };
  }

  get #rules(): { settling: SettlingRule; chatter: ChatterRule } {
    const { minDurationS = 0 } = this.#point;
    const debounceMs = 'module' in this.#point ? 0 : (this.#point.debounceMs ?? 0);
    const { raises, withinS, quietS } = this.#settings.chatter;
    return {
      settling: { debounceMs, minDurationMs: minDurationS * 1000 },
      chatter: { raises, withinMs: withinS * 1000, quietMs: quietS * 1000 },
    };
  }

  #draft(): Draft {
    const { clock, newId } = this.#needs;
    return new Draft(this.#record, this.#settling, { wallMs: clock.wallMs(), newId });
  }

  #take(draft: Draft, seen: Observation, holds: boolean): void {
    const nowMs = this.#needs.clock.monotonicMs();
    if (holds) this.#activeMs = nowMs;
    const active = activeAfter(draft.record.active, { key: seen.key, holds });
    const settling = say(draft.settling, active.length > 0, nowMs);
    if (active !== draft.record.active || !draft.record.spoken)
      draft.record = { ...draft.record, active, spoken: true };
    if (settling.said !== draft.settling.said) this.#takeWords(draft, seen, holds);
    draft.settling = settling;
  }

  /** What the source says with a change belongs to the alarm that follows. */
  #takeWords(draft: Draft, seen: Observation, holds: boolean): void {
    const details = { ...detailsOf(this.#point), ...(seen.details ?? draft.record.details) };
    const severity = (holds ? (this.#point.severity ?? seen.severity) : undefined) ?? draft.record.severity;
    draft.record = { ...draft.record, details, severity };
    this.#sourceMs = seen.sourceMs;
  }

  #evaluate(draft: Draft): boolean {
    this.#expire(draft);
    this.#look(draft);
    this.#settle(draft);
    try {
      this.#commit(draft);
    } catch (thrown) {
      this.lost();
      throw thrown;
    }
    return draft.told.some(({ transition }) => transition === 'raised' || transition === 'cleared');
  }

  /** Clears by itself what its source never clears; after a restart the time begins anew. */
  #expire(draft: Draft): void {
    const limitS = 'clearsAfterS' in this.#point ? this.#point.clearsAfterS : undefined;
    const nowMs = this.#needs.clock.monotonicMs();
    if (limitS === undefined || draft.record.settled !== 'raised') return;
    if (nowMs - this.#activeMs < limitS * 1000) return;
    draft.record = { ...draft.record, active: [] };
    draft.settle({ ...UNSETTLED, said: false, saidMs: nowMs, settled: 'cleared' });
    draft.life('clear', {});
  }

  #look(draft: Draft): void {
    const { clock, clockTrust } = this.#needs;
    const { shelf } = draft.record;
    if (!shelf || !this.#shelf) return;
    const monotonicMs = clock.monotonicMs();
    const over = this.#shelf.isOver({ wallMs: clock.wallMs(), monotonicMs, trust: clockTrust() });
    const left = over ? undefined : this.#shelf.due(monotonicMs);
    if (over) unshelve(draft, byBox('the time is over'));
    else if (left) draft.record = { ...draft.record, shelf: { ...shelf, ...left } };
  }

  /** What the source does not say now changes nothing. */
  #settle(draft: Draft): void {
    if (!this.#hearing.confirmed) return;
    const before = draft.record.chatter;
    draft.settle(settle(draft.settling, this.#rules, this.#needs.clock.monotonicMs()));
    const { settled, life, chatter } = draft.record;
    if (before !== undefined && chatter === undefined) draft.tell('steady', { changes: before });
    if (settled === 'raised' && !isActive(life)) draft.life('raise', this.#sourceTime());
    else if (settled === 'cleared' && isActive(life)) draft.life('clear', this.#sourceTime());
    if (before === undefined && chatter !== undefined) draft.tell('chattering', { changes: chatter });
  }

  #sourceTime(): { source_ts?: number } {
    const ms = this.#sourceMs;
    return ms !== undefined && Number.isSafeInteger(ms) && ms >= 0 ? { source_ts: ms } : {};
  }

  /** State and events become durable together, so that neither a lost nor a doubled event follows a crash. */
  #commit(draft: Draft): true {
    const { store, reporter, log } = this.#needs;
    const { id } = this.#point;
    const { record, settling, told } = draft;
    if (record !== this.#record || told.length > 0) {
      store.transaction(() => {
        store.memory.set(ROOM, id, JSON.stringify(record));
        for (const one of told)
          reporter.event('alarm', id, eventOf(id, one.record, one.transition, one.extra));
      });
    }
    this.#record = record;
    this.#settling = settling;
    if (!record.shelf) this.#shelf = undefined;
    for (const { transition } of told)
      log.info({ point: id, alarm: record.life.alarm }, `alarm ${transition}`);
    this.#show();
    return true;
  }

  #show(): void {
    this.#shown.show(this.#record, this.#hearing.isUnknown(this.#point.maxAgeMs));
  }
}

/** What a record says of its settling; times begin anew. */
function settlingOf({ spoken, active, settled, chatter }: PointRecord, nowMs: number): Settling {
  const said = spoken ? active.length > 0 : undefined;
  return {
    ...UNSETTLED,
    said,
    saidMs: nowMs,
    settled,
    ...(chatter === undefined ? {} : { changes: chatter }),
  };
}

function unshelve(draft: Draft, decision: Decision): boolean {
  const { shelf, ...record } = draft.record;
  if (!shelf) return false;
  draft.record = record;
  draft.tell('unshelved', decisionFields(decision));
  return true;
}
