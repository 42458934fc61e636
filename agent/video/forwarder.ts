import type { Meter } from './meter.ts';
import type { MediaChunk } from './muxer.ts';

/** The video plane's own connection to the broker. */
export interface MediaPublisher {
  /** QoS 0, never waits. @returns false when it was not sent: no link, or too much waits already */
  publishNow(topic: string, payload: Buffer): boolean;
}

/**
 * Hands the fragments of one camera to the broker connection. What the connection does not take is dropped, up to the
 * next key frame, and counted: memory stays bounded, and subscribers never get a picture without those it refers to.
 */
export class Forwarder {
  readonly #publisher: MediaPublisher;
  readonly #topic: string;
  readonly #meter: Meter;
  #waitsForKey = false;

  constructor(publisher: MediaPublisher, topic: string, meter: Meter) {
    this.#publisher = publisher;
    this.#topic = topic;
    this.#meter = meter;
  }

  forward(chunk: MediaChunk): void {
    const sent = (chunk.key || !this.#waitsForKey) && this.#publisher.publishNow(this.#topic, chunk.payload);
    this.#waitsForKey = !sent;
    if (sent) this.#meter.forwarded(chunk);
    else this.#meter.dropped(chunk);
  }

  /** What was handed over last may be lost. */
  waitForKey(): void {
    this.#waitsForKey = true;
  }
}
