import type { Block, BytePool } from '../../base/pool.ts';
import { countPackets, type PacketFields, writePackets } from '../../camera/rtsp/packetizer.ts';
import type { Chunk, RtpFacts } from '../destination.ts';
import type { Picture } from '../picture.ts';

const TICKS_PER_MS = 90;

/**
 * One picture in RTP packets. The packets are written when somebody asks for them, so that a chunk that only waits in
 * a cache costs nothing beside its picture.
 */
export class RtpChunk implements Chunk {
  readonly frames = 1;
  readonly key: boolean;
  readonly bytes: number;
  readonly number: number;
  readonly wallMs: number;
  readonly durationMs: number;
  readonly rtp: RtpFacts;
  readonly #picture: Picture;
  readonly #fields: PacketFields;
  readonly #pool: BytePool;
  #block: Block | undefined;
  #holders = 1;

  /** Holds the picture; the maker of the chunk is its first holder. */
  constructor(pool: BytePool, picture: Picture, number: number, fields: PacketFields) {
    const { unit, setup } = picture;
    const { packets, bytes, octets } = countPackets(setup.sps.codec, unit.nals);
    picture.hold();
    this.#pool = pool;
    this.#picture = picture;
    this.#fields = fields;
    this.key = picture.key;
    this.bytes = bytes;
    this.number = number;
    this.wallMs = unit.captureWallMs ?? unit.receivedWallMs;
    this.durationMs = picture.frameTicks / TICKS_PER_MS;
    this.rtp = { ...fields, setup, packets, octets, from: (sequence) => this.#from(sequence) };
  }

  get parts(): readonly Buffer[] {
    this.#block ??= this.#written();
    return [this.#block.buffer.subarray(0, this.bytes)];
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
    this.#block?.release();
    this.#picture.release();
  }

  #from(sequence: number): RtpChunk {
    return new RtpChunk(this.#pool, this.#picture, this.number, { ...this.#fields, sequence });
  }

  #written(): Block {
    const block = this.#pool.take(this.bytes);
    const { unit, setup } = this.#picture;
    writePackets(block.buffer, setup.sps.codec, unit.nals, this.#fields);
    return block;
  }
}
