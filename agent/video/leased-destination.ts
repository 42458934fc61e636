import type { Clock } from '../base/clock.ts';
import type { Code } from '../base/codes.ts';
import { InternalError } from '../base/errors.ts';
import type { Left } from '../base/send-queue.ts';
import { leasedMediaTopic } from '../contract/topics.ts';
import { Lease } from '../trust/lease.ts';
import { MediaSealer } from '../trust/leased-media.ts';
import type { Chunk, Destination, DestinationStatus, Source } from './destination.ts';
import type { LeaseLine } from './lease-lines.ts';
import { type MediaPublisher, MqttDestination } from './mqtt-destination.ts';
import type { Sent } from './outlet.ts';

/** Of a partner's camera nothing is kept, not even for a recipient who begins. @see S2-09 */
const NOTHING_KEPT: Source = { recent: () => [] };

export interface LeasedDestinationNeeds {
  readonly clock: Clock;
  /** Begins a broker connection for this lease alone. */
  readonly line: () => LeaseLine;
  readonly site: string;
  /** Most sealed bytes that may wait for the recipient. */
  readonly creditBytes: number;
  /** Signs with the key of the box. */
  readonly sign: (bytes: Buffer) => Buffer;
  /** Whether the lease stands at this moment: asked for each chunk. */
  readonly stands: () => boolean;
  /**
   * Told before a chunk is handed over as if it had gone, and again when it did not: whoever believes it never counts
   * too little, also when this process dies over it.
   */
  readonly counted: (sent: LeaseCounts) => void;
}

/** Handed to the broker connection so far, but for what never began to leave; and what the recipient did not get. */
export interface LeaseCounts extends Sent {
  readonly lostFrames: number;
}

/**
 * The one way of a partner's pictures out of the process: encrypted for the recipient of a verified lease, and only
 * while it stands.
 */
export class LeasedDestination implements Destination {
  readonly format = 'mp4';
  readonly id: string;
  readonly #sealer: MediaSealer;
  readonly #line: LeaseLine;
  readonly #inner: MqttDestination;
  readonly #counted: LeasedDestinationNeeds['counted'];
  /** What is being handed over. */
  #offered: Chunk | undefined;
  #bytes = 0;
  #frames = 0;
  #lostFrames = 0;

  private constructor(needs: LeasedDestinationNeeds, lease: Lease, sealer: MediaSealer, topic: string) {
    this.id = lease.id;
    this.#sealer = sealer;
    this.#line = needs.line();
    this.#counted = needs.counted;
    const publisher = new SealingPublisher(this.#line, sealer, needs.stands, () => this.#countAhead());
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
      { id: lease.id, topic, creditBytes: needs.creditBytes },
    );
  }

  /** Makes the key of this opening and seals it to the recipient. @throws InternalError for what is no verified lease */
  static async create(needs: LeasedDestinationNeeds, lease: Lease): Promise<LeasedDestination> {
    requireVerified(lease);
    const topic = leasedMediaTopic(needs.site, lease.camera, lease.recipient);
    const { site, sign, clock } = needs;
    const sealer = await MediaSealer.create(lease, { site, sign, topic, nowMs: () => clock.wallMs() });
    return new LeasedDestination(needs, lease, sealer, topic);
  }

  get sent(): LeaseCounts {
    return { bytes: this.#bytes, frames: this.#frames, lostFrames: this.#lostFrames };
  }

  #countAhead(): void {
    const { bytes = 0, frames = 0 } = this.#offered ?? {};
    this.#counted({ ...this.sent, bytes: this.#bytes + bytes, frames: this.#frames + frames });
  }

  #count(bytes: number, frames: number): void {
    this.#bytes += bytes;
    this.#frames += frames;
  }

  /** From what comes now on: nothing that came before is asked for, whatever somebody may have kept. */
  begin(_source: Source): void {
    this.#inner.begin(NOTHING_KEPT);
  }

  take(chunk: Chunk): void {
    const plain = new PlainOnce(chunk, this.#sealer.overheadBytes);
    const before = this.#frames;
    this.#offered = chunk;
    this.#inner.take(plain);
    this.#offered = undefined;
    plain.forget();
    if (this.#frames === before) this.#counted(this.sent);
  }

  streamEnded(): void {
    this.#inner.streamEnded();
  }

  status(): DestinationStatus {
    return this.#inner.status();
  }

  /**
   * The key goes first: from here on nothing can be sealed. With the connection goes what is on its way, also what the
   * kernel has taken and not sent.
   */
  async end(): Promise<void> {
    this.#sealer.destroy();
    this.#line.drop();
    await this.#inner.end();
  }
}

/** @throws InternalError when it is not a lease that was verified, whatever the types say */
export function requireVerified(lease: Lease): void {
  if (!Lease.isVerified(lease))
    throw new InternalError('internal', 'a leased camera was to be opened without a verified lease');
}

/**
 * A chunk that is read while it is handed over and not after: what waits for the recipient is its sealed copy, which is
 * what the credit counts, and nobody holds the plain one for it.
 */
class PlainOnce implements Chunk {
  parts: readonly Buffer[];
  readonly bytes: number;
  readonly heldBytes: number;
  readonly frames: number;
  readonly key: boolean;
  readonly number: number;
  readonly wallMs: number;
  readonly boxWallMs: number;
  readonly boxMonotonicMs: number;
  readonly durationMs: number;

  constructor(chunk: Chunk, overheadBytes: number) {
    this.parts = chunk.parts;
    this.bytes = chunk.bytes;
    this.heldBytes = chunk.bytes + overheadBytes;
    this.frames = chunk.frames;
    this.key = chunk.key;
    this.number = chunk.number;
    this.wallMs = chunk.wallMs;
    this.boxWallMs = chunk.boxWallMs;
    this.boxMonotonicMs = chunk.boxMonotonicMs;
    this.durationMs = chunk.durationMs;
  }

  forget(): void {
    this.parts = [];
  }

  hold(): void {
    // The copy is held by the message that it is part of.
  }

  release(): void {
    // As above.
  }
}

/**
 * Seals what goes out on the topic of a lease; once it does not stand, nothing does. What was leaving as the connection
 * ended counts as gone: the recipient may have it.
 */
class SealingPublisher implements MediaPublisher {
  readonly #inner: MediaPublisher;
  readonly #sealer: MediaSealer;
  readonly #stands: () => boolean;
  readonly #ahead: () => void;

  /** @param ahead told before anything is handed over */
  constructor(inner: MediaPublisher, sealer: MediaSealer, stands: () => boolean, ahead: () => void) {
    this.#inner = inner;
    this.#sealer = sealer;
    this.#stands = stands;
    this.#ahead = ahead;
  }

  get connected(): boolean {
    return this.#inner.connected;
  }

  sendNow(lane: object, topic: string, parts: readonly Buffer[], left: Left): Code | undefined {
    if (!this.#stands() || this.#sealer.ended) return 'lease-none';
    this.#ahead();
    const counted: Left = (gone, mayHaveGone) => left(gone || mayHaveGone, mayHaveGone);
    return this.#inner.sendNow(lane, topic, this.#sealer.seal(parts, beginsFile(parts)), counted);
  }

  withdraw(lane: object): void {
    this.#inner.withdraw(lane);
  }

  listen(listener: Parameters<MediaPublisher['listen']>[0]): () => void {
    return this.#inner.listen(listener);
  }
}

/** Whether an initialisation segment comes first: a recipient begins here and needs the key. */
function beginsFile([first]: readonly Buffer[]): boolean {
  return first !== undefined && first.toString('latin1', 4, 8) === 'ftyp';
}
