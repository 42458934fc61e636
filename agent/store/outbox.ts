import type { Confirmation, LossReason } from '../contract/delivery.ts';
import type { ReceiptedEvent } from '../contract/receipt.ts';
import { parseTopic } from '../contract/topics.ts';
import { confirmIn, keepConfirm } from './confirm.ts';
import type { Engine } from './engine.ts';
import { markTold, untold } from './losses.ts';
import { lastSeq, metaNumber, setMeta } from './meta.ts';
import { drop, dropForAge, dropForSpace } from './outbox-drops.ts';
import {
  anyOverdue,
  awaitReceipts,
  boundWait,
  dueEvents,
  entryOf,
  forgetIds,
  forgetSent,
  forgetSeqs,
  hasten,
  moveEarlier,
  moveOverdue,
} from './outbox-lanes.ts';
import { filledPercent, hasRoomAgain, type OutboxLimits, sumOf, totalsOf } from './outbox-limits.ts';
import { compare } from './outbox-receipts.ts';
import { classIn, insertEvent, rankOf, STATE } from './outbox-rows.ts';
import type { RunClock } from './run-clock.ts';
import { integerIn, type Sql } from './sql.ts';
import type { Confirmed, DeliveryRules, DueQuery, Loss, NewEvent, Outbox, OutboxEntry } from './store.ts';
import { tellStory } from './stories.ts';

/** Until a configuration says otherwise. */
const RULES: DeliveryRules = { confirm: 'broker', resendAfterMs: 60_000, liveWithinMs: 60_000 };

/** Without any receipt for this long the receiver may have been away, ms. Source: guess. */
const SILENCE_MS = 60_000;
/** Receipts that are under way when the first one after a silence comes, arrive within this, ms. Source: guess. */
const UNDER_WAY_MS = 2_000;

export interface OutboxNeeds {
  readonly runClock: RunClock;
  readonly wallMs: () => number;
  readonly clockTrusted: () => boolean;
}

/**
 * The outbox in the database. What is dropped is in the loss ledger, counted durably and told.
 * @see docs/decisions/0008-outbox.md
 */
export class SqlOutbox implements Outbox {
  readonly #engine: Engine;
  readonly #needs: OutboxNeeds;
  readonly #limits: OutboxLimits;
  readonly #appended: (() => void)[] = [];
  readonly #confirmed: (() => void)[] = [];
  readonly #tellAppended = () => callAll(this.#appended);
  readonly #tellConfirmed = () => callAll(this.#confirmed);
  #rules: DeliveryRules;
  /** Events up to this number are of earlier starts; 0 when their age has been judged. */
  #earlier: number;
  /** Operating time of the last receipt. */
  #receiptMs = Number.NEGATIVE_INFINITY;
  #order = 0;
  #lastSql: Sql | undefined;

  constructor(engine: Engine, needs: OutboxNeeds, limits: OutboxLimits) {
    this.#engine = engine;
    this.#needs = needs;
    this.#limits = limits;
    this.#rules = { ...RULES, confirm: engine.read(confirmIn) };
    this.#earlier = engine.read(highestSeq);
    const dropped = engine.read((sql) => metaNumber(sql, 'overflow'));
    if (dropped > 0) this.#tellOverflow(`${dropped} events were dropped before this start`);
  }

  get confirmation(): Confirmation {
    return this.#rules.confirm;
  }

  get order(): number {
    const { sql } = this.#engine.medium;
    if (sql !== this.#lastSql) this.#order += 1;
    this.#lastSql = sql;
    return this.#order;
  }

  get last(): number {
    return this.#engine.read(lastSeq);
  }

  rule(rules: DeliveryRules): void {
    this.#engine.write((sql) => {
      keepConfirm(sql, rules.confirm);
      if (rules.confirm === 'broker') forgetSent(sql, this.#needs.wallMs());
    });
    this.#rules = rules;
    this.#order += 1;
  }

