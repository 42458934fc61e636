import { asBeffroiError } from '../base/errors.ts';
import { RepeatedFault } from '../base/repeated.ts';
import type { StatusSnapshot } from '../contract/status.ts';
import type { Arming } from './arming/arming.ts';
import { byBox, decisionFields } from './draft.ts';
import { type PointNeeds, ROOM } from './keeping.ts';
import { step } from './life/life.ts';
import { Point } from './point.ts';
import type { AlarmPoint, AlarmSettings } from './ports.ts';
import { parseRecord } from './record-text.ts';
import { eventOf, report } from './telling.ts';

/** The alarm points of the configuration in force. */
export class Points {
  readonly #needs: PointNeeds & { readonly arming: Arming };
  readonly #points = new Map<string, Point>();
  readonly #fault: RepeatedFault;

  constructor(needs: PointNeeds & { readonly arming: Arming }) {
    this.#needs = needs;
    this.#fault = new RepeatedFault(needs.clock);
  }

  get(id: string): Point | undefined {
    return this.#points.get(id);
  }

  /** The point whose alarm this is, if it is not closed. */
  ofAlarm(alarm: string): Point | undefined {
    return [...this.#points.values()].find((point) => point.openAlarm === alarm);
  }

  /** These and no others. The alarm of a point that is taken out is closed: none stays open at the CSU for ever. */
  take(points: readonly AlarmPoint[], settings: AlarmSettings): void {
    const { store } = this.#needs;
    const ids = new Set(points.map((point) => point.id));
    const known = store.memory.entries(ROOM).map(([id]) => id);
    for (const id of known) if (!ids.has(id)) this.#remove(id);
    for (const point of points) this.#put(point, settings);
    store.transaction(() => {
      for (const point of this.#points.values()) point.start();
    });
  }

  /** One more than the configuration names. */
  add(point: AlarmPoint, settings: AlarmSettings): Point {
    const added = new Point(this.#needs, point, settings);
    added.start();
    this.#points.set(point.id, added);
    return added;
  }

  /** Does what time alone does. */
  evaluate(): void {
    const parts = [this.#needs.arming, ...this.#points.values()];
    const done = parts.map((part) => this.safely(() => part.evaluate()));
    if (!done.includes(false)) this.#fault.recovered();
  }

  /** What cannot be kept of one point holds up no other; the next look tries again. */
  safely(look: () => void): boolean {
    try {
      look();
      return true;
    } catch (thrown) {
      this.#complain(thrown);
      return false;
    }
  }

  /** When time alone next changes what counts of a point, monotonic ms; infinite when it does not. */
  nextMs(): number {
    return Math.min(...[...this.#points.values()].map(({ dueMs = Number.POSITIVE_INFINITY }) => dueMs));
  }

  status(): StatusSnapshot['alarms'] {
    return [...this.#points.values()].map((point) => point.status());
  }

  #complain(thrown: unknown): void {
    const err = asBeffroiError(thrown);
    const told = this.#fault.happened(err.code);
    if (told) this.#needs.log.error({ err, count: told.count }, 'the state of a point could not be kept');
  }

  #put(point: AlarmPoint, settings: AlarmSettings): void {
    const known = this.#points.get(point.id);
    if (known) known.change(point, settings);
    else this.#points.set(point.id, new Point(this.#needs, point, settings));
  }

  #remove(id: string): void {
    const { store, reporter } = this.#needs;
    store.transaction(() => {
      this.#closeRemoved(id);
      store.memory.delete(ROOM, id);
      store.stories.forget(id);
    });
    this.#points.delete(id);
    reporter.clearState('alarmCurrent', id);
  }

  #closeRemoved(id: string): void {
    const { store, reporter, clock, newId } = this.#needs;
    const record = parseRecord(store.memory.get(ROOM, id) ?? '');
    if (!record) return;
    const { life, told } = step(record.life, 'close', { wallMs: clock.wallMs(), newId });
    const extra = decisionFields(byBox('the point was taken out of the configuration'));
    for (const transition of told) report(reporter, id, eventOf(id, { ...record, life }, transition, extra));
  }
}
