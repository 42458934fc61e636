import type { Verdict } from './arming/arming.ts';
import { fieldsOfPoint, restored, severityOfPoint } from './codes.ts';
import type { CountdownRecord } from './life/countdown.ts';
import { type Decision, isActive, type LifeInput, step } from './life/life.ts';
import { type Settling, say, UNSETTLED } from './life/settling.ts';
import type { AlarmPoint } from './ports.ts';
import { activeAfter, BEYOND, detailsOf, type PointRecord } from './record.ts';
import type { Observation } from './source.ts';
import { activityOf, type EventExtra, eventOf, type Told, verdictFields, windowField } from './telling.ts';
import { gravest, type Words, weightOf } from './words.ts';

/** Inputs of a life that count as one more alarm. */
const RAISES: readonly LifeInput[] = ['raise', 'worsen'];

export interface DraftNow {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly newId: () => string;
}

/** A change of a point that is not on disk yet: its record, and what is to be told of it. */
export class Draft {
  readonly told: Told[] = [];
  readonly #point: AlarmPoint;
  readonly #now: DraftNow;
  #record: PointRecord;
  #settling: Settling;

  constructor(point: AlarmPoint, from: { record: PointRecord; settling: Settling }, now: DraftNow) {
    this.#point = point;
    this.#record = from.record;
    this.#settling = from.settling;
    this.#now = now;
  }

  get record(): PointRecord {
    return this.#record;
  }

  get settling(): Settling {
    return this.#settling;
  }

