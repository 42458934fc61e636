import type { StatusSnapshot } from '../contract/status.ts';
import { type Arming, silences, type Verdict } from './arming/arming.ts';
import { CauseWatch } from './cause-watch.ts';
import { type Draft, decisionFields } from './draft.ts';
import { Hearing } from './hearing.ts';
import { Keeping, type PointNeeds } from './keeping.ts';
import { LastWord } from './last-word.ts';
import { type Decision, isOpen } from './life/life.ts';
import { dueMs, settle } from './life/settling.ts';
import type { AlarmPoint, AlarmSettings, Details } from './ports.ts';
import { isCrowded, keyIn, type PointRecord } from './record.ts';
import { rulesOf } from './rules.ts';
import { Shelf } from './shelf.ts';
import { ShownState } from './shown.ts';
import type { Observation } from './source.ts';

/**
 * One alarm point. What its source said last, what of it counts, and the life of its alarm are on disk together with the
 * events that tell them; while the source cannot be heard the point is shown as unknown, and the first words after that
 * are compared with what is on disk.
 */
export class Point {
  readonly #needs: PointNeeds & { readonly arming: Arming };
  readonly #keeping: Keeping;
  readonly #hearing: Hearing;
  readonly #word: LastWord;
  readonly #cause: CauseWatch;
  readonly #shelf: Shelf;
  readonly #shown: ShownState;
  /** The source was lost, or was not heard in this start, and nothing says yet that it is back. */
  #isAway = true;
  #point: AlarmPoint;
  #settings: AlarmSettings;

  constructor(needs: PointNeeds & { readonly arming: Arming }, point: AlarmPoint, settings: AlarmSettings) {
    const { clock } = needs;
    this.#needs = needs;
    this.#point = point;
    this.#settings = settings;
    this.#keeping = new Keeping(needs, point);
    this.#hearing = new Hearing(clock, this.#record.active);
    this.#word = new LastWord(clock);
    this.#cause = new CauseWatch(clock);
    this.#shelf = new Shelf(this.#record.shelf, clock.monotonicMs());
    this.#shown = new ShownState(needs, point.id);
  }

