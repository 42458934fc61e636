import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';
import { type Backoff, backoffMs } from '../base/retry.ts';
import { backlogTopic } from '../contract/topics.ts';
import type { Lane, Outbox, OutboxEntry } from '../store/store.ts';
import type { BrokerClient } from './client.ts';
import { Pace } from './pace.ts';

export interface OutboxDrainNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly client: BrokerClient;
  readonly outbox: Outbox;
}

/** Events on the wire without acknowledgement. Source: guess; Mosquitto takes 20 by default. */
const IN_FLIGHT = 32;
/** Of those, the most that are backlog: a live event always finds a place. Source: guess. */
const BACKLOG_IN_FLIGHT = 16;
/** How often the backlog is looked at while it waits for its rate, and whether something has become backlog. */
const TICK_MS = 100;
const SETTLE_TICKS = 5;
/** Events of the backlog per second until a configuration says otherwise. */
const BACKLOG_PER_S = 50;
/** After the broker refused an event or the store failed; a lost connection has its own back-off. Source: guess. */
const RETRY: Backoff = { firstMs: 1_000, factor: 2, capMs: 60_000, jitter: 0.5 };

/**
 * Sends what the outbox holds while there is a connection: live events first, each class before the next and in order;
 * then the backlog at its own pace on the class `hist`. After any failure it begins again with what is still there, so
 * an event may be sent twice but none is left out.
 */
export class OutboxDrain {
  readonly #needs: OutboxDrainNeeds;
  readonly #fault: RepeatedFault;
  readonly #pace: Pace;
  #acknowledged: number[] = [];
  /** What was sent, well or not, since the last look: it is in flight until its acknowledgement is on the disk. */
  #arrived: number[] = [];
  #wake: (() => void) | undefined;
  #connection: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #ticking: Promise<void> = Promise.resolve();
  #backlogWaits = false;
  #backlogRefusals = 0;
  #backlogNotBeforeMs = 0;

  constructor(needs: OutboxDrainNeeds) {
    this.#needs = needs;
    this.#fault = new RepeatedFault(needs.clock);
    this.#pace = new Pace(needs.clock, BACKLOG_PER_S);
  }

  /** To be called once: tells the drain of every event that comes in. */
  watch(): void {
    this.#needs.outbox.onAppended(() => this.#wake?.());
  }

  /** Events of the backlog per second from now on. */
  set backlogPerS(perSecond: number) {
    this.#pace.perSecond = perSecond;
  }

  connected(): void {
    this.#connection?.abort();
    const connection = new AbortController();
    this.#connection = connection;
    this.#running = this.#run(connection.signal);
    this.#ticking = this.#tick(connection.signal);
  }

  /** Resolves when nothing is in flight any more, after `disconnected`. */
  get ended(): Promise<void> {
    return Promise.all([this.#running, this.#ticking]).then(() => undefined);
  }

  disconnected(): void {
    this.#connection?.abort();
    this.#connection = undefined;
  }

  async #run(connection: AbortSignal): Promise<void> {
    await this.#running;
    for (let failures = 1; !connection.aborted; failures += 1) {
      const error = await this.#pass(connection).then(
        () => undefined,
        (thrown: unknown) => asBeffroiError(thrown),
      );
      if (connection.aborted || !error) return;
      const delayMs = backoffMs(RETRY, failures, this.#needs.random());
      await this.#needs.clock.sleep(delayMs, connection).catch(() => undefined);
      if (!connection.aborted) this.#tell(error);
    }
  }

  async #tick(connection: AbortSignal): Promise<void> {
    for (let tick = 0; !connection.aborted; tick += 1) {
      const changed = tick % SETTLE_TICKS === 0 && this.#settle();
      if (changed || this.#backlogWaits) this.#wake?.();
      await this.#needs.clock.sleep(TICK_MS, connection).catch(() => undefined);
    }
  }

  #settle(): boolean {
    try {
      return this.#needs.outbox.settle();
    } catch (err) {
      this.#tell(asBeffroiError(err));
      return false;
    }
  }