  /** What the source says of one condition. */
  say(seen: Observation, holds: boolean): void {
    const { active: before, spoken } = this.#record;
    const active = activeAfter(before, { key: seen.key, holds });
    const settling = say(this.#settling, active.length > 0, this.#now.monotonicMs);
    const { severity, details } = this.#record;
    const shown = gravest(this.#record.words ?? {}) ?? { severity, details };
    if (active !== before || !spoken) this.#change({ active, spoken: true });
    const isNews = active !== before || this.#outweighs(seen, holds);
    if (isNews) this.#keepWords(seen, holds);
    if (settling.said !== this.#settling.said) this.#takeWords(seen, holds);
    else if (isNews) this.#weigh(shown);
    this.#settling = settling;
  }

  /** Nothing says whether what was said last still holds: it was said for so long. Of an earlier loss the time stays. */
  age(untilMs: number | undefined): void {
    const { spoken, since, asOfMs } = this.#record;
    if (spoken && asOfMs === undefined) this.#change({ asOfMs: Math.max(untilMs ?? since, since) });
  }

  /** What was said last was said now. */
  renew(): void {
    if (this.#record.asOfMs !== undefined) this.#change({ asOfMs: undefined });
  }

  /** What holds goes on for another cause. */
  reword(seen: Observation): void {
    this.#takeWords(seen, true);
    if (isActive(this.#record.life)) this.tell('updated', {});
  }

  /** What counts from now on. */
  settle(settling: Settling): void {
    this.#settling = settling;
    const { settled, changes } = settling;
    if (settled !== this.#record.settled) this.#change({ settled, since: this.#now.wallMs });
    if (changes !== this.#record.chatter) this.#change({ chatter: changes });
  }

  /** What the source said last is forgotten, or set to all being well. */
  forget(said: false | undefined): void {
    this.#change({ active: [], words: undefined, asOfMs: undefined, spoken: said !== undefined });
    const settled = said === undefined ? 'unknown' : 'cleared';
    this.settle({ ...UNSETTLED, said, saidMs: this.#now.monotonicMs, settled });
  }

  /** The time of a condition is over that its source never ends. */
  expire(): void {
    this.forget(false);
    this.#change({ details: restored(this.#record.details) });
  }

  /** Does to the alarm what the settled condition asks for. */
  level(verdict: Verdict, extra: EventExtra): void {
    const { settled, life, activity } = this.#record;
    if (settled === 'raised' && (!isActive(life) || this.#isGraver)) {
      if (verdict.armed) this.#raise(verdict, extra);
      else if (!activity) this.#activity('begun', verdict, extra);
    } else if (settled === 'cleared') {
      this.life('clear', { ...extra, ...windowField(verdict) });
      if (activity) this.#activity('ended', verdict, extra);
    }
  }

  /** @returns whether something has become of the alarm */
  life(input: LifeInput, extra: EventExtra, decision?: Decision): boolean {
    const before = this.#record;
    const { life, told } = step(before.life, input, { ...this.#now, ...(decision && { decision }) });
    if (told.length === 0) return false;
    this.#change({ life, occurrences: before.occurrences + (RAISES.includes(input) ? 1 : 0) });
    for (const state of told) this.tell(state, extra, { ...this.#record, life: { ...life, state } });
    return true;
  }

  tell(transition: Parameters<typeof eventOf>[2], extra: EventExtra, record = this.#record): void {
    this.told.push(eventOf(this.#point.id, record, transition, extra));
  }

  shelve(left: CountdownRecord, decision: Decision): void {
    this.#change({ shelf: { ...left, ...decision } });
    this.tell('shelved', { ...decisionFields(decision), until: Math.round(left.untilMs) });
  }

  /** What is left of the time for which it is shelved. */
  keepLeft(left: CountdownRecord): void {
    const { shelf } = this.#record;
    if (shelf) this.#change({ shelf: { ...shelf, ...left } });
  }

  /** @returns false when the point is not shelved */
  unshelve(decision: Decision): boolean {
    if (!this.#record.shelf) return false;
    this.#change({ shelf: undefined });
    this.tell('unshelved', decisionFields(decision));
    return true;
  }

  /** What the source says with a change belongs to the alarm that follows. */
  #takeWords(seen: Observation, holds: boolean): void {
    const { details, severity } = this.#wordsOf(seen, holds);
    this.#change({ details, ...(holds && severity ? { severity } : {}) });
  }

  #wordsOf(seen: Observation, holds: boolean): Partial<Words> & Pick<Words, 'details'> {
    const point = this.#point;
    const own = fieldsOfPoint(point, holds);
    const said = seen.details ?? (own.category === undefined ? this.#record.details : {});
    const details = { ...detailsOf(point), ...said, ...own };
    const severity = point.severity ?? severityOfPoint(point) ?? seen.severity;
    return { details, ...(severity && { severity }) };
  }

  /** Of conditions that share a key the gravest is kept. */
  #outweighs(seen: Observation, holds: boolean): boolean {
    const kept = this.#record.words?.[seen.key];
    if (seen.key !== BEYOND || !holds || !kept) return false;
    const { severity, details } = this.#wordsOf(seen, holds);
    return severity !== undefined && weightOf({ severity, details }) > weightOf(kept);
  }

  /** Of sources that say how grave each condition is. */
  #keepWords(seen: Observation, holds: boolean): void {
    const { [seen.key]: gone, ...others } = this.#record.words ?? {};
    const { details, severity } = this.#wordsOf(seen, holds);
    if (holds && severity && seen.severity)
      this.#change({ words: { ...others, [seen.key]: { details, severity } } });
    else if (gone) this.#change({ words: Object.keys(others).length === 0 ? undefined : others });
  }

  /** One of several conditions has come or gone: the gravest that holds is what the alarm says. */
  #weigh(before: Words): void {
    const now = gravest(this.#record.words ?? {});
    if (!now) return;
    const weight = Math.min(this.#record.weight ?? weightOf(before), weightOf(now));
    this.#change({ ...now, weight });
  }

  /** Whether what holds now is graver than what was told. */
  get #isGraver(): boolean {
    const { words = {}, weight } = this.#record;
    const now = gravest(words);
    return now !== undefined && weight !== undefined && weightOf(now) > weight;
  }

  #raise(verdict: Verdict & { armed: true }, extra: EventExtra): void {
    const { words = {}, life } = this.#record;
    const { severity = this.#record.severity } = verdict;
    const now = gravest(words);
    this.#change({ severity, activity: undefined, weight: now && weightOf(now) });
    this.life(isActive(life) ? 'worsen' : 'raise', { ...extra, ...windowField(verdict) });
  }

  #activity(transition: 'begun' | 'ended', verdict: Verdict, extra: EventExtra): void {
    this.#change({ activity: transition === 'begun' ? true : undefined });
    const fields = { ...extra, ...verdictFields(verdict) };
    this.told.push(activityOf(this.#point.id, this.#record, transition, fields));
  }

  #change(change: { [K in keyof PointRecord]?: PointRecord[K] | undefined }): void {
    const entries = Object.entries({ ...this.#record, ...change }).filter(([, value]) => value !== undefined);
    this.#record = Object.fromEntries(entries) as unknown as PointRecord;
  }
}

/** The fields of an event that say who decided. */
export function decisionFields({ by, signer, why }: Decision): EventExtra {
  return { by, ...(signer === '' ? {} : { signer }), ...(why === '' ? {} : { why }) };
}

/** What the box decides by itself. */
export function byBox(why: string): Decision {
  return { by: 'box', signer: '', why };
}