  /** Id of the alarm that is not closed; undefined when there is none. */
  get openAlarm(): string | undefined {
    return isOpen(this.#record.life) ? this.#record.life.alarm : undefined;
  }

  /** When time alone changes what counts, monotonic ms. */
  get dueMs(): number | undefined {
    return this.#hearing.confirmed ? dueMs(this.#keeping.settling, this.#rules) : undefined;
  }

  /** What the source said last, also before a restart. */
  get isActive(): boolean {
    return this.#record.active.length > 0;
  }

  /** Whether more conditions held at a time than are told apart, and nobody has closed the alarm since. */
  get isCrowded(): boolean {
    return isCrowded(this.#record);
  }

  /** Whether a maintenance window leaves it armed, as far as is known what it reports. */
  get staysArmed(): boolean {
    return !silences(this.#point, this.#record.details.category);
  }

  /** Keeps and tells the state under the entry of the configuration in force. */
  start(): void {
    this.#keeping.write();
    this.#show();
  }

  /** Takes a changed entry of the configuration; `start` tells it. */
  change(point: AlarmPoint, settings: AlarmSettings): void {
    this.#point = point;
    this.#settings = settings;
    if (!this.#keeping.change(point)) this.lost();
  }

  /** The source can no longer be heard. */
  lost(): void {
    this.#isAway = true;
    this.#hearing.lost(this.#record.active, this.#point.maxAgeMs !== undefined);
  }

  /** The source does its work again: from now on its silence says something. */
  returned(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#word.countAnew();
  }

  /** What was said last holds. */
  confirmed(): void {
    this.#isAway = false;
    this.#hearing.all();
    this.evaluate();
  }

  /** The source is heard again and does not repeat what it said last, until when it was heard before. */
  held(untilMs: number | undefined): void {
    this.#isAway = false;
    if (this.#hearing.confirmed) return;
    this.#hearing.held();
    const draft = this.#keeping.draft();
    draft.age(untilMs);
    this.#evaluate(draft);
  }

  /**
   * @returns whether it is told: the alarm was raised or cleared by it, it was recorded, or it counts as chattering
   * @throws whatever the store throws; nothing has changed then
   */
  see(seen: Observation): boolean {
    const draft = this.#keeping.draft();
    if (seen.active === undefined) this.#hearing.vanished(seen.key, this.#record.active);
    else this.#hear(draft, seen, seen.active);
    this.#look(draft);
    const told = isTold(draft) || (seen.active !== undefined && draft.settling.changes !== undefined);
    this.#keep(draft, told ? seen.along : undefined);
    return told;
  }

  /** Does what time alone does, and shows what is known now. */
  evaluate(): void {
    this.#evaluate(this.#keeping.draft());
  }

  /** @returns false when there was nothing to acknowledge */
  acknowledge(decision: Decision): boolean {
    const draft = this.#keeping.draft();
    return draft.life('acknowledge', decisionFields(decision), decision) && this.#commit(draft);
  }

  /** Ends the alarm. What the source says next decides whether there is another. */
  close(decision: Decision): boolean {
    const draft = this.#keeping.draft();
    if (!draft.life('close', decisionFields(decision), decision)) return false;
    if (draft.record.settled !== 'cleared') draft.forget(undefined);
    return this.#commit(draft);
  }

  /** @param untilMs wall time of a clock that can be believed */
  shelve(untilMs: number, decision: Decision): void {
    const draft = this.#keeping.draft();
    const begun = this.#shelf.begin(draft, untilMs, decision, this.#now);
    this.#commit(draft);
    begun();
  }

  /** @returns false when the point is not shelved */
  unshelve(decision: Decision): boolean {
    const draft = this.#keeping.draft();
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

  get #record(): PointRecord {
    return this.#keeping.record;
  }

  get #rules() {
    return rulesOf(this.#point, this.#settings);
  }

  get #now() {
    const { clock, clockTrust } = this.#needs;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs(), trust: clockTrust() };
  }

  #verdict({ details }: PointRecord): Verdict {
    return this.#needs.arming.judge(this.#point, details.category);
  }

  #hear(draft: Draft, said: Observation, holds: boolean): void {
    const seen = { ...said, key: keyIn(this.#record.active, said.key, holds) };
    this.#isAway = false;
    this.#word.take(seen);
    draft.say(seen, holds);
    const cause = holds ? seen.details?.cause : undefined;
    const { details } = draft.record;
    if (this.#cause.hasChanged(details.cause, cause) || (holds && isReworded(details, seen)))
      draft.reword(seen);
    if (this.#hearing.heard(seen.key, draft.record.active)) draft.renew();
  }

  #evaluate(draft: Draft): void {
    this.#look(draft);
    this.#keep(draft);
  }

  #look(draft: Draft): void {
    this.#expire(draft);
    this.#shelf.pass(draft, this.#now);
    this.#settle(draft);
  }

  #keep(draft: Draft, along?: () => void): void {
    try {
      this.#commit(draft, along);
    } catch (thrown) {
      this.lost();
      throw thrown;
    }
  }

  /** Clears by itself what its source never clears; while nobody hears the source its silence says nothing. */
  #expire(draft: Draft): void {
    if (this.#isAway) return;
    const limitS = 'clearsAfterS' in this.#point ? this.#point.clearsAfterS : undefined;
    if (limitS === undefined || draft.record.settled !== 'raised') return;
    if (!this.#word.isSilentFor(limitS)) return;
    draft.expire();
    draft.level(this.#verdict(draft.record), {});
  }

  /** What the source does not say now changes nothing. */
  #settle(draft: Draft): void {
    if (!this.#hearing.confirmed) return;
    const before = draft.record.chatter;
    draft.settle(settle(draft.settling, this.#rules, this.#needs.clock.monotonicMs()));
    const { chatter } = draft.record;
    if (before !== undefined && chatter === undefined) draft.tell('steady', { changes: before });
    draft.level(this.#verdict(draft.record), this.#word.sourceTime);
    if (before === undefined && chatter !== undefined) draft.tell('chattering', { changes: chatter });
  }

  #commit(draft: Draft, along?: () => void): true {
    this.#keeping.commit(draft, along);
    this.#shelf.kept(draft.record);
    this.#show();
    return true;
  }

  #show(): void {
    const unknown = this.#hearing.isUnknown(this.#point.maxAgeMs);
    this.#shown.show(this.#record, unknown, this.#verdict(this.#record));
  }
}

function isReworded(told: Details, { details, textCounts = false }: Observation): boolean {
  return textCounts && told.cause === details?.cause && told.text !== details?.text;
}

function isTold({ told }: Draft): boolean {
  return told.some(
    ({ message, fields }) => message === 'activity' || ['raised', 'cleared'].includes(fields.transition),
  );
}
