import type { Code } from '../base/codes.ts';
import type { BeffroiError } from '../base/errors.ts';
import type { Left } from '../base/send-queue.ts';
import type { Chunk, DestinationStatus, PausableDestination, Source } from './destination.ts';
import { Ledger } from './ledger.ts';
import { type Channel, Outlet, type OutletNeeds, type OutletOptions } from './outlet.ts';

/** The video plane's own connection to the broker; the uplink's client fits. */
export interface MediaPublisher {
  readonly connected: boolean;
  /**
   * QoS 0, never waits, never copies. Lanes share the connection equally.
   * @returns why it was not taken; undefined when it was, and `left` will be told: of what a lost connection had not
   *   taken before its `down`
   */
  sendNow(lane: object, topic: string, parts: readonly Buffer[], left: Left): Code | undefined;
  /** What waits in the lane never leaves. */
  withdraw(lane: object): void;
  /** Tells of every connection and of every loss or vain try. @returns ends it */
  listen(listener: { readonly up: () => void; readonly down: (error: BeffroiError) => void }): () => void;
}

/** One topic of the broker connection: its own lane, with its own account of what waits. */
class TopicChannel implements Channel {
  readonly format = 'mp4';
  readonly beginsAnew = false;
  readonly #publisher: MediaPublisher;
  readonly #topic: string;
  readonly #ledger = new Ledger();

  constructor(publisher: MediaPublisher, topic: string) {
    this.#publisher = publisher;
    this.#topic = topic;
  }

  get isOpen(): boolean {
    return this.#publisher.connected;
  }

  get oldest(): Chunk | undefined {
    return this.#ledger.oldest;
  }

  get waitingBytes(): number {
    return this.#ledger.waitingBytes;
  }

  get heldBytes(): number {
    return this.#ledger.heldBytes;
  }

  send(chunk: Chunk): Code | undefined {
    return this.#ledger.hand(chunk, (left) => this.#publisher.sendNow(this, this.#topic, chunk.parts, left));
  }

  withdraw(): void {
    this.#publisher.withdraw(this);
  }

  takeUnsent(): readonly Chunk[] {
    return this.#ledger.takeUnsent();
  }
}

/** Fragmented MP4 on a topic of the broker. */
export class MqttDestination implements PausableDestination {
  readonly format = 'mp4';
  readonly id: string;
  readonly #outlet: Outlet;
  readonly #publisher: MediaPublisher;
  #unlisten: () => void = () => undefined;

  constructor(
    needs: Omit<OutletNeeds, 'channel'> & { readonly publisher: MediaPublisher },
    options: OutletOptions & { readonly id: string; readonly topic: string },
  ) {
    this.id = options.id;
    this.#publisher = needs.publisher;
    const channel = new TopicChannel(needs.publisher, options.topic);
    this.#outlet = new Outlet({ ...needs, channel }, options);
  }

  begin(source: Source): void {
    this.#unlisten = this.#publisher.listen({
      up: () => this.#outlet.opened(),
      down: (error) => this.#outlet.lost(error),
    });
    this.#outlet.begin(source);
  }

  take(chunk: Chunk): void {
    this.#outlet.take(chunk);
  }

  streamEnded(): void {
    this.#outlet.streamEnded();
  }

  pause(why: BeffroiError): void {
    this.#outlet.pause(why);
  }

  resume(): void {
    this.#outlet.resume();
  }

  status(): DestinationStatus {
    return this.#outlet.status;
  }

  async end(): Promise<void> {
    this.#unlisten();
    this.#outlet.end();
  }
}
