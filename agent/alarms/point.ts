import type { Clock, ClockTrust } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import type { Store } from '../store/store.ts';
import type { Arming, Verdict } from './arming/arming.ts';
import { byBox, Draft, decisionFields } from './draft.ts';
import { Hearing } from './hearing.ts';
import { Countdown } from './life/countdown.ts';
import { type Decision, isOpen } from './life/life.ts';
import { dueMs, type Settling, settle, UNSETTLED } from './life/settling.ts';
import type { AlarmPoint, AlarmSettings } from './ports.ts';
import { adopt, newRecord, type PointRecord } from './record.ts';
import { parseRecord } from './record-text.ts';
import { rulesOf } from './rules.ts';
import { ShownState } from './shown.ts';
import type { Observation } from './source.ts';
import { report } from './telling.ts';

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
  readonly #needs: PointNeeds & { readonly arming: Arming };
  readonly #hearing: Hearing;
  readonly #shown: ShownState;
  #point: AlarmPoint;
  #settings: AlarmSettings;
  #record: PointRecord;
  #settling: Settling;
  #shelf: Countdown | undefined;
  /** When a condition was last said to hold. */
  #activeMs: number;
  /** The time that the source gave with its last word. */
  #sourceMs: number | undefined;

  constructor(needs: PointNeeds & { readonly arming: Arming }, point: AlarmPoint, settings: AlarmSettings) {
    const { clock, store } = needs;
    const nowMs = clock.monotonicMs();
    this.#needs = needs;
    this.#point = point;
    this.#settings = settings;
    const kept = parseRecord(store.memory.get(ROOM, point.id) ?? '');
    this.#record = kept ? adopt(kept, point) : newRecord(point, clock.wallMs());
    this.#hearing = new Hearing(clock, this.#record.active);
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
   * @returns whether it is told: the alarm was raised or cleared by it, it was recorded, or it counts as chattering
   * @throws whatever the store throws; nothing has changed then
   */
  see(seen: Observation): boolean {
    const draft = this.#draft();
    if (seen.active === undefined) this.#hearing.vanished(seen.key, this.#record.active);
    else this.#hear(draft, seen, seen.active);
    const told = this.#evaluate(draft);
    return told || (seen.active !== undefined && this.#settling.changes !== undefined);
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
    if (draft.record.settled !== 'cleared') draft.forget(undefined);
    return this.#commit(draft);
  }

  /** @param untilMs wall time of a clock that can be believed */
  shelve(untilMs: number, decision: Decision): void {
    const now = this.#now;
    const countdown = Countdown.until(untilMs, now);
    const draft = this.#draft();
    draft.shelve(countdown.record(now.monotonicMs), decision);
    this.#commit(draft);
    this.#shelf = countdown;
  }

  /** @returns false when the point is not shelved */
  unshelve(decision: Decision): boolean {
    const draft = this.#draft();
    return draft.unshelve(decision) && this.#commit(draft);
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
      armed: this.#verdict(this.#record).armed,
      severity,
      occurrences,
    };
  }

  get #rules() {
    return rulesOf(this.#point, this.#settings);
  }

  get #now() {
    const { clock, clockTrust } = this.#needs;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs(), trust: clockTrust() };
  }

  #draft(): Draft {
    const from = { record: this.#record, settling: this.#settling };
    return new Draft(this.#point, from, { ...this.#now, newId: this.#needs.newId });
  }

  #verdict({ details }: PointRecord): Verdict {
    return this.#needs.arming.judge(this.#point, details.category);
  }

  #hear(draft: Draft, seen: Observation, holds: boolean): void {
    if (holds) this.#activeMs = this.#needs.clock.monotonicMs();
    this.#sourceMs = seen.sourceMs;
    draft.say(seen, holds);
    this.#hearing.heard(seen.key, draft.record.active);
  }

  #evaluate(draft: Draft): boolean {
    this.#expire(draft);
    this.#countDown(draft);
    this.#settle(draft);
    try {
      this.#commit(draft);
    } catch (thrown) {
      this.lost();
      throw thrown;
    }
    return draft.told.some(
      ({ message, fields }) => message === 'activity' || ['raised', 'cleared'].includes(fields.transition),
    );
  }

  /** Clears by itself what its source never clears; after a restart the time begins anew. */
  #expire(draft: Draft): void {
    const limitS = 'clearsAfterS' in this.#point ? this.#point.clearsAfterS : undefined;
    if (limitS === undefined || draft.record.settled !== 'raised') return;
    if (this.#needs.clock.monotonicMs() - this.#activeMs < limitS * 1000) return;
    draft.forget(false);
    draft.level(this.#verdict(draft.record), {});
  }

  #countDown(draft: Draft): void {
    if (!this.#shelf) return;
    const now = this.#now;
    const over = this.#shelf.isOver(now);
    const left = over ? undefined : this.#shelf.due(now.monotonicMs);
    if (over) draft.unshelve(byBox('the time is over'));
    else if (left) draft.keepLeft(left);
  }

  /** What the source does not say now changes nothing. */
  #settle(draft: Draft): void {
    if (!this.#hearing.confirmed) return;
    const before = draft.record.chatter;
    draft.settle(settle(draft.settling, this.#rules, this.#needs.clock.monotonicMs()));
    const { chatter } = draft.record;
    if (before !== undefined && chatter === undefined) draft.tell('steady', { changes: before });
    draft.level(this.#verdict(draft.record), this.#sourceTime());
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
        for (const one of told) report(reporter, id, one);
      });
    }
    this.#record = record;
    this.#settling = settling;
    if (!record.shelf) this.#shelf = undefined;
    for (const { message, fields } of told)
      log.info({ point: id, alarm: record.life.alarm }, `${message} ${fields.transition}`);
    this.#show();
    return true;
  }

  #show(): void {
    const unknown = this.#hearing.isUnknown(this.#point.maxAgeMs);
    this.#shown.show(this.#record, unknown, this.#verdict(this.#record));
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
