import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { ObjectHandler } from '../ports.ts';

/** Takes a topic off the connection that it has in common with others; resolves when nothing of it comes there any more. */
export type Leave = (topic: string) => Promise<void>;

export interface OwnConnectionsNeeds {
  readonly clock: Clock;
  readonly log: Log;
  /** One more connection, for this topic alone. */
  readonly listen: (topic: string, handler: ObjectHandler, signal: AbortSignal) => Promise<void>;
  /** What comes of such a topic, once it comes nowhere else. */
  readonly taken: Pick<ObjectHandler, 'message' | 'tooLarge'>;
  /** A newer message has come before this one could be taken. It may have come over the common connection too. */
  readonly overtaken: (topic: string, payload: Buffer) => void;
  /** The newest of them, once the topic comes nowhere else; it may have come over the common connection too. */
  readonly newest: (topic: string, payload: Buffer) => void;
}

/** Connections beside the common one. Source: guess; topics that flood beyond these stay on the common one. */
const MAX_TOPICS = 4;
/** Until a connection is tried again that could not be made while the topic flooded. Source: guess. */
const AGAIN_MS = 60_000;

/**
 * Topics that flood, each heard over a connection of its own: a broker drops what a slow connection does not take, and the
 * values of others would be among it. The common connection lets a topic go when the new one hears it, so none of its
 * messages is missed; what comes on the new one meanwhile is newer, and waits. What the broker repeats there because it
 * kept it is older than what was heard already, and is left out.
 */
export class OwnConnections {
  /** Rejects when one that may be heard nowhere else is lost: all begin anew then. */
  readonly failed: Promise<never>;
  readonly #needs: OwnConnectionsNeeds;
  readonly #signal: AbortSignal;
  readonly #topics = new Set<string>();
  /** When a topic may be tried again, monotonic. */
  readonly #againMs = new Map<string, number>();
  readonly #runs = new Set<Promise<void>>();
  readonly #fail: (thrown: unknown) => void;

  constructor(needs: OwnConnectionsNeeds, signal: AbortSignal) {
    this.#needs = needs;
    this.#signal = signal;
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.#fail = reject;
  }

  /** Resolves when every connection has ended, after the signal. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#runs);
  }

  /** Moves a topic, once; what could not be moved is tried again with a later message. */
  move(topic: string, leave: Leave): void {
    if (this.#topics.has(topic) || this.#topics.size >= MAX_TOPICS) return;
    if (this.#needs.clock.monotonicMs() < (this.#againMs.get(topic) ?? 0)) return;
    this.#topics.add(topic);
    const run = this.#run(topic, leave).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  async #run(topic: string, leave: Leave): Promise<void> {
    const { listen } = this.#needs;
    const crossing = new Crossing(topic, this.#needs);
    let isLeaving = false;
    const handler: ObjectHandler = {
      subscribed: (refused) => {
        if (refused.length > 0) return;
        isLeaving = true;
        leave(topic).then(() => crossing.end(), this.#fail);
      },
      message: (_topic, payload, retained) => crossing.message(payload, retained),
      tooLarge: (_topic, bytes) => this.#needs.taken.tooLarge(topic, bytes),
    };
    try {
      await listen(topic, handler, this.#signal);
    } catch (err) {
      if (this.#signal.aborted) return;
      // The common connection may have let it go already, also where nothing has said so yet.
      if (isLeaving) this.#fail(err);
      else this.#stays(topic, err);
    } finally {
      crossing.end();
    }
  }

  #stays(topic: string, err: unknown): void {
    this.#needs.log.warn({ err, topic }, 'a topic that floods cannot be heard over its own connection');
    this.#topics.delete(topic);
    this.#againMs.set(topic, this.#needs.clock.monotonicMs() + AGAIN_MS);
  }
}

type CrossingNeeds = Pick<OwnConnectionsNeeds, 'taken' | 'overtaken' | 'newest'>;

/** One topic on its way to a connection of its own: until it is there, the common connection brings it too. */
class Crossing {
  readonly #topic: string;
  readonly #needs: CrossingNeeds;
  #held: Buffer | undefined;
  #isOver = false;

  constructor(topic: string, needs: CrossingNeeds) {
    this.#topic = topic;
    this.#needs = needs;
  }

  message(payload: Buffer, retained: boolean): boolean {
    const { taken, overtaken } = this.#needs;
    if (retained) return false;
    if (this.#isOver) return taken.message(this.#topic, payload, false);
    if (this.#held) overtaken(this.#topic, this.#held);
    // The buffer is part of a larger one, which must not be kept.
    this.#held = Buffer.from(payload);
    return false;
  }

  /** Nothing of the topic comes elsewhere any more, or nothing comes here. */
  end(): void {
    this.#isOver = true;
    const held = this.#held;
    this.#held = undefined;
    if (held) this.#needs.newest(this.#topic, held);
  }
}
