import type { Writable } from 'node:stream';

/**
 * Told once of each message: whether all of it has left the process, or it never will. Never told within `send`.
 * @param mayHaveGone it was leaving when the stream was lost: nobody knows how much of it did
 */
export type Left = (gone: boolean, mayHaveGone: boolean) => void;

interface Message {
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  readonly left: Left;
}

interface Lane {
  waiting: Message[];
  /** Bytes that it has had of the stream, as far as they count against the others. */
  served: number;
}

/**
 * Messages on their way into a stream. They are handed over one at a time, so that of each it is known whether it has
 * left; and the lanes have equal shares of the bytes, so that who sends much waits for himself and not others for him.
 * What waits is bounded by the senders.
 * @see Goyal, Vin, Cheng: Start-time fair queueing, 1996
 */
export class SendQueue {
  readonly #stream: Writable;
  readonly #lanes = new Map<object, Lane>();
  #leaving: { readonly lane: object; readonly message: Message } | undefined;
  /** What the lane whose turn it is had been served before. */
  #turn = 0;
  #ended = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Bytes that were handed over and have not left: of one lane, or of all. */
  waitingBytes(of?: object): number {
    const lanes = of ? [this.#lanes.get(of)] : this.#lanes.values();
    let bytes = 0;
    for (const lane of lanes) for (const message of lane?.waiting ?? []) bytes += message.bytes;
    const leaving = this.#leaving;
    return leaving && (!of || leaving.lane === of) ? bytes + leaving.message.bytes : bytes;
  }

  /** @param parts one message, in order; they must not change until `left` is told. @returns false when it has ended */
  send(lane: object, parts: readonly Buffer[], left: Left): boolean {
    if (this.#ended) return false;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    const known = this.#lane(lane);
    if (known.waiting.length === 0) known.served = Math.max(known.served, this.#turn);
    known.waiting.push({ parts, bytes, left });
    this.#next();
    return true;
  }

  /** What waits in the lane never leaves. One of its messages that is leaving cannot be had back. */
  withdraw(lane: object): void {
    const waiting = this.#lanes.get(lane)?.waiting.splice(0) ?? [];
    for (const { left } of waiting) left(false, false);
  }

  /** The stream is lost: what is left of all this never leaves. */
  end(): void {
    this.#ended = true;
    const leaving = this.#leaving;
    this.#leaving = undefined;
    leaving?.message.left(false, true);
    for (const lane of this.#lanes.keys()) this.withdraw(lane);
    this.#lanes.clear();
  }

  #lane(of: object): Lane {
    const known = this.#lanes.get(of);
    if (known) return known;
    const lane: Lane = { waiting: [], served: 0 };
    this.#lanes.set(of, lane);
    return lane;
  }

  #next(): void {
    if (this.#leaving || !this.#stream.writable) return;
    const [lane, { waiting, served }] = this.#least() ?? [undefined, { waiting: [], served: 0 }];
    const message = waiting.shift();
    if (!lane || !message) return;
    this.#turn = served;
    this.#lane(lane).served += message.bytes;
    this.#leaving = { lane, message };
    this.#write(message);
  }

  /** The lane with something to send that has had least; those that are even with it and empty are forgotten. */
  #least(): [object, Lane] | undefined {
    let least: [object, Lane] | undefined;
    for (const [key, lane] of this.#lanes) {
      if (lane.waiting.length === 0 && lane.served <= this.#turn) this.#lanes.delete(key);
      else if (lane.waiting.length > 0 && (!least || lane.served < least[1].served)) least = [key, lane];
    }
    return least;
  }

  #write(message: Message): void {
    const stream = this.#stream;
    stream.cork();
    for (const part of message.parts.slice(0, -1)) stream.write(part);
    stream.write(message.parts.at(-1) ?? '', (error) => this.#written(message, !error && !stream.destroyed));
    stream.uncork();
  }

  #written(message: Message, gone: boolean): void {
    if (this.#leaving?.message !== message) return;
    this.#leaving = undefined;
    message.left(gone, true);
    if (gone) this.#next();
  }
}
