import type { Clock } from '../../base/clock.ts';
import type { Fields } from '../../contract/messages.ts';
import type { Reporter } from '../../contract/reporter.ts';
import type { Store } from '../../store/store.ts';
import { type Counted, type FloodRecord, KEY, parseFlood, ROOM, summaryOf, withEvent } from './record.ts';

export interface FloodNeeds {
  readonly clock: Clock;
  readonly store: Pick<Store, 'memory' | 'transaction'>;
  /** The one that tells; its events are not counted. */
  readonly reporter: Pick<Reporter, 'event'>;
}

/** From how many events within how long on it is a flood; no number of events: never. */
export interface FloodRule {
  readonly events: number;
  readonly withinS: number;
}

interface Recent extends Counted {
  readonly monotonicMs: number;
}

/**
 * Alarms that come faster than anybody reads are told in one event beside them: when the flood begins, again and again
 * while it lasts, and when it is over. Nothing is held back or left out for it. What was counted is on disk together
 * with the event that counts, so that a kill in the middle changes no figure.
 */
export class Flood {
  readonly #needs: FloodNeeds;
  readonly #startMs: number;
  /** The last events, no more than the rule counts and no older. */
  #recent: Recent[] = [];
  /** Undefined before there is a configuration: nothing is begun or ended then. */
  #rule: FloodRule | undefined;
  #told = { atMs: 0, count: 0 };

  constructor(needs: FloodNeeds) {
    this.#needs = needs;
    this.#startMs = needs.clock.monotonicMs();
  }

  configure(rule: FloodRule): void {
    this.#rule = rule;
    this.#forgetOld(rule);
  }

  /** Counts an event that has just been appended, in the transaction of it. */
  count(event: Counted): void {
    const rule = this.#rule;
    if (!rule || rule.events === 0) return;
    // A transaction that is done again gives its numbers again.
    while ((this.#recent.at(-1)?.seq ?? 0) >= event.seq) this.#recent.pop();
    this.#recent.push({ ...event, monotonicMs: this.#needs.clock.monotonicMs() });
    this.#forgetOld(rule);
    const record = this.#record();
    if (record) this.#keep(withEvent(record, event));
    else if (this.#recent.length >= rule.events) this.#begin(rule);
  }

  /** Tells what time alone brings: that it lasts, or that it is over. */
  evaluate(): void {
    const rule = this.#rule;
    const record = rule && this.#record();
    if (!record) return;
    this.#forgetOld(rule);
    if (this.#isOver(rule)) this.#end(record, rule);
    else if (this.#isTimeToRepeat(record, rule)) this.#tell('lasts', record, rule);
  }

  #begin(rule: FloodRule): void {
    const [first, ...more] = this.#recent.map(({ monotonicMs, ...event }) => event);
    if (!first) return;
    const record = more.reduce(withEvent, withEvent(undefined, first));
    this.#keep(record);
    this.#tell('begun', record, rule);
  }

  /** Less than half of what makes one; not before that can be known after a restart. */
  #isOver({ events, withinS }: FloodRule): boolean {
    if (events === 0) return true;
    const known = this.#needs.clock.monotonicMs() - this.#startMs >= withinS * 1000;
    return known && this.#recent.length < events / 2;
  }

  #end(record: FloodRecord, rule: FloodRule): void {
    this.#needs.store.transaction(() => {
      this.#needs.store.memory.delete(ROOM, KEY);
      this.#tell('ended', record, rule);
    });
  }

  #isTimeToRepeat({ count }: FloodRecord, { withinS }: FloodRule): boolean {
    const sinceMs = this.#needs.clock.monotonicMs() - this.#told.atMs;
    return sinceMs >= withinS * 1000 && count !== this.#told.count;
  }

  #tell(transition: Fields<'flood'>['transition'], record: FloodRecord, rule: FloodRule): void {
    const { events, withinS } = rule;
    const fields = { transition, ...summaryOf(record), limit: events, within_s: withinS };
    this.#needs.reporter.event('flood', 'collector', fields);
    this.#told = { atMs: this.#needs.clock.monotonicMs(), count: record.count };
  }

  #record(): FloodRecord | undefined {
    return parseFlood(this.#needs.store.memory.get(ROOM, KEY) ?? '');
  }

  #keep(record: FloodRecord): void {
    this.#needs.store.memory.set(ROOM, KEY, JSON.stringify(record));
  }

  #forgetOld({ events, withinS }: FloodRule): void {
    const fromMs = this.#needs.clock.monotonicMs() - withinS * 1000;
    while (this.#recent.length > events || (this.#recent[0]?.monotonicMs ?? fromMs) < fromMs)
      this.#recent.shift();
  }
}
