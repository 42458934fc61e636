import type { Confirmation, LossReason, OutboxClass } from '../contract/delivery.ts';
import type { ReceiptedEvent } from '../contract/receipt.ts';

/**
 * The only durable memory. All calls are synchronous: when a call returns, the data is on disk (or, while the disk
 * refuses, in memory with `durable` false, which the box reports).
 */
export interface Store {
  /** False while the state folder cannot be written and everything is kept in memory only. */
  readonly durable: boolean;
  /** Number of this start of the agent: rises by one per start, durable. */
  readonly boot: number;
  /** Operating time of the box over all starts, ms: without the time in which it was off. It never goes back. */
  readonly ranMs: number;
  readonly outbox: Outbox;
  readonly register: Register;
  readonly journal: Journal;
  readonly slots: ConfigSlots;
  readonly memory: Memory;
  readonly stories: Stories;
  readonly timeline: Timeline;
  /**
   * Everything that `work` writes becomes durable together or not at all. Nested calls join the outer one.
   * When the disk refuses in the middle, `work` runs again from its beginning: it changes nothing but the store.
   */
  transaction<T>(work: () => T): T;
  /** Tells of a damaged database that was set aside, of lost and regained durability. */
  onFault(listener: (fault: StoreFault) => void): void;
  close(): void;
}

export interface StoreFault {
  readonly code: 'store-damaged' | 'store-unavailable' | 'outbox-overflow';
  /** True when the fault has gone. */
  readonly recovered: boolean;
  readonly detail: string;
}

/** An event to be kept until it is confirmed. */
export interface NewEvent {
  readonly topic: string;
  readonly payload: string;
  /** Unique id, which receipts name and the payload holds; empty for an event that only the broker confirms. */
  readonly id: string;
  readonly class: OutboxClass;
  /** What the event is part of the story of: the id of a point. Such an event has an id. */
  readonly story?: string;
}

export interface OutboxEntry extends Omit<NewEvent, 'story'> {
  /** Durable number, rising by one per event of the box. */
  readonly seq: number;
}

/**
 * The last events of each point, kept after they have left the outbox, with what became of them; for who stands before
 * the box. Events enter with `NewEvent.story`, and are read by `StoryReader`.
 */
export interface Stories {
  /** Forgets the story of a point that is no more. */
  forget(of: string): void;
}

/** Events that were dropped before they were confirmed: a line of the loss ledger. */
export interface Loss {
  readonly class: OutboxClass;
  readonly reason: LossReason;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** How many events; those between first and last that are not counted were not lost. */
  readonly count: number;
}

/** How the outbox is emptied. */
export interface DeliveryRules {
  readonly confirm: Confirmation;
  /** Without a receipt for this long an event is sent again, after ever longer times. */
  readonly resendAfterMs: number;
  /** An event that is older than this goes as backlog. */
  readonly liveWithinMs: number;
}

/** What is to be sent: as it happens, or as backlog. */
export type Lane = 'live' | 'backlog';

/** A stretch of what is to be sent. */
export interface DueQuery {
  readonly lane: Lane;
  readonly class: OutboxClass;
  readonly afterSeq: number;
  readonly limit: number;
  /** Topics that are left out. */
  readonly without: readonly string[];
}

/**
 * Events that wait for their confirmation: classes in their order, each bounded; what is dropped is in the loss ledger.
 * Ages are operating time, so that no jump of the wall clock drops or delays an event.
 */
export interface Outbox {
  /** What events leave on; durable. */
  readonly confirmation: Confirmation;
  /** Changes whenever an event that was already there may have to go earlier than before, or again. */
  readonly order: number;
  /** Takes new rules. Where the broker confirms, what waits for a receipt is confirmed. */
  rule(rules: DeliveryRules): void;
  /** The number of the event that was appended last, also in the transaction of it; 0 before the first. */
  readonly last: number;
  /** Appends one event; `build` receives its number. Returns the number. */
  append(build: (seq: number) => NewEvent): number;
  /** The oldest events after `afterSeq`, whatever their class and state. */
  next(afterSeq: number, limit: number): OutboxEntry[];
  /** The event of this id, while it waits. */
  find(id: string): OutboxEntry | undefined;
  /** What is to be sent next, in order. Call `settle` first. */
  due(query: DueQuery): OutboxEntry[];
  /**
   * Makes backlog of what is no longer live and of what waits in vain for its receipt, some thousand at a time.
   * @returns whether anything changed
   */
  settle(): boolean;
  /** The broker has these. They are forgotten, or wait for their receipt. A power cut may undo it: they are sent again. */
  acknowledge(seqs: readonly number[]): void;
  /** The CSU has these events: those that it has unaltered are forgotten. A power cut may undo it. */
  confirm(events: readonly ReceiptedEvent[]): Confirmed;
  /** Drops an event that can never be sent. */
  giveUp(seq: number, reason: LossReason): void;
  /** Events that are not confirmed. */
  pending(): number;
  /** How full the fullest of its bounds is, percent. */
  filledPercent(): number;
  /** Of those, the ones that the broker has and that wait for a receipt. */
  unreceipted(): number;
  /** Events that were never confirmed and are gone: the sum of the loss ledger since the beginning. Durable. */
  dropped(): number;
  /** Calls `listener` after each append has become durable. */
  onAppended(listener: () => void): void;
  /** Calls `listener` after receipts have made events leave. */
  onConfirmed(listener: () => void): void;
  /**
   * Makes an event of each line of the loss ledger that is not told yet. A line is closed when its event is confirmed
   * and opened again when its event is dropped.
   * @returns how many lines were told
   */
  tellLosses(build: (seq: number, loss: Loss) => NewEvent): number;
}

