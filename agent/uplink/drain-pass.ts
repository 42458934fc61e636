import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Backoff, backoffMs } from '../base/retry.ts';
import type { OutboxClass } from '../contract/delivery.ts';
import type { Lane, Outbox, OutboxEntry } from '../store/store.ts';
import type { BrokerClient } from './client.ts';
import { DrainLane, type Flying } from './drain-lane.ts';
import type { Oversize } from './oversize.ts';
import type { Pace } from './pace.ts';
import { type Shares, sharesOf } from './shares.ts';

export interface DrainPassNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly client: Pick<BrokerClient, 'inflight' | 'publish'>;
  /** Classes of events that go; the others wait. */
  readonly classes: readonly OutboxClass[];
  readonly outbox: Pick<
    Outbox,
    'acknowledge' | 'confirmation' | 'due' | 'giveUp' | 'last' | 'order' | 'settle' | 'unreceipted'
  >;
  /** The rate of the backlog. */
  readonly pace: Pace;
  /** What this connection does not take. */
  readonly oversize: Oversize;
  /** The broker refused an event and keeps the connection. */
  readonly refused: (error: BeffroiError) => void;
}

/** Fewer places than this share are not filled while others are taken, so that one look into the outbox serves many events. */
const AT_ONCE_SHARE = 4;
/** While more events wait for their receipt no backlog is sent: a receiver that is away is not buried. Source: guess. */
const UNRECEIPTED = 1_000;
/** The same for a slow pace: what so many seconds bring, but never fewer than these. Source: guess; receipts take less. */
const UNRECEIPTED_S = 2;
const UNRECEIPTED_LEAST = 100;
/** Acknowledged events that are forgotten in one commit while more is sent; a crash makes them be sent again. Source: guess. */
const FORGOTTEN_AT_ONCE = 128;
/** How long a receipt may come before the outbox learns of the PUBACK, which is then not worth a write, ms. Source: guess. */
const RECEIPT_SOON_MS = 250;
/** After the broker refused an event; a lost connection has its own back-off. Source: guess. */
const AFTER_REFUSAL: Backoff = { firstMs: 1_000, factor: 2, capMs: 60_000, jitter: 0.5 };
/** Shortest wait for the rate of the backlog, ms, so that a fast one is not a timer per event. Source: guess. */
const PACE_WAIT_MS = 20;

/**
 * Sends what the outbox holds, until the connection ends or the store fails: live events first, each class before the
 * next and in order; then the backlog at its own pace. An event is acknowledged to the outbox at PUBACK.
 *
 * A topic of which the broker refuses an event is held back alone, and from then on its events go one at a time. What
 * was on the wire behind the refused event is sent again behind it, whatever the broker said of it, so that the last
 * copies of the events of a topic are always in order.
 */
export class DrainPass {
  readonly #needs: DrainPassNeeds;
  readonly #shares: Shares;
  readonly #end = new AbortController();
  readonly #signal: AbortSignal;
  readonly #live: DrainLane;
  readonly #backlog: DrainLane;
  /** What is on the wire, by number. */
  readonly #flying = new Map<number, Flying>();
  readonly #landings = new Set<Promise<void>>();
  #acknowledged: number[] = [];
  readonly #givenUp: number[] = [];
  #order: number;
  #rewind = false;
  #anyTaken = false;
  #failure: BeffroiError | undefined;
  #firstLost: OutboxEntry | undefined;
  #wake: (() => void) | undefined;
  #sleeping = false;
  #forgetting = false;
  #forgetNow = false;
  #busySinceMs: number | undefined;

  constructor(needs: DrainPassNeeds, connection: AbortSignal) {
    this.#needs = needs;
    this.#shares = sharesOf(needs.client.inflight);
    this.#signal = AbortSignal.any([connection, this.#end.signal]);
    const lane = (name: Lane) => new DrainLane(name, needs.outbox, needs.classes, needs.oversize);
    this.#live = lane('live');
    this.#backlog = lane('backlog');
    this.#order = needs.outbox.order;
  }

