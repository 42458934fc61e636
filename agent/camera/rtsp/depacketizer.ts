import type { BytePool } from '../../base/pool.ts';
import { nalRules } from '../codec/nal.ts';
import type { VideoCodec } from '../types.ts';
import { AccessUnitAssembler, type AssembledUnit } from './access-units.ts';
import { PayloadShape } from './payload-shape.ts';
import type { RtpPacket } from './rtp.ts';

/** NAL units of one packet that are taken. Source: guess; more than the slices and parameter sets of a picture. */
const MAX_AGGREGATED = 512;

/** Turns ordered RTP packets of one codec into access units. Never joins what does not belong together. */
export class Depacketizer {
  readonly #shape: PayloadShape;
  readonly #units: AccessUnitAssembler;
  /** Time stamp of the NAL unit that comes in fragments. */
  #partial: number | undefined;

  constructor(codec: VideoCodec, pool: BytePool, out: (unit: AssembledUnit) => void) {
    this.#shape = new PayloadShape(codec);
    this.#units = new AccessUnitAssembler(nalRules(codec), pool, out);
  }

  /** Access units that were above the bounds and given up. */
  get dropped(): number {
    return this.#units.dropped;
  }

  push(packet: RtpPacket, gap: boolean): void {
    const { timestamp, marker } = packet;
    if (gap) this.#forgetPartial();
    if (this.#partial !== undefined && this.#partial !== timestamp) this.#dropPartial();
    this.#units.beginPacket(timestamp, gap, packet.receivedMonotonicMs);
    if (packet.payloadBytes > 0) this.#payload(packet);
    this.#units.endPacket(marker);
  }

  /** The picture that grows is lost; nothing comes after this. */
  end(): void {
    this.#units.end();
  }

  #payload({ bytes, from, until, timestamp, marker }: RtpPacket): void {
    const shape = this.#shape;
    shape.read(bytes, from, until);
    if (shape.kind === 'fragment') {
      this.#fragment(bytes, until, timestamp, marker);
      return;
    }
    if (this.#partial !== undefined) this.#dropPartial();
    if (shape.kind === 'single') this.#nal(bytes, from, until);
    else if (shape.kind === 'aggregate') this.#aggregate(bytes, shape.from, until);
    else this.#units.damage();
  }

  #aggregate(bytes: Buffer, from: number, until: number): void {
    let at = from;
    let nals = 0;
    while (at + 2 <= until && nals < MAX_AGGREGATED) {
      const end = at + 2 + bytes.readUInt16BE(at);
      if (end > until) break;
      // Some fill a packet up with zeros.
      if (end > at + 2) {
        this.#nal(bytes, at + 2, end);
        nals += 1;
      }
      at = end;
    }
    if (at !== until) this.#units.damage();
  }

  #fragment(bytes: Buffer, until: number, timestamp: number, marker: boolean): void {
    const { start, end, from, header, headerBytes } = this.#shape;
    if (start) {
      if (this.#partial !== undefined) this.#dropPartial();
      this.#partial = timestamp;
      this.#units.begin();
      this.#units.part(header, 0, headerBytes);
    }
    if (this.#partial === undefined) this.#units.damage();
    else if (!this.#units.part(bytes, from, until)) this.#partial = undefined;
    // Some cameras leave the end bit out and only set the marker.
    else if (end || marker) this.#complete();
  }

  #complete(): void {
    this.#partial = undefined;
    this.#units.complete();
  }

  #nal(bytes: Buffer, from: number, until: number): void {
    this.#units.begin();
    if (this.#units.part(bytes, from, until)) this.#units.complete();
  }

  #dropPartial(): void {
    this.#forgetPartial();
    this.#units.damage();
  }

  #forgetPartial(): void {
    this.#partial = undefined;
    this.#units.abandon();
  }
}