/** What a receipt was worth. */
export interface Confirmed {
  /** Events that were forgotten. */
  readonly gone: number;
  /** Ids of events that waited, and of which the receipt names other bytes than theirs. */
  readonly altered: readonly string[];
}

/** What a line of the register says. Free text is bounded by the caller; no secret, no personal data of filmed people. */
export interface RegisterEntry {
  /** `agent.start`, `agent.stop`, `config.applied`, `order.accepted`, `order.refused`, `video.start`, … */
  readonly action: string;
  /** Key id of who ordered, or `box`. */
  readonly who: string;
  readonly subject: string;
  readonly result: string;
  readonly detail: string;
}

export interface RegisterLine extends RegisterEntry {
  readonly number: number;
  readonly wallMs: number;
  readonly clock: string;
  readonly previous: string;
  readonly hash: string;
  readonly signature: string;
}

export interface RegisterHead {
  readonly length: number;
  /** Hash of the last line, hexadecimal; 64 zeros when there is none. */
  readonly hash: string;
  /** Signature of the box over `<length>:<hash>`, base64url. */
  readonly signature: string;
}

/** Append-only, hash-chained, every line signed by the box. */
export interface Register {
  append(entry: RegisterEntry): RegisterLine;
  head(): RegisterHead;
  lines(fromNumber: number, limit: number): RegisterLine[];
  onAppended(listener: () => void): void;
}

/** Unique ids of the orders that were taken. */
export interface Journal {
  /** @returns false when the id was taken before; else remembers it until well after its end of validity */
  take(id: string, notAfterMs: number): boolean;
}

export interface ConfigSlot {
  readonly version: number;
  /** SHA-256 of the signed payload, hexadecimal. */
  readonly hash: string;
  /** The order as received, so that its signature can be verified again. */
  readonly jws: string;
}

/** The last good configuration and the highest version ever taken. */
export interface ConfigSlots {
  highestVersion(): number;
  /** Remembers that this version was seen, so that no lower or equal one is taken again. */
  sawVersion(version: number): void;
  lastGood(): ConfigSlot | undefined;
  saveGood(slot: ConfigSlot): void;
}

/** Small durable values of the rooms: latch counters, point states, resolved addresses, retained topics. */
export interface Memory {
  get(room: string, key: string): string | undefined;
  set(room: string, key: string, value: string): void;
  delete(room: string, key: string): void;
  entries(room: string): [key: string, value: string][];
}

/** How something was for a time. Times are wall time, Unix ms. */
export interface Span {
  /** A camera, a segment, or `collector`. */
  readonly subject: string;
  /** What of it, such as `health`. */
  readonly track: string;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly state: string;
  readonly cause: string;
  readonly side: string;
  /** The segment whose fault explains this one; empty without one. */
  readonly via: string;
  /** How long after its begin it was noticed, ms; -1 where that is not known. */
  readonly noticedMs: number;
}

/** A span that lasts. */
export type OpenSpan = Omit<Span, 'untilMs'>;

/** A figure of one day, the largest of those that were written. */
export interface DayFigure {
  readonly subject: string;
  /** In Europe/Paris, `2026-12-25`. */
  readonly day: string;
  readonly name: string;
  readonly value: number;
}

/** A window that was announced in advance, for one subject. Wall time, Unix ms. */
export interface PlannedSpan {
  readonly id: string;
  readonly subject: string;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly by: string;
  readonly why: string;
}

/** What is written of the timeline at once. */
export interface TimelineChange {
  readonly ended: readonly Span[];
  /** Each takes the place of the open one of its subject and track. */
  readonly open: readonly OpenSpan[];
  readonly closed: readonly Pick<Span, 'subject' | 'track'>[];
  readonly figures: readonly DayFigure[];
  /** The end of each takes the place of the one of its id and subject. */
  readonly planned: readonly PlannedSpan[];
  /** The open spans last at least until this. */
  readonly knownMs: number;
}

/**
 * What a timeline holds of one subject in a stretch of time, and before it back to when the subject was last known to be
 * anything but down; open spans end when they were last known to last.
 */
export interface SubjectTimeline {
  /** In the order of their tracks and times. */
  readonly own: readonly Span[];
  readonly planned: readonly PlannedSpan[];
  /** Of all days. */
  readonly figures: readonly DayFigure[];
}

/** What a timeline says of no subject alone. */
export interface TimelineOutline {
  /** Everything that any span tells of, in whatever stretch. */
  readonly subjects: readonly string[];
  readonly planned: readonly PlannedSpan[];
  /** Up to when anything is known. */
  readonly knownMs: number;
}

/**
 * How everything was, for reports. What is not in it is not known. A power cut may lose the last minute. It may hold
 * hundreds of thousands of spans: who reads it does so subject by subject.
 */
export interface Timeline {
  /** What an earlier start of the agent left open, and up to when it is known to have lasted. */
  left(): { readonly open: readonly OpenSpan[]; readonly knownMs: number };
  /** Two spans of one subject and track never hold the same moment: what was written first stays. */
  write(change: TimelineChange): void;
  /** What touches the stretch. */
  outline(fromMs: number, untilMs: number): TimelineOutline;
  /** What touches the stretch, of one subject. */
  of(subject: string, fromMs: number, untilMs: number): SubjectTimeline;
  /** Forgets what ended before. */
  forget(beforeMs: number): void;
}
