import type { Code } from '../base/codes.ts';
import type { BeffroiError } from '../base/errors.ts';
import type { Chunk, DestinationStatus, PausableDestination, Source } from './destination.ts';
import { Ledger } from './ledger.ts';
import { type Channel, Outlet, type OutletNeeds, type OutletOptions } from './outlet.ts';

/** The video plane's own connection to the broker; the uplink's client fits. */
export interface MediaPublisher {
  readonly connected: boolean;
  /** Bytes that have left the process so far, or were lost with their connection. */
  readonly goneBytes: number;
  /**
   * QoS 0, never waits, never copies.
   * @returns the count of `goneBytes` at which the message has left, or why it was not sent
   */
  sendNow(topic: string, parts: readonly Buffer[]): number | Code;
  /** Tells of every connection and of every loss or vain try. @returns ends it */
  listen(listener: { readonly up: () => void; readonly down: (error: BeffroiError) => void }): () => void;
}

/** One topic of the broker connection, with its own account of what waits. */
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

  get waitingBytes(): number {
    return this.#ledger.waitingBytes(this.#publisher.goneBytes);
  }

  send(chunk: Chunk): Code | undefined {
    const goneAt = this.#publisher.sendNow(this.#topic, chunk.parts);
    if (typeof goneAt === 'string') return goneAt;
    this.#ledger.handed(goneAt, chunk);
    return undefined;
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
