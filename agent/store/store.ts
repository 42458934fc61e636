/**
 * The only durable memory. All calls are synchronous: when a call returns, the data is on disk (or, while the disk
 * refuses, in memory with `durable` false, which the box reports).
 */
export interface Store {
  /** False while the state folder cannot be written and everything is kept in memory only. */
  readonly durable: boolean;
  /** Number of this start of the agent: rises by one per start, durable. */
  readonly boot: number;
  readonly outbox: Outbox;
  readonly register: Register;
  readonly journal: Journal;
  readonly slots: ConfigSlots;
  readonly memory: Memory;
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

export interface OutboxEntry {
  /** Durable number, rising by one per event of the box. */
  readonly seq: number;
  readonly topic: string;
  readonly payload: string;
}

/** Events that wait for the broker. */
export interface Outbox {
  /** Appends one event; `build` receives its number and makes topic and payload. Returns the number. */
  append(build: (seq: number) => { topic: string; payload: string }): number;
  /** The oldest events after `afterSeq`, in order, but for those of the topics `without`. */
  next(afterSeq: number, limit: number, without?: readonly string[]): OutboxEntry[];
  /** Forgets events that the broker acknowledged. */
  acknowledge(seqs: readonly number[]): void;
  pending(): number;
  /** Forgets an event that no broker will ever take; it counts as dropped. */
  giveUp(seq: number): void;
  /** Events that were never acknowledged and are gone: pushed out by the bound, or given up. Durable. */
  dropped(): number;
  /** Calls `listener` after each append has become durable. */
  onAppended(listener: () => void): void;
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