  /** The event that the broker was sent first of those on which it closed the connection, if it did. */
  get closedOn(): OutboxEntry | undefined {
    const code = this.#failure?.code;
    return code === 'broker-closed' || code === 'broker-protocol' ? this.#firstLost : undefined;
  }

  /** Whether the broker took any event. */
  get anyTaken(): boolean {
    return this.#anyTaken;
  }

  /** An event came in. */
  appended(): void {
    this.#live.refresh();
    this.wake();
  }

  /** There may be something to send. */
  wake(): void {
    this.#busySinceMs ??= this.#needs.clock.monotonicMs();
    this.#wake?.();
  }

  /**
   * Since when it has done nothing though there is something to do, by the monotonic clock: it was woken, or an event is on
   * the wire, and nothing came of it.
   */
  get busySinceMs(): number | undefined {
    return this.#busySinceMs;
  }

  /** Holds the events of a topic back as after so many refusals. */
  hold(topic: string, refusals: number): void {
    for (const lane of [this.#live, this.#backlog]) this.#hold(lane, topic, refusals);
  }

  /** @throws BeffroiError when the connection was lost or the store failed */
  async run(): Promise<void> {
    this.#signal.addEventListener('abort', () => this.wake(), { once: true });
    try {
      // Nothing old goes as live: what is old is told apart first.
      while (!this.#signal.aborted && this.#needs.outbox.settle()) await nextTurn();
      while (!this.#signal.aborted) {
        this.#launchFollowing();
        if (this.#isTimeToForget()) this.#forget();
        if (this.#flying.size === 0) this.#busySinceMs = undefined;
        else this.#busySinceMs ??= this.#needs.clock.monotonicMs();
        await this.#news();
      }
    } finally {
      this.#end.abort();
      await Promise.all(this.#landings);
      this.#forget();
    }
    if (this.#failure) throw this.#failure;
  }

  #hold(lane: DrainLane, topic: string, refusals: number): void {
    lane.refusals.set(topic, refusals);
    lane.careful.add(topic);
    lane.held.add(topic);
    const delayMs = backoffMs(AFTER_REFUSAL, refusals, this.#needs.random());
    this.#after(delayMs, () => {
      lane.held.delete(topic);
      // The events of this topic were passed over.
      this.#rewind = true;
    });
  }

  /** Does something after a while, unless the pass has ended, and wakes. */
  #after(delayMs: number, work: () => void): void {
    const then = () => {
      work();
      this.wake();
    };
    this.#needs.clock.sleep(delayMs, this.#signal).then(then, () => undefined);
  }

  #launchFollowing(): void {
    const { outbox, pace } = this.#needs;
    if (this.#rewind || outbox.order !== this.#order) this.#beginWithOldest();
    const room = this.#shares.events - this.#flying.size;
    for (const entry of this.#live.following(room, this.#flying)) this.#launch(this.#live, entry);
    if (this.#live.isUnfinished) return;
    const backlog = this.#backlog.following(this.#backlogRoom(), this.#flying);
    for (const entry of backlog) this.#launch(this.#backlog, entry);
    pace.spend(backlog.length);
  }

  #beginWithOldest(): void {
    this.#forget();
    this.#order = this.#needs.outbox.order;
    this.#rewind = false;
    this.#live.rewind();
    this.#backlog.rewind();
  }

  #backlogRoom(): number {
    const { pace } = this.#needs;
    const backlog = [...this.#flying.values()].filter(({ lane }) => lane === 'backlog').length;
    const places = Math.min(
      this.#shares.backlog - backlog,
      this.#shares.events - this.#flying.size,
      this.#mayBeUnreceipted - this.#unreceipted() - backlog,
    );
    if (places > 0 && pace.available === 0) this.#wakeForPace();
    if (places < this.#shares.backlog / AT_ONCE_SHARE && backlog > 0) return 0;
    return Math.min(places, pace.available);
  }

  get #mayBeUnreceipted(): number {
    const slow = Math.max(UNRECEIPTED_LEAST, this.#needs.pace.perSecond * UNRECEIPTED_S);
    return Math.min(UNRECEIPTED, slow);
  }

  #unreceipted(): number {
    const { outbox } = this.#needs;
    if (outbox.unreceipted() + this.#acknowledged.length >= this.#mayBeUnreceipted) this.#forget();
    return outbox.unreceipted() + this.#acknowledged.length;
  }

  #wakeForPace(): void {
    if (this.#sleeping) return;
    this.#sleeping = true;
    this.#after(Math.max(PACE_WAIT_MS, this.#needs.pace.waitMs), () => {
      this.#sleeping = false;
    });
  }

  #launch(lane: DrainLane, entry: OutboxEntry): void {
    const flying: Flying = { lane: lane.name, entry, counts: true };
    this.#flying.set(entry.seq, flying);
    const landing = this.#needs.client
      .publish(lane.placeOf(entry), entry.payload, { qos: 1 }, this.#signal)
      .then(
        () => this.#taken(lane, flying),
        (thrown: unknown) => this.#failed(lane, flying, asBeffroiError(thrown)),
      )
      .finally(() => {
        this.#flying.delete(entry.seq);
        this.#landings.delete(landing);
        this.#busySinceMs = undefined;
        this.wake();
      });
    this.#landings.add(landing);
  }

  #taken(lane: DrainLane, { entry, counts }: Flying): void {
    this.#anyTaken = true;
    if (!counts) return;
    this.#acknowledged.push(entry.seq);
    this.#forgetSoon();
    lane.refusals.delete(entry.topic);
  }

  #failed(lane: DrainLane, { entry, counts }: Flying, error: BeffroiError): void {
    if (error.code === 'broker-refused' && !this.#signal.aborted) {
      if (counts) this.#refuse(lane, entry.topic, error);
      return;
    }
    if (error.code === 'message-too-large') {
      if (this.#needs.oversize.givesUp(entry, error)) this.#givenUp.push(entry.seq);
      return;
    }
    this.#failure ??= error;
    this.#firstLost ??= entry;
    this.#end.abort();
  }

  #refuse(lane: DrainLane, topic: string, error: BeffroiError): void {
    for (const flying of this.#flying.values())
      if (flying.lane === lane.name && flying.entry.topic === topic) flying.counts = false;
    this.#hold(lane, topic, (lane.refusals.get(topic) ?? 0) + 1);
    this.#needs.refused(error);
  }

  /**
   * Resolves when an event came in, one landed, a topic is free, the pass ends, or there is more to look through; all of one
   * turn of the event loop at once.
   */
  async #news(): Promise<void> {
    if (this.#signal.aborted) return;
    const isUnfinished = this.#live.isUnfinished || this.#backlog.isUnfinished;
    if (!isUnfinished)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    await nextTurn();
  }

  #isTimeToForget(): boolean {
    if (this.#forgetNow || this.#needs.outbox.confirmation === 'receipt') return this.#forgetNow;
    return this.#acknowledged.length >= FORGOTTEN_AT_ONCE || this.#flying.size === 0;
  }

  #forgetSoon(): void {
    if (this.#forgetting) return;
    this.#forgetting = true;
    this.#after(RECEIPT_SOON_MS, () => {
      this.#forgetting = false;
      this.#forgetNow = true;
    });
  }

  /** One commit for many acknowledgements. */
  #forget(): void {
    const seqs = this.#acknowledged;
    this.#acknowledged = [];
    this.#forgetNow = false;
    if (seqs.length > 0) this.#needs.outbox.acknowledge(seqs);
    for (const seq of this.#givenUp.splice(0)) this.#needs.outbox.giveUp(seq, 'too-large');
  }
}
