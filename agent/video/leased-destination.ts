import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { InternalError } from '../base/errors.ts';
import type { Left } from '../base/send-queue.ts';
import { leasedMediaTopic } from '../contract/topics.ts';
import { Lease } from '../trust/lease.ts';
import { MediaSealer } from '../trust/leased-media.ts';
import type { Chunk, Destination, DestinationStatus, Source } from './destination.ts';
import { type MediaPublisher, MqttDestination } from './mqtt-destination.ts';
import type { Sent } from './outlet.ts';

/** Most bytes that may wait for the recipient of a lease. Source: guess; as the default of other destinations. */
const CREDIT_BYTES = 4 * 1024 * 1024;

/** How long the message that is leaving as a lease ends may take. Source: guess. */
const LEAVING_MS = 1_000;

export interface LeasedDestinationNeeds {
  readonly clock: Clock;
  readonly publisher: MediaPublisher;
  readonly site: string;
  /** Whether the lease stands at this moment: asked for each chunk. */
  readonly stands: () => boolean;
}

/**
 * The one way of a partner's pictures out of the process: encrypted for the recipient of a verified lease, and only
 * while it stands.
 */
export class LeasedDestination implements Destination {
  readonly format = 'mp4';
  readonly id: string;
  readonly #sealer: MediaSealer;
  readonly #inner: MqttDestination;
  #bytes = 0;
  #frames = 0;
  #lostFrames = 0;

  private constructor(needs: LeasedDestinationNeeds, lease: Lease, sealer: MediaSealer, topic: string) {
    this.id = lease.id;
    this.#sealer = sealer;
    const publisher = new SealingPublisher(needs.publisher, sealer, needs.stands);
    const events = {
      sent: (sent: Sent) => this.#count(sent.bytes, sent.frames),
      unsent: (sent: Sent) => this.#count(-sent.bytes, -sent.frames),
      ...{
        offered: () => undefined,
        dropped: (frames: number) => {
          this.#lostFrames += frames;
        },
        gap: () => undefined,
        changed: () => undefined,
      },
    };
    this.#inner = new MqttDestination(
      { clock: needs.clock, events, publisher },
      { id: lease.id, topic, creditBytes: CREDIT_BYTES },
    );
  }

  /** Makes the key of this opening and seals it to the recipient. @throws InternalError for what is no verified lease */
  static async create(needs: LeasedDestinationNeeds, lease: Lease): Promise<LeasedDestination> {
    requireVerified(lease);
    const topic = leasedMediaTopic(needs.site, lease.camera, lease.recipient);
    return new LeasedDestination(needs, lease, await MediaSealer.create(lease, needs.site, topic), topic);
  }

  /** Handed to the broker connection so far, but for what never left. */
  get sent(): { readonly bytes: number; readonly frames: number; readonly lostFrames: number } {
    return { bytes: this.#bytes, frames: this.#frames, lostFrames: this.#lostFrames };
  }

  #count(bytes: number, frames: number): void {
    this.#bytes += bytes;
    this.#frames += frames;
  }

  begin(source: Source): void {
    this.#inner.begin(source);
  }

  take(chunk: Chunk): void {
    this.#inner.take(chunk);
  }

  streamEnded(): void {
    this.#inner.streamEnded();
  }

  status(): DestinationStatus {
    return this.#inner.status();
  }

  /** The key goes first: from here on nothing can be sealed. */
  async end(): Promise<void> {
    this.#sealer.destroy();
    await this.#inner.end();
  }
}

/** @throws InternalError when it is not a lease that was verified, whatever the types say */
export function requireVerified(lease: Lease): void {
  if (!Lease.isVerified(lease))
    throw new InternalError('internal', 'a leased camera was to be opened without a verified lease');
}

/** Seals what goes out on the topic of a lease; once it does not stand, nothing does. */
class SealingPublisher implements MediaPublisher {
  readonly #inner: MediaPublisher;
  readonly #sealer: MediaSealer;
  readonly #stands: () => boolean;

  constructor(inner: MediaPublisher, sealer: MediaSealer, stands: () => boolean) {
    this.#inner = inner;
    this.#sealer = sealer;
    this.#stands = stands;
  }

  get connected(): boolean {
    return this.#inner.connected;
  }

  sendNow(lane: object, topic: string, parts: readonly Buffer[], left: Left): Code | undefined {
    if (!this.#stands() || this.#sealer.ended) return 'lease-none';
    return this.#inner.sendNow(lane, topic, this.#sealer.seal(parts, beginsFile(parts)), left);
  }

  /** Of a lease that has ended nothing goes on leaving, whatever waits behind it. */
  withdraw(lane: object): void {
    this.#inner.withdraw(lane, LEAVING_MS);
  }

  listen(listener: Parameters<MediaPublisher['listen']>[0]): () => void {
    return this.#inner.listen(listener);
  }
}

/** Whether an initialisation segment comes first: a recipient begins here and needs the key. */
function beginsFile([first]: readonly Buffer[]): boolean {
  return first !== undefined && first.toString('latin1', 4, 8) === 'ftyp';
}
