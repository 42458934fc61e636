import type { BytePool } from '../../base/pool.ts';
import { countPackets, type PacketFields } from '../../camera/rtsp/packetizer.ts';
import type { Chunk, RtpFacts } from '../destination.ts';
import type { Picture } from '../picture.ts';
import { Packets } from './packets.ts';

const TICKS_PER_MS = 90;

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
  readonly durationMs: number;
  readonly rtp: RtpFacts;
  readonly #picture: Picture;
  readonly #fields: PacketFields;
  readonly #pool: BytePool;
  readonly #packets: Packets;
  #holders = 1;

  /**
   * Holds the picture; the maker of the chunk is its first holder.
   * @param packets of the same picture in other numbers, to be shared
   */
  constructor(pool: BytePool, picture: Picture, number: number, fields: PacketFields, packets?: Packets) {
    const { unit, setup } = picture;
    const count = countPackets(setup.sps.codec, unit.nals);
    picture.hold();
    this.#pool = pool;
    this.#picture = picture;
    this.#fields = fields;
    this.#packets = packets ?? new Packets(pool, picture, fields, count);
    this.#packets.hold();
    this.key = picture.key;
    this.bytes = count.bytes;
    this.heldBytes = count.bytes + picture.heldBytes - picture.bytes;
    this.number = number;
    this.wallMs = unit.captureWallMs ?? unit.receivedWallMs;
    this.durationMs = picture.frameTicks / TICKS_PER_MS;
    const from = (sequence: number) => this.#from(sequence, this.#packets);
    this.rtp = { ...fields, setup, packets: count.packets, octets: count.octets, from };
  }

  get parts(): readonly Buffer[] {
    return this.#packets.from(this.#fields.sequence);
  }

  /** The same chunk without its packets, for a cache; the caller is its first holder. */
  cold(): RtpChunk {
    return this.#from(this.#fields.sequence);
  }

  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    this.#packets.release();
    this.#picture.release();
  }

  #from(sequence: number, packets?: Packets): RtpChunk {
    return new RtpChunk(this.#pool, this.#picture, this.number, { ...this.#fields, sequence }, packets);
  }
}
