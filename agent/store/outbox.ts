import { InternalError } from '../base/errors.ts';
import type { Engine } from './engine.ts';
import { insertEvent, intactEvent } from './outbox-rows.ts';
import { integerIn, type Row, type Sql } from './sql.ts';
import type { Outbox, OutboxEntry } from './store.ts';

/** What the outbox holds at most; the oldest events go first and are counted. Source: guess: a day of a bad sensor. */
export interface OutboxLimits {
  readonly events: number;
  readonly bytes: number;
}

const AFTER = 'SELECT * FROM outbox WHERE seq > ?';

/** The outbox in the database. */
export class SqlOutbox implements Outbox {
  readonly #engine: Engine;
  readonly #limits: OutboxLimits;
  readonly #listeners: (() => void)[] = [];
  readonly #tell = () => {
    for (const listener of this.#listeners) listener();
  };
  /** Events dropped since the outbox began to overflow. */
  #dropped = 0;

  constructor(engine: Engine, limits: OutboxLimits) {
    this.#engine = engine;
    this.#limits = limits;
  }

  append(build: (seq: number) => { topic: string; payload: string }): number {
    return this.#engine.write((sql) => {
      const seq = this.#engine.medium.nextNumber();
      insertEvent(sql, { seq, ...build(seq) });
      this.#bound(sql);
      this.#engine.afterCommit(() => this.#engine.medium.gaveNumber(seq));
      this.#engine.afterCommit(this.#tell);
      return seq;
    });
  }

  next(afterSeq: number, limit: number, without: readonly string[] = []): OutboxEntry[] {
    return this.#engine.read((sql) =>
      rowsAfter(sql, afterSeq, limit, without).map((row) => {
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
      if (this.#dropped > 0 && events <= this.#limits.events / 2 && bytes <= this.#limits.bytes / 2) {
        this.#engine.afterCommit(() => this.#tellEnd());
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
    if (dropped > 0) this.#engine.afterCommit(() => this.#tellDropped(dropped));
  }

  #tellDropped(count: number): void {
    const first = this.#dropped === 0;
    this.#dropped += count;
    if (!first) return;
    const { events, bytes } = this.#limits;
    const detail = `more than ${events} events or ${bytes} bytes wait: the oldest are dropped`;
    this.#engine.fault({ code: 'outbox-overflow', recovered: false, detail });
  }

  #tellEnd(): void {
    const detail = `${this.#dropped} events were dropped`;
    this.#dropped = 0;
    this.#engine.fault({ code: 'outbox-overflow', recovered: true, detail });
  }

  #isOver(total: OutboxLimits): boolean {
    return total.events > 1 && (total.events > this.#limits.events || total.bytes > this.#limits.bytes);
  }
}

function rowsAfter(sql: Sql, afterSeq: number, limit: number, without: readonly string[]): Row[] {
  if (without.length === 0) return sql.all(`${AFTER} ORDER BY seq LIMIT ?`, afterSeq, limit);
  const others = 'AND topic NOT IN (SELECT value FROM json_each(?))';
  return sql.all(`${AFTER} ${others} ORDER BY seq LIMIT ?`, afterSeq, JSON.stringify(without), limit);
}

function totals(sql: Sql): OutboxLimits {
  const row = sql.get('SELECT events, bytes FROM outbox_total') ?? {};
  return { events: integerIn(row, 'events'), bytes: integerIn(row, 'bytes') };
}
