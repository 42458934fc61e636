import { InternalError } from '../base/errors.ts';
import type { Engine } from './engine.ts';
import { lastSeq } from './meta.ts';
import { insertEvent, intactEvent } from './outbox-rows.ts';
import { integerIn, type Sql } from './sql.ts';
import type { Outbox, OutboxEntry } from './store.ts';

/** What the outbox holds at most; the oldest events go first and are counted. Source: guess: a day of a bad sensor. */
export interface OutboxLimits {
  readonly events: number;
  readonly bytes: number;
}

/** The outbox in the database. */
export class SqlOutbox implements Outbox {
  readonly #engine: Engine;
  readonly #limits: OutboxLimits;
  readonly #listeners: (() => void)[] = [];
  readonly #tell = () => {
    for (const listener of this.#listeners) listener();
  };
  #overflowing = false;

  constructor(engine: Engine, limits: OutboxLimits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  append(build: (seq: number) => { topic: string; payload: string }): number {
    return this.#engine.write((sql) => {
      const seq = lastSeq(sql) + 1;
      this.#engine.medium.mark({ seq });
      insertEvent(sql, { seq, ...build(seq) });
      this.#bound(sql);
      this.#engine.afterCommit(() => this.#engine.medium.gaveNumber(seq));
      this.#engine.afterCommit(this.#tell);
      return seq;
    });
  }

  next(afterSeq: number, limit: number): OutboxEntry[] {
    return this.#engine.read((sql) =>
      sql.all('SELECT * FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?', afterSeq, limit).map((row) => {
        const entry = intactEvent(row);
        if (entry) return entry;
        throw new InternalError('store-damaged', `event ${integerIn(row, 'seq')} is not what was written`);
      }),
    );
  }

  acknowledge(seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    this.#engine.write((sql) => {
      for (const seq of seqs) sql.run('DELETE FROM outbox WHERE seq = ?', seq);
      const { events, bytes } = totals(sql);
      if (this.#overflowing && events <= this.#limits.events / 2 && bytes <= this.#limits.bytes / 2) {
        this.#overflowing = false;
        this.#engine.fault({ code: 'outbox-overflow', recovered: true, detail: `${events} events wait` });
      }
    });
  }

  pending(): number {
    return this.#engine.read((sql) => totals(sql).events);
  }

  onAppended(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #bound(sql: Sql): void {
    let dropped = 0;
    for (let total = totals(sql); this.#isOver(total); total = totals(sql)) {
      dropped += sql.run('DELETE FROM outbox WHERE seq = (SELECT min(seq) FROM outbox)');
    }
    if (dropped === 0 || this.#overflowing) return;
    this.#overflowing = true;
    const detail = `more than ${this.#limits.events} events or ${this.#limits.bytes} bytes wait: the oldest are dropped`;
    this.#engine.afterCommit(() => this.#engine.fault({ code: 'outbox-overflow', recovered: false, detail }));
  }

  #isOver(total: OutboxLimits): boolean {
    return total.events > 1 && (total.events > this.#limits.events || total.bytes > this.#limits.bytes);
  }
}

function totals(sql: Sql): OutboxLimits {
  const row = sql.get('SELECT events, bytes FROM outbox_total') ?? {};
  return { events: integerIn(row, 'events'), bytes: integerIn(row, 'bytes') };
}
