import { InternalError } from '../base/errors.ts';
import type { Confirmation, LossReason, OutboxClass } from '../contract/delivery.ts';
import { OUTBOX_CLASSES } from '../contract/delivery.ts';
import type { Engine } from './engine.ts';
import { addLoss, closeLoss, markTold, reopenLoss, untold } from './losses.ts';
import { metaText, setMeta } from './meta.ts';
import { classToDrop, type OutboxLimits, sumOf, totalsOf } from './outbox-limits.ts';
import { classIn, insertEvent, intactEvent, rankOf, STATE } from './outbox-rows.ts';
import type { RunClock } from './run-clock.ts';
import { integerIn, type Row, type Sql, textIn } from './sql.ts';
import type { DeliveryRules, Lane, Loss, NewEvent, Outbox, OutboxEntry } from './store.ts';

/** Until a configuration says otherwise. */
const RULES: DeliveryRules = { confirm: 'broker', resendAfterMs: 60_000, liveWithinMs: 60_000 };
/** An event without a receipt is sent again at ever longer intervals up to this one, ms. Source: guess. */
const MAX_RESEND_MS = 15 * 60_000;
/** Events that change their state in one transaction. Source: guess; some ten milliseconds. */
const MOVED_AT_ONCE = 2_000;

export interface OutboxNeeds {
  readonly runClock: RunClock;
  readonly wallMs: () => number;
  readonly clockTrusted: () => boolean;
}

/** The outbox in the database. */
export class SqlOutbox implements Outbox {
  readonly #engine: Engine;
  readonly #needs: OutboxNeeds;
  readonly #limits: OutboxLimits;
  readonly #listeners: (() => void)[] = [];
  readonly #tell = () => {
    for (const listener of this.#listeners) listener();
  };
  #rules: DeliveryRules;
  /** Events up to this number are of earlier starts; 0 when their age has been judged. */
  #earlier: number;
  /** Whether some event waits longer for its receipt than it would had receipts come. */
  #postponed = true;
  /** Events dropped since the outbox began to overflow. */
  #dropped = 0;

  constructor(engine: Engine, needs: OutboxNeeds, limits: OutboxLimits) {
    this.#engine = engine;
    this.#needs = needs;
    this.#limits = limits;
    this.#rules = { ...RULES, confirm: engine.read(confirmIn) };
    this.#earlier = engine.read(highest);
  }

  get confirmation(): Confirmation {
    return this.#rules.confirm;
  }

