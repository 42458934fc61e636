import { type NalRules, nalRules } from '../codec/nal.ts';
import { splitStartCodes } from '../codec/start-codes.ts';
import type { VideoCodec } from '../types.ts';
import { AccessUnitAssembler, type AssembledUnit, MAX_UNIT_BYTES } from './access-units.ts';
import { FragmentJoiner } from './fragment-joiner.ts';
import type { OrderedPacket } from './sequence.ts';

/** What one RTP payload holds. */
export type PayloadShape =
  /** One NAL unit. */
  | { readonly kind: 'single' }
  /** Several, each with its length in front, from `offset` on. */
  | { readonly kind: 'aggregate'; readonly offset: number }
  /** A part of one, from `offset` on; the first carries the NAL header. */
  | {
      readonly kind: 'fragment';
      readonly start: boolean;
      readonly end: boolean;
      readonly header: Buffer;
      readonly offset: number;
    }
  /** Not part of what RFC 6184 §5.4 and RFC 7798 §4.4 let a camera send without asking. */
  | { readonly kind: 'unknown' };

export type ReadShape = (payload: Buffer) => PayloadShape;

/** Turns ordered RTP packets of one codec into access units. Never joins what does not belong together. */
export class Depacketizer {
  readonly #readShape: ReadShape;
  readonly #rules: NalRules;
  readonly #units: AccessUnitAssembler;
  readonly #fragments = new FragmentJoiner();
  /** Time stamp of the NAL unit that comes in fragments. */
  #partial: number | undefined;

  constructor(codec: VideoCodec, readShape: ReadShape, out: (unit: AssembledUnit) => void) {
    this.#readShape = readShape;
    this.#rules = nalRules(codec);
    this.#units = new AccessUnitAssembler(this.#rules, out);
  }

  /** Access units that were above the bounds and given up. */
  get dropped(): number {
    return this.#units.dropped;
  }

  push({ packet, gap }: OrderedPacket): void {
    const { payload, timestamp, marker } = packet;
    if (gap) this.#partial = undefined;
    if (this.#partial !== undefined && this.#partial !== timestamp) this.#dropPartial();
    this.#units.beginPacket(timestamp, gap, packet.receivedMonotonicMs);
    if (payload.length > 0) this.#payload(payload, timestamp, marker);
    this.#units.endPacket(marker);
  }

  #payload(payload: Buffer, timestamp: number, marker: boolean): void {
    const shape = this.#readShape(payload);
    if (shape.kind === 'fragment') {
      this.#fragment(shape, payload.subarray(shape.offset), timestamp, marker);
      return;
    }
    if (this.#partial !== undefined) this.#dropPartial();
    if (shape.kind === 'single') this.#nal(Buffer.from(payload));
    else if (shape.kind === 'aggregate') this.#aggregate(payload, shape.offset);
    else this.#units.damage();
  }

  #aggregate(payload: Buffer, offset: number): void {
    let at = offset;
    while (at + 2 <= payload.length) {
      const end = at + 2 + payload.readUInt16BE(at);
      if (end > payload.length) break;
      this.#nal(Buffer.from(payload.subarray(at + 2, end)));
      at = end;
    }
    if (at !== payload.length) this.#units.damage();
  }

  #fragment(
    shape: PayloadShape & { kind: 'fragment' },
    part: Buffer,
    timestamp: number,
    marker: boolean,
  ): void {
    if (shape.start) {
      if (this.#partial !== undefined) this.#dropPartial();
      this.#partial = timestamp;
      this.#fragments.begin(shape.header);
    }
    if (this.#partial === undefined) {
      this.#units.damage();
      return;
    }
    this.#fragments.add(part);
    if (this.#fragments.bytes > MAX_UNIT_BYTES) this.#dropPartial();
    // Some cameras leave the end bit out and only set the marker.
    else if (shape.end || marker) this.#complete();
  }

  #complete(): void {
    this.#partial = undefined;
    this.#nal(this.#fragments.joined());
  }

  #dropPartial(): void {
    this.#partial = undefined;
    this.#units.damage();
  }

  /**
   * @param nal with bytes of its own
   *
   * Cameras put a whole byte stream with start codes into one NAL unit, always beginning with parameter sets
   * (V380 and others with the same server). Slices are not searched: that would cost as much as all the rest.
   */
  #nal(nal: Buffer): void {
    const isWhole = this.#rules.kind(nal) === 'slice' && nal[0] !== 0;
    if (isWhole) this.#units.nal(nal);
    else for (const part of splitStartCodes(nal)) this.#units.nal(part);
  }
}
