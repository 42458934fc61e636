import type { Block, BytePool } from '../../base/pool.ts';
import {
  type PacketCount,
  type PacketFields,
  renumbered,
  writePackets,
} from '../../camera/rtsp/packetizer.ts';
import type { Picture } from '../picture.ts';

/**
 * The packets of one picture: written once, in the numbers that are asked for first. Whoever asks for others gets heads
 * of his own before the same payloads.
 */
export class Packets {
  readonly #pool: BytePool;
  readonly #picture: Picture;
  readonly #fields: PacketFields;
  readonly #count: PacketCount;
  #written: { readonly block: Block; readonly bytes: Buffer; readonly sequence: number } | undefined;
  #holders = 0;

  constructor(pool: BytePool, picture: Picture, fields: PacketFields, count: PacketCount) {
    this.#pool = pool;
    this.#picture = picture;
    this.#fields = fields;
    this.#count = count;
  }

  /** @param sequence number of the first packet */
  from(sequence: number): readonly Buffer[] {
    this.#written ??= this.#write(sequence);
    const { bytes } = this.#written;
    return this.#written.sequence === sequence ? [bytes] : renumbered(bytes, this.#count.packets, sequence);
  }

  /** A chunk that may ask. */
  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#written?.block.release();
  }

  #write(sequence: number): { block: Block; bytes: Buffer; sequence: number } {
    const { unit, setup } = this.#picture;
    const block = this.#pool.take(this.#count.bytes);
    writePackets(block.buffer, setup.sps.codec, unit.nals, { ...this.#fields, sequence });
    return { block, bytes: block.buffer.subarray(0, this.#count.bytes), sequence };
  }
}