  /** Sends until the connection ends or something fails. Nothing old goes as live: what is old is told apart first. */
  async #pass(connection: AbortSignal): Promise<void> {
    const pass = new AbortController();
    const signal = AbortSignal.any([connection, pass.signal]);
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    const inFlight = new Map<number, { lane: Lane; sending: Promise<void> }>();
    let failure: BeffroiError | undefined;
    const fail = (thrown: unknown) => {
      failure ??= asBeffroiError(thrown);
      pass.abort();
    };
    try {
      while (!signal.aborted && this.#needs.outbox.settle()) await nextTurn();
      while (!signal.aborted) {
        for (const [lane, entry] of this.#following(inFlight)) {
          const sending = this.#send(lane, entry, signal).catch(fail);
          inFlight.set(entry.seq, { lane, sending });
          void sending.then(() => this.#arrived.push(entry.seq)).then(() => this.#wake?.());
        }
        await this.#news(signal);
        this.#forget(inFlight);
      }
    } finally {
      pass.abort();
      await Promise.all([...inFlight.values()].map(({ sending }) => sending));
      this.#forget(inFlight);
    }
    if (failure) throw failure;
  }

  #following(inFlight: ReadonlyMap<number, { lane: Lane }>): [Lane, OutboxEntry][] {
    const { outbox } = this.#needs;
    const seqs = new Set(inFlight.keys());
    const live = outbox.due('live', IN_FLIGHT - inFlight.size, seqs);
    const backlog = this.#backlog(inFlight, live.length, seqs);
    return [...live.map(laned('live')), ...backlog.map(laned('backlog'))];
  }

  #backlog(
    inFlight: ReadonlyMap<number, { lane: Lane }>,
    live: number,
    seqs: ReadonlySet<number>,
  ): OutboxEntry[] {
    if (this.#needs.clock.monotonicMs() < this.#backlogNotBeforeMs) return [];
    const already = [...inFlight.values()].filter(({ lane }) => lane === 'backlog').length;
    const places = Math.min(BACKLOG_IN_FLIGHT - already, IN_FLIGHT - inFlight.size - live);
    const allowed = this.#pace.available(Math.max(0, places));
    const entries = this.#needs.outbox.due('backlog', Math.max(1, allowed), seqs);
    this.#backlogWaits = entries.length > 0;
    const sent = entries.slice(0, allowed);
    this.#pace.spend(sent.length);
    return sent;
  }

  /** Resolves when an event came in, one was acknowledged, or the pass ends; all of one turn of the event loop at once. */
  async #news(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await nextTurn();
  }

  async #send(lane: Lane, { seq, topic, payload }: OutboxEntry, signal: AbortSignal): Promise<void> {
    const place = lane === 'live' ? topic : backlogTopic(topic);
    try {
      await this.#needs.client.publish(place, payload, { qos: 1 }, signal);
      this.#acknowledged.push(seq);
      if (lane === 'backlog') this.#backlogRefusals = 0;
    } catch (thrown) {
      const error = asBeffroiError(thrown);
      if (error.code === 'message-too-large') this.#giveUp(seq, error);
      else if (lane === 'backlog' && error.code === 'broker-refused') this.#pauseBacklog(error);
      else throw error;
    }
  }

  #giveUp(seq: number, err: BeffroiError): void {
    this.#needs.log.error({ err, seq }, 'event given up: the broker will never take it');
    this.#needs.outbox.giveUp(seq, 'too-large');
  }

  /** A broker whose rights lack the class `hist` must not hold up what is live. */
  #pauseBacklog(error: BeffroiError): void {
    this.#backlogRefusals += 1;
    const delayMs = backoffMs(RETRY, this.#backlogRefusals, this.#needs.random());
    this.#backlogNotBeforeMs = this.#needs.clock.monotonicMs() + delayMs;
    this.#tell(error);
  }

  /** One commit for all acknowledgements of a turn of the event loop. */
  #forget(inFlight: Map<number, unknown>): void {
    const [seqs, arrived] = [this.#acknowledged, this.#arrived];
    this.#acknowledged = [];
    this.#arrived = [];
    if (seqs.length > 0) this.#needs.outbox.acknowledge(seqs);
    for (const seq of arrived) inFlight.delete(seq);
  }

  #tell(err: BeffroiError): void {
    const told = this.#fault.happened(err.code);
    if (told) this.#needs.log.warn({ err, count: told.count }, 'events are not taken by the broker');
  }
}

function laned(lane: Lane): (entry: OutboxEntry) => [Lane, OutboxEntry] {
  return (entry) => [lane, entry];
}
