import type { Clock, ClockTrust } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Store } from '../store/store.ts';
import { Draft } from './draft.ts';
import { type Settling, UNSETTLED } from './life/settling.ts';
import type { AlarmPoint } from './ports.ts';
import { adopt, newRecord, type PointRecord } from './record.ts';
import { parseRecord } from './record-text.ts';
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

/** What is kept of a point on disk, changed together with the events that tell the change. */
export class Keeping {
  readonly #needs: PointNeeds;
  #point: AlarmPoint;
  #record: PointRecord;
  #settling: Settling;

  constructor(needs: PointNeeds, point: AlarmPoint) {
    const { clock, store } = needs;
    this.#needs = needs;
    this.#point = point;
    const kept = parseRecord(store.memory.get(ROOM, point.id) ?? '');
    this.#record = kept ? adopt(kept, point) : newRecord(point, clock.wallMs());
    this.#settling = settlingOf(this.#record, clock.monotonicMs());
  }

  get record(): PointRecord {
    return this.#record;
  }

  get settling(): Settling {
    return this.#settling;
  }

  /** Writes the record where the disk has another. */
  write(): void {
    const { memory } = this.#needs.store;
    const text = JSON.stringify(this.#record);
    if (memory.get(ROOM, this.#point.id) !== text) memory.set(ROOM, this.#point.id, text);
  }

  /**
   * Takes a changed entry of the configuration; `write` keeps it.
   * @returns whether it is fed by the same rule as before; what was said under another is forgotten
   */
  change(point: AlarmPoint): boolean {
    const changed = adopt(this.#record, point);
    const sameRule = changed.rule === this.#record.rule;
    this.#point = point;
    this.#record = changed;
    if (!sameRule) this.#settling = settlingOf(changed, this.#needs.clock.monotonicMs());
    return sameRule;
  }

  draft(): Draft {
    const { clock, newId } = this.#needs;
    const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs(), newId };
    return new Draft(this.#point, { record: this.#record, settling: this.#settling }, now);
  }

  /**
   * State and events become durable together, so that neither a lost nor a doubled event follows a crash.
   * @param along what else becomes durable with them
   * @throws whatever the store throws; nothing has changed then
   */
  commit({ record, settling, told }: Draft, along?: () => void): void {
    const { store, reporter, log } = this.#needs;
    const { id } = this.#point;
    if (record !== this.#record || told.length > 0 || along) {
      store.transaction(() => {
        store.memory.set(ROOM, id, JSON.stringify(record));
        for (const one of told) report(reporter, id, one);
        along?.();
      });
    }
    this.#record = record;
    this.#settling = settling;
    for (const { message, fields } of told)
      log.info({ point: id, alarm: record.life.alarm }, `${message} ${fields.transition}`);
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