  append(build: (seq: number) => NewEvent): number {
    return this.#engine.write((sql) => {
      const { seq } = this.#put(sql, build);
      this.#bound(sql);
      return seq;
    });
  }

  next(afterSeq: number, limit: number): OutboxEntry[] {
    const after = 'SELECT * FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?';
    return this.#engine.read((sql) => sql.all(after, afterSeq, limit).map(entryOf));
  }

  find(id: string): OutboxEntry | undefined {
    return this.#engine.read((sql) => {
      const row = id === '' ? undefined : sql.get('SELECT * FROM outbox WHERE id = ?', id);
      return row && entryOf(row);
    });
  }

  due(query: DueQuery): OutboxEntry[] {
    return this.#engine.read((sql) => dueEvents(sql, query));
  }

  settle(): boolean {
    this.#judgeEarlier();
    const nowMs = this.#needs.runClock.nowMs();
    if (!this.#engine.read((sql) => anyOverdue(sql, nowMs))) return false;
    this.#engine.writeLazily((sql) => moveOverdue(sql, nowMs));
    this.#order += 1;
    return true;
  }

  acknowledge(seqs: readonly number[]): void {
    if (seqs.length === 0) return;
    const { confirm, resendAfterMs } = this.#rules;
    this.#engine.writeLazily((sql) => {
      const list = JSON.stringify(seqs);
      if (confirm === 'broker') forgetSeqs(sql, list, this.#needs.wallMs());
      else awaitReceipts(sql, list, this.#needs.runClock.nowMs(), resendAfterMs);
      this.#endOverflow(sql);
    });
  }

  confirm(events: readonly ReceiptedEvent[]): Confirmed {
    return this.#engine.writeLazily((sql) => {
      const { intact, altered } = compare(sql, events);
      const gone = forgetIds(sql, intact, this.#needs.wallMs());
      if (altered.length === 0) this.#hasten(sql);
      if (gone > 0) {
        this.#endOverflow(sql);
        this.#engine.afterCommit(this.#tellConfirmed);
      }
      return { gone, altered };
    });
  }

  giveUp(seq: number, reason: LossReason): void {
    this.#engine.write((sql) => {
      const row = sql.get('SELECT seq, id, class FROM outbox WHERE seq = ?', seq);
      if (row) drop(sql, classIn(row), [row], { reason, wallMs: this.#needs.wallMs() });
    });
  }

  pending(): number {
    return this.#engine.read((sql) => sumOf(totalsOf(sql)).events);
  }

  filledPercent(): number {
    return this.#engine.read((sql) => filledPercent(totalsOf(sql), this.#limits));
  }

  unreceipted(): number {
    return this.#engine.read((sql) => sumOf(totalsOf(sql)).sent);
  }

  dropped(): number {
    return this.#engine.read((sql) => metaNumber(sql, 'dropped'));
  }

  onAppended(listener: () => void): void {
    this.#appended.push(listener);
  }

  onConfirmed(listener: () => void): void {
    this.#confirmed.push(listener);
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
      const nowMs = this.#needs.runClock.nowMs();
      this.#needs.runClock.save(sql, this.#engine);
      dropForAge(sql, this.#limits, { nowMs, wallMs: this.#needs.wallMs() });
    });
  }

  #put(sql: Sql, build: (seq: number) => NewEvent): { seq: number; id: string } {
    const seq = this.#engine.medium.nextNumber();
    const event = build(seq);
    const putMs = this.#needs.runClock.nowMs();
    this.#needs.runClock.saveWith(sql, putMs);
    this.#keepOrder(sql, event);
    const wallMs = Math.round(this.#needs.wallMs());
    const dueMs = putMs + this.#rules.liveWithinMs;
    tellStory(sql, event);
    insertEvent(sql, { ...event, seq, state: STATE.live, attempts: 0, putMs, wallMs, dueMs });
    this.#engine.afterCommit(() => this.#engine.medium.gaveNumber(seq));
    this.#engine.afterCommit(this.#tellAppended);
    return { seq, id: event.id };
  }

  /**
   * Earlier events of the same point or camera go before this one, also when its class has become a higher one. What the
   * collector itself says is no sequence.
   */
  #keepOrder(sql: Sql, { topic, class: of }: NewEvent): void {
    if (parseTopic(topic)?.entity === 'collector') return;
    const rank = rankOf(of);
    const behind = sql.get('SELECT 1 FROM outbox WHERE topic = ? AND class > ? LIMIT 1', topic, rank);
    if (!behind) return;
    sql.run('UPDATE outbox SET class = ? WHERE topic = ? AND class > ?', rank, topic, rank);
    this.#order += 1;
  }

  /** An event of an earlier start is live only when a trusted clock says that it is that young. */
  #judgeEarlier(): void {
    const last = this.#earlier;
    if (last === 0) return;
    const wallMs = Math.round(this.#needs.wallMs());
    const fromMs = this.#needs.clockTrusted() ? wallMs - this.#rules.liveWithinMs : Number.MAX_SAFE_INTEGER;
    this.#engine.write((sql) => {
      moveEarlier(sql, last, fromMs, wallMs);
      boundWait(sql, this.#needs.runClock.nowMs(), this.#rules.resendAfterMs);
    });
    this.#earlier = 0;
    this.#order += 1;
  }

  /**
   * The receiver is there after a silence, whatever its receipt names: what had been postponed is sent soon. A receipt
   * for altered bytes says nothing, or whoever alters them would make the box send for ever.
   */
  #hasten(sql: Sql): void {
    const nowMs = this.#needs.runClock.nowMs();
    const { resendAfterMs } = this.#rules;
    if (nowMs - this.#receiptMs > Math.min(resendAfterMs, SILENCE_MS))
      hasten(sql, nowMs + Math.min(resendAfterMs, UNDER_WAY_MS));
    this.#engine.afterCommit(() => {
      this.#receiptMs = nowMs;
    });
  }

  #bound(sql: Sql): void {
    const lost = dropForSpace(sql, this.#limits, this.#needs.wallMs());
    if (lost === 0) return;
    const before = metaNumber(sql, 'overflow');
    setMeta(sql, 'overflow', before + lost);
    if (before === 0) this.#engine.afterCommit(() => this.#tellOverflow('the oldest are dropped'));
  }

  #endOverflow(sql: Sql): void {
    const lost = metaNumber(sql, 'overflow');
    if (lost === 0 || !hasRoomAgain(totalsOf(sql), this.#limits)) return;
    setMeta(sql, 'overflow', 0);
    const detail = `${lost} events were dropped`;
    this.#engine.afterCommit(() => this.#engine.fault({ code: 'outbox-overflow', recovered: true, detail }));
  }

  #tellOverflow(what: string): void {
    const { events, bytes } = this.#limits;
    const detail = `more than ${events} events or ${bytes} bytes wait, or one class is full: ${what}`;
    this.#engine.fault({ code: 'outbox-overflow', recovered: false, detail });
  }
}

function callAll(listeners: readonly (() => void)[]): void {
  for (const listener of listeners) listener();
}

function highestSeq(sql: Sql): number {
  const row = sql.get('SELECT coalesce(max(seq), 0) AS seq FROM outbox') ?? {};
  return integerIn(row, 'seq');
}
