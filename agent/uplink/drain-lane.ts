import type { OutboxClass } from '../contract/delivery.ts';
import { backlogTopic } from '../contract/topics.ts';
import type { Lane, Outbox, OutboxEntry } from '../store/store.ts';
import type { Oversize } from './oversize.ts';

/** An event on the wire. */
export interface Flying {
  readonly lane: Lane;
  readonly entry: OutboxEntry;
  /** False when an earlier event of its topic was refused meanwhile. */
  counts: boolean;
}

/** Events that are passed over in one look, at most: others have their turn before the next one. Source: guess; some milliseconds. */
const PAGE = 500;

/**
 * How far one lane of the outbox has been sent, class by class, and which of its topics wait.
 *
 * A topic of which the broker refused an event is `held` until its time has come, and `careful` from then on: its events
 * go one at a time.
 */
export class DrainLane {
  readonly name: Lane;
  readonly held = new Set<string>();
  readonly careful = new Set<string>();
  /** Refusals in a row of each topic. */
  readonly refusals = new Map<string, number>();
  readonly #outbox: Pick<Outbox, 'due' | 'last'>;
  readonly #oversize: Oversize;
  readonly #classes: readonly OutboxClass[];
  readonly #afterSeq = new Map<OutboxClass, number>();
  /** Classes of which everything was seen: they are not asked for again until something may have come. */
  readonly #dry = new Set<OutboxClass>();
  #isUnfinished = false;

  /**
   * @param classes what goes, the first ones first
   * @param oversize what this connection does not take, which is passed over
   */
  constructor(
    name: Lane,
    outbox: Pick<Outbox, 'due' | 'last'>,
    classes: readonly OutboxClass[],
    oversize: Oversize,
  ) {
    this.name = name;
    this.#outbox = outbox;
    this.#oversize = oversize;
    this.#classes = classes;
  }

  /** Begins with the oldest again. */
  rewind(): void {
    this.#afterSeq.clear();
    this.#dry.clear();
  }

  /** An event may have come in. */
  refresh(): void {
    this.#dry.clear();
  }

  /** Where an event of this lane is published. */
  placeOf({ topic }: OutboxEntry): string {
    return this.name === 'live' ? topic : backlogTopic(topic);
  }

  /** So many events were passed over that the last look ended before all places were filled. */
  get isUnfinished(): boolean {
    return this.#isUnfinished;
  }

  /**
   * The events to be sent now, at most `room`. Of a class that is not looked through, those of lower ones wait.
   * @param flying what is on the wire already, which is passed over
   */
  following(room: number, flying: ReadonlyMap<number, Flying>): OutboxEntry[] {
    const chosen: OutboxEntry[] = [];
    this.#isUnfinished = false;
    for (const of of this.#classes) {
      if (chosen.length >= room || this.#isUnfinished) break;
      if (!this.#dry.has(of)) this.#isUnfinished = this.#choose(of, room, flying, chosen);
    }
    return chosen;
  }

  /** @returns whether events follow that there is room for */
  #choose(
    of: OutboxClass,
    room: number,
    flying: ReadonlyMap<number, Flying>,
    chosen: OutboxEntry[],
  ): boolean {
    const afterSeq = this.#afterSeq.get(of) ?? 0;
    const limit = room + (afterSeq === 0 ? flying.size : 0) + Math.min(this.#oversize.size, PAGE);
    const query = { lane: this.name, class: of, afterSeq, limit, without: [...this.held] };
    const due = this.#outbox.due(query);
    for (const entry of due) {
      if (chosen.length >= room || this.#mustWait(entry, flying, chosen)) return false;
      this.#afterSeq.set(of, entry.seq);
      if (!flying.has(entry.seq) && !this.#oversize.has(entry.seq)) chosen.push(entry);
    }
    if (due.length < limit) this.#runDry(of);
    return due.length === limit && chosen.length < room;
  }

  /** All that there is was seen: what waits of it was passed over, and is looked for again after `rewind`. */
  #runDry(of: OutboxClass): void {
    this.#dry.add(of);
    this.#afterSeq.set(of, this.#outbox.last);
  }

  #mustWait(
    { seq, topic }: OutboxEntry,
    flying: ReadonlyMap<number, Flying>,
    chosen: OutboxEntry[],
  ): boolean {
    if (!this.careful.has(topic) || flying.has(seq)) return false;
    const onWire = [...flying.values()].some(
      ({ lane, entry }) => lane === this.name && entry.topic === topic,
    );
    return onWire || chosen.some((entry) => entry.topic === topic);
  }
}
