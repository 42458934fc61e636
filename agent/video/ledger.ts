import type { Code } from '../base/codes.ts';
import type { Left } from '../base/send-queue.ts';
import type { Chunk } from './destination.ts';

/** The chunks that were handed to a connection and have not left the process: held until they have, or never will. */
export class Ledger {
  #waitingBytes = 0;
  #heldBytes = 0;
  /** In the order in which they were handed over. */
  readonly #waiting = new Set<Chunk>();
  #unsent: Chunk[] = [];

  /** The first that has not left. */
  get oldest(): Chunk | undefined {
    return this.#waiting.values().next().value;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Memory that they take. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @param send says why it does not take the chunk; when it does, it calls `left` once, later */
  hand(chunk: Chunk, send: (left: Left) => Code | undefined): Code | undefined {
    const refusal = send((gone) => this.#left(chunk, gone));
    if (refusal !== undefined) return refusal;
    chunk.hold();
    this.#waiting.add(chunk);
    this.#waitingBytes += chunk.bytes;
    this.#heldBytes += chunk.heldBytes;
    return undefined;
  }

  /** What was handed over and never left, oldest first; told once. */
  takeUnsent(): readonly Chunk[] {
    const unsent = this.#unsent;
    this.#unsent = [];
    return unsent;
  }

  /** Of one that never left, what it is can still be read, and no byte of it. */
  #left(chunk: Chunk, gone: boolean): void {
    this.#waiting.delete(chunk);
    this.#waitingBytes -= chunk.bytes;
    this.#heldBytes -= chunk.heldBytes;
    if (!gone) this.#unsent.push(chunk);
    chunk.release();
  }
}
