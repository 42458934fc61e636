import { InternalError } from '../base/errors.ts';
import type { Engine } from './engine.ts';
import { metaNumber, setMeta } from './meta.ts';
import { insertEvent, intactEvent } from './outbox-rows.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { Outbox, OutboxEntry } from './store.ts';

/** What the outbox holds at most. */
export interface OutboxLimits {
  readonly events: number;
  readonly bytes: number;
}

/** Share of the bound that makes room at a time, so that looking for what to drop is rare. Source: guess. */
const DROPPED_AT_ONCE = 1 / 64;

const AFTER = 'SELECT * FROM outbox WHERE seq > ?';

/**
 * The outbox in the database. When it is full, the topic that takes most of it loses its oldest events: an input that
 * flaps for days pushes out its own past and no alarm of another point. What is dropped is counted durably and told.
 */
export class SqlOutbox implements Outbox {
  readonly #engine: Engine;
  readonly #limits: OutboxLimits;
  readonly #listeners: (() => void)[] = [];
  readonly #tell = () => {
    for (const listener of this.#listeners) listener();
  };
  constructor(engine: Engine, limits: OutboxLimits) {
    this.#engine = engine;
    this.#limits = limits;
    const earlier = engine.read((sql) => metaNumber(sql, 'overflow'));
    if (earlier > 0) this.#tellBegun(`${earlier} events were dropped before this start`);
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
      sql.run('DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?))', JSON.stringify(seqs));
      this.#endOverflow(sql);
    });
  }

  giveUp(seq: number): void {
    this.#engine.write((sql) => {
      const gone = sql.run('DELETE FROM outbox WHERE seq = ?', seq);
      setMeta(sql, 'dropped', metaNumber(sql, 'dropped') + gone);
    });
  }

  dropped(): number {
    return this.#engine.read((sql) => metaNumber(sql, 'dropped'));
  }

  pending(): number {
    return this.#engine.read((sql) => totals(sql).events);
  }

  onAppended(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #bound(sql: Sql): void {
    let dropped = 0;
    while (this.#isOver(totals(sql))) dropped += this.#dropOldest(sql);
    if (dropped === 0) return;
    const before = metaNumber(sql, 'overflow');
    setMeta(sql, 'overflow', before + dropped);
    setMeta(sql, 'dropped', metaNumber(sql, 'dropped') + dropped);
    if (before === 0) this.#engine.afterCommit(() => this.#tellBegun('the oldest are dropped'));
  }

  /** @returns how many events of the topic that takes most room were dropped */
  #dropOldest(sql: Sql): number {
    const most = sql.get(
      'SELECT topic FROM outbox GROUP BY topic ORDER BY sum(bytes) DESC, min(seq) LIMIT 1',
    );
    const atOnce = Math.max(1, Math.floor(this.#limits.events * DROPPED_AT_ONCE));
    return sql.run(
      'DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE topic = ? ORDER BY seq LIMIT ?)',
      textIn(most ?? {}, 'topic'),
      atOnce,
    );
  }

  #endOverflow(sql: Sql): void {
    const dropped = metaNumber(sql, 'overflow');
    if (dropped === 0) return;
    const { events, bytes } = totals(sql);
    if (events > this.#limits.events / 2 || bytes > this.#limits.bytes / 2) return;
    setMeta(sql, 'overflow', 0);
    const detail = `${dropped} events were dropped`;
    this.#engine.afterCommit(() => this.#engine.fault({ code: 'outbox-overflow', recovered: true, detail }));
  }

  #tellBegun(what: string): void {
    const { events, bytes } = this.#limits;
    const detail = `more than ${events} events or ${bytes} bytes wait: ${what}`;
    this.#engine.fault({ code: 'outbox-overflow', recovered: false, detail });
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
