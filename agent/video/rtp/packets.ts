import { InternalError } from '../../base/errors.ts';
import type { Block, BytePool } from '../../base/pool.ts';
import {
  type PacketCount,
  type PacketFields,
  renumbered,
  writePackets,
} from '../../camera/rtsp/packetizer.ts';
import type { Picture } from '../picture.ts';

/**
 * The packets of one picture: written once, in the numbers that are asked for first, and from then on the picture is not
 * held for them. Whoever asks for others gets heads of his own before the same payloads.
 */
export class Packets {
  readonly #pool: BytePool;
  readonly #fields: PacketFields;
  readonly #count: PacketCount;
  /** Held until it is written. */
  #picture: Picture | undefined;
  #written: { readonly block: Block; readonly bytes: Buffer; readonly sequence: number } | undefined;
  #holders = 0;

  constructor(pool: BytePool, picture: Picture, fields: PacketFields, count: PacketCount) {
    picture.hold();
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

  /** The same packets, to be written anew for who keeps them; these themselves when they are written. */
  cold(): Packets {
    return this.#picture ? new Packets(this.#pool, this.#picture, this.#fields, this.#count) : this;
  }

  /** A chunk that may ask. */
  hold(): void {
    this.#holders += 1;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    this.#picture?.release();
    this.#picture = undefined;
    this.#written?.block.release();
  }

  #write(sequence: number): { block: Block; bytes: Buffer; sequence: number } {
    const picture = this.#picture;
    if (!picture) throw new InternalError('internal', 'packets were asked for after their last release');
    const { unit, setup } = picture;
    const block = this.#pool.take(this.#count.bytes);
    writePackets(block.buffer, setup.sps.codec, unit.nals, { ...this.#fields, sequence });
    this.#picture = undefined;
    picture.release();
    return { block, bytes: block.buffer.subarray(0, this.#count.bytes), sequence };
  }
}
