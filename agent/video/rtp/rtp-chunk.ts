import type { BytePool } from '../../base/pool.ts';
import { countPackets, type PacketFields } from '../../camera/rtsp/packetizer.ts';
import type { Chunk, RtpFacts } from '../destination.ts';
import type { Picture } from '../picture.ts';
import { Packets } from './packets.ts';

const TICKS_PER_MS = 90;

/** What is the same in whatever numbers the packets are. */
type Facts = Pick<Chunk, 'bytes' | 'heldBytes' | 'key' | 'number' | 'wallMs' | 'durationMs'> &
  Pick<Chunk, 'boxWallMs' | 'boxMonotonicMs'> &
  Pick<RtpFacts, 'setup' | 'packets' | 'octets'>;

/**
 * One picture in RTP packets. The packets are written when somebody asks for them, so that a chunk that only waits in
 * a cache costs nothing beside its picture.
 */
export class RtpChunk implements Chunk {
  readonly frames = 1;
  readonly key: boolean;
  readonly bytes: number;
  readonly heldBytes: number;
  readonly number: number;
  readonly wallMs: number;
  readonly boxWallMs: number;
  readonly boxMonotonicMs: number;
  readonly durationMs: number;
  readonly rtp: RtpFacts;
  readonly #facts: Facts;
  readonly #fields: PacketFields;
  readonly #packets: Packets;
  #holders = 1;

  /** The maker of the chunk is its first holder. */
  static of(pool: BytePool, picture: Picture, number: number, fields: PacketFields): RtpChunk {
    const { unit, setup } = picture;
    const count = countPackets(setup.sps.codec, unit.nals);
    const facts = {
      ...{ key: picture.key, number, setup, packets: count.packets, octets: count.octets },
      bytes: count.bytes,
      heldBytes: count.bytes + picture.heldBytes - picture.bytes,
      wallMs: unit.captureWallMs ?? unit.receivedWallMs,
      boxWallMs: unit.receivedWallMs,
      boxMonotonicMs: unit.receivedMonotonicMs,
      durationMs: picture.frameTicks / TICKS_PER_MS,
    };
    return new RtpChunk(facts, fields, new Packets(pool, picture, fields, count));
  }

  private constructor(facts: Facts, fields: PacketFields, packets: Packets) {
    packets.hold();
    this.#facts = facts;
    this.#fields = fields;
    this.#packets = packets;
    this.key = facts.key;
    this.bytes = facts.bytes;
    this.heldBytes = facts.heldBytes;
    this.number = facts.number;
    this.wallMs = facts.wallMs;
    this.boxWallMs = facts.boxWallMs;
    this.boxMonotonicMs = facts.boxMonotonicMs;
    this.durationMs = facts.durationMs;
    const from = (sequence: number) => new RtpChunk(facts, { ...fields, sequence }, packets);
    this.rtp = { ...fields, setup: facts.setup, packets: facts.packets, octets: facts.octets, from };
  }

  get parts(): readonly Buffer[] {
    return this.#packets.from(this.#fields.sequence);
  }

  /** The same chunk without its packets, for a cache; the caller is its first holder. */
  cold(): RtpChunk {
    return new RtpChunk(this.#facts, this.#fields, this.#packets.cold());
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#packets.release();
  }
}