  rule(rules: DeliveryRules): void {
    this.#engine.write((sql) => {
      if (confirmIn(sql) !== rules.confirm) setMeta(sql, 'confirm', rules.confirm);
      if (rules.confirm === 'broker') this.#forget(sql, 'SELECT seq, id FROM outbox WHERE state = 2');
    });
    this.#rules = rules;
  }

  append(build: (seq: number) => NewEvent): number {
    return this.#engine.write((sql) => {
      const { seq } = this.#put(sql, build);
      this.#bound(sql);
      return seq;
    });
  }

  next(afterSeq: number, limit: number): OutboxEntry[] {
    return this.#engine.read((sql) =>
      sql.all('SELECT * FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?', afterSeq, limit).map(entryOf),
    );
  }

  find(id: string): OutboxEntry | undefined {
    return this.#engine.read((sql) => {
      const row = id === '' ? undefined : sql.get('SELECT * FROM outbox WHERE id = ?', id);
      return row && entryOf(row);
    });
  }

  due(lane: Lane, limit: number, inFlight: ReadonlySet<number>): OutboxEntry[] {
    if (limit <= 0) return [];
    return this.#engine.read((sql) =>
      sql
        .all(
          'SELECT * FROM outbox WHERE state = ? ORDER BY class, seq LIMIT ?',
          STATE[lane],
          limit + inFlight.size,
        )
        .filter((row) => !inFlight.has(integerIn(row, 'seq')))
        .slice(0, limit)
        .map(entryOf),
    );
  }

  settle(): boolean {
    this.#judgeEarlier();
    const nowMs = this.#needs.runClock.nowMs();
    const due = `SELECT seq FROM outbox WHERE state = ? AND due_ms <= ? ORDER BY due_ms LIMIT ${MOVED_AT_ONCE}`;
    const states = [STATE.live, STATE.sent];
    const waits = this.#engine.read((sql) => states.filter((state) => sql.get(due, state, nowMs)));
    if (waits.length === 0) return false;
    this.#engine.write((sql) => {
      for (const state of waits) {
        sql.run(`UPDATE outbox SET state = ${STATE.backlog} WHERE seq IN (${due})`, state, nowMs);
      }
    });
    return true;
  }

  acknowledge(seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    this.#engine.write((sql) => {
      for (const seq of seqs) this.#acknowledgeOne(sql, seq);
      this.#lookForRoom(sql);
    });
  }

  confirm(ids: readonly string[]): number {
    const known = ids.filter((id) => id !== '' && this.find(id));
    if (known.length === 0) return 0;
    return this.#engine.write((sql) => {
      const gone = known.reduce((sum, id) => sum + confirmOne(sql, id), 0);
      if (this.#postponed) this.#hasten(sql);
      this.#lookForRoom(sql);
      return gone;
    });
  }

  giveUp(seq: number, reason: LossReason): void {
    this.#engine.write((sql) => {
      const row = sql.get('SELECT seq, id, class FROM outbox WHERE seq = ?', seq);
      if (row) this.#drop(sql, row, reason);
    });
  }

  pending(): number {
    return this.#engine.read((sql) => sumOf(totalsOf(sql)).events);
  }

  unreceipted(): number {
    return this.#engine.read((sql) =>
      integerIn(sql.get('SELECT count(*) AS n FROM outbox WHERE state = 2') ?? { n: 0 }, 'n'),
    );
  }

  onAppended(listener: () => void): void {
    this.#listeners.push(listener);
  }

  tellLosses(build: (seq: number, loss: Loss) => NewEvent): number {
    const waits = this.#engine.read((sql) => untold(sql).length > 0);
    if (!waits) return 0;
    return this.#engine.write((sql) => {
      const lines = untold(sql);
      for (const { number, ...loss } of lines) {
        const { id } = this.#put(sql, (seq) => build(seq, loss));
        markTold(sql, number, id);
      }
      this.#bound(sql);
      return lines.length;
    });
  }

  /** Drops what has waited for longer than its class allows, and keeps the operating time. */
  maintain(): void {
    this.settle();
    this.#engine.write((sql) => {
      this.#needs.runClock.save(sql);
      for (const of of OUTBOX_CLASSES) this.#dropOld(sql, of);
    });
  }

  #put(sql: Sql, build: (seq: number) => NewEvent): { seq: number; id: string } {
    const seq = this.#engine.medium.nextNumber();
    const event = build(seq);
    const putMs = this.#needs.runClock.nowMs();
    this.#needs.runClock.save(sql);
    this.#keepOrder(sql, event);
    insertEvent(sql, {
      ...event,
      seq,
      state: STATE.live,
      attempts: 0,
      putMs,
      wallMs: Math.round(this.#needs.wallMs()),
      dueMs: putMs + this.#rules.liveWithinMs,
    });
    this.#engine.afterCommit(() => this.#engine.medium.gaveNumber(seq));
    this.#engine.afterCommit(this.#tell);
    return { seq, id: event.id };
  }

  /** Earlier events of the same point go before this one, also when its class has become a higher one. */
  #keepOrder(sql: Sql, { topic, class: of }: NewEvent): void {
    const rank = rankOf(of);
    const behind = sql.get('SELECT 1 FROM outbox WHERE topic = ? AND class > ? LIMIT 1', topic, rank);
    if (behind) sql.run('UPDATE outbox SET class = ? WHERE topic = ? AND class > ?', rank, topic, rank);
  }

  /** An event of an earlier start is live only when a trusted clock says that it is that young. */
  #judgeEarlier(): void {
    const last = this.#earlier;
    this.#earlier = 0;
    if (last === 0) return;
    const wallMs = Math.round(this.#needs.wallMs());
    const fromMs = this.#needs.clockTrusted() ? wallMs - this.#rules.liveWithinMs : Number.MAX_SAFE_INTEGER;
    this.#engine.write((sql) => {
      sql.run(
        `UPDATE outbox SET state = ${STATE.backlog}
         WHERE state = ${STATE.live} AND seq <= ? AND (wall_ms < ? OR wall_ms > ?)`,
        last,
        fromMs,
        wallMs,
      );
    });
  }

  #acknowledgeOne(sql: Sql, seq: number): void {
    const row = sql.get('SELECT seq, id, attempts FROM outbox WHERE seq = ?', seq);
    if (!row) return;
    const id = textIn(row, 'id');
    if (this.#rules.confirm === 'broker' || id === '') {
      forgetOne(sql, seq, id);
      return;
    }
    const attempts = integerIn(row, 'attempts') + 1;
    if (attempts > 1) this.#postponed = true;
    const dueMs = this.#needs.runClock.nowMs() + this.#patienceMs(attempts);
    sql.run(
      `UPDATE outbox SET state = ${STATE.sent}, attempts = ?, due_ms = ? WHERE seq = ?`,
      attempts,
      dueMs,
      seq,
    );
  }

  #patienceMs(attempts: number): number {
    const { resendAfterMs } = this.#rules;
    return Math.min(resendAfterMs * 2 ** Math.min(attempts - 1, 32), Math.max(resendAfterMs, MAX_RESEND_MS));
  }

  /** The receiver is there again: what had been postponed is sent soon. */
  #hasten(sql: Sql): void {
    const soonMs = this.#needs.runClock.nowMs() + this.#rules.resendAfterMs;
    sql.run(
      `UPDATE outbox SET due_ms = ?, attempts = 1 WHERE state = ${STATE.sent} AND due_ms > ?`,
      soonMs,
      soonMs,
    );
    this.#postponed = false;
  }

  #forget(sql: Sql, query: string): void {
    for (const row of sql.all(query)) forgetOne(sql, integerIn(row, 'seq'), textIn(row, 'id'));
  }

  #bound(sql: Sql): void {
    for (;;) {
      const of = classToDrop(totalsOf(sql), this.#limits);
      const row = of && oldestOf(sql, of);
      if (!row) return;
      this.#drop(sql, row, 'space');
    }
  }

  #dropOld(sql: Sql, of: OutboxClass): void {
    const ageMs = this.#limits.classes?.[of]?.ageMs;
    if (ageMs === undefined) return;
    const before = this.#needs.runClock.nowMs() - ageMs;
    for (let n = 0; n < MOVED_AT_ONCE; n += 1) {
      const row = oldestOf(sql, of);
      if (!row || integerIn(row, 'put_ms') >= before) return;
      this.#drop(sql, row, 'age');
    }
  }

  /** Every event that goes unconfirmed is in the ledger; one that told of losses hands them back to it. */
  #drop(sql: Sql, row: Row, reason: LossReason): void {
    const seq = integerIn(row, 'seq');
    sql.run('DELETE FROM outbox WHERE seq = ?', seq);
    if (reopenLoss(sql, textIn(row, 'id'))) return;
    addLoss(sql, { class: classIn(row), reason, firstSeq: seq, lastSeq: seq, count: 1 });
    if (reason === 'space') this.#engine.afterCommit(() => this.#tellDropped());
  }

  #tellDropped(): void {
    this.#dropped += 1;
    if (this.#dropped > 1) return;
    const { events, bytes } = this.#limits;
    const detail = `more than ${events} events or ${bytes} bytes wait, or one class is full: the oldest of the least are dropped`;
    this.#engine.fault({ code: 'outbox-overflow', recovered: false, detail });
  }

  #lookForRoom(sql: Sql): void {
    if (this.#dropped === 0) return;
    const { events, bytes } = sumOf(totalsOf(sql));
    if (events <= this.#limits.events / 2 && bytes <= this.#limits.bytes / 2) {
      this.#engine.afterCommit(() => this.#tellEnd());
    }
  }

  #tellEnd(): void {
    const detail = `${this.#dropped} events were dropped`;
    this.#dropped = 0;
    this.#engine.fault({ code: 'outbox-overflow', recovered: true, detail });
  }
}

function confirmIn(sql: Sql): Confirmation {
  return metaText(sql, 'confirm') === 'receipt' ? 'receipt' : 'broker';
}

function highest(sql: Sql): number {
  const row = sql.get('SELECT max(seq) AS seq FROM outbox') ?? {};
  return typeof row.seq === 'number' ? row.seq : 0;
}

function oldestOf(sql: Sql, of: OutboxClass): Row | undefined {
  return sql.get(
    'SELECT seq, id, class, put_ms FROM outbox WHERE class = ? ORDER BY seq LIMIT 1',
    rankOf(of),
  );
}

function confirmOne(sql: Sql, id: string): number {
  closeLoss(sql, id);
  return sql.run('DELETE FROM outbox WHERE id = ?', id);
}

function forgetOne(sql: Sql, seq: number, id: string): void {
  sql.run('DELETE FROM outbox WHERE seq = ?', seq);
  if (id !== '') closeLoss(sql, id);
}

function entryOf(row: Row): OutboxEntry {
  const event = intactEvent(row);
  if (!event) {
    throw new InternalError('store-damaged', `event ${integerIn(row, 'seq')} is not what was written`);
  }
  const { seq, topic, payload, id, class: of } = event;
  return { seq, topic, payload, id, class: of };
}
