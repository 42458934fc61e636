import type { NalRules } from '../codec/nal.ts';

/** A coded picture as assembled; the stream adds the times. */
export interface AssembledUnit {
  readonly nals: readonly Buffer[];
  readonly timestamp: number;
  readonly key: boolean;
  readonly damaged: boolean;
  /** When its last packet came. */
  readonly receivedMonotonicMs: number;
}

/** Bounds of one access unit. Source: guesses; a 4K key frame is around 1 MiB. */
export const MAX_UNIT_BYTES = 8 * 1024 * 1024;
const MAX_UNIT_NALS = 4096;

/** How far the marker bit can be believed to end an access unit. */
type MarkerTrust = 'unknown' | 'trusted' | 'untrusted';

/**
 * Collects NAL units into access units. Every unit that comes out holds picture data; parameter sets, SEI and the
 * like go with the picture that follows them, whatever time stamp and marker bit the camera gave them.
 *
 * A unit ends at the marker bit, else where the next one begins. Cameras set the marker on every NAL unit, so the
 * first unit waits for the next packet to show whether the marker means what it should.
 * @see RFC 6184 §5.1, RFC 7798 §4.1, ITU-T H.264 §7.4.1.2.3, ITU-T H.265 §7.4.2.4.4
 */
export class AccessUnitAssembler {
  readonly #rules: NalRules;
  readonly #out: (unit: AssembledUnit) => void;
  /** The unit that grows. */
  #nals: Buffer[] = [];
  #timestamp = 0;
  #receivedMonotonicMs = 0;
  #hasSlice = false;
  #key = false;
  /** What may open the next unit, seen behind a slice of this one. */
  #next: Buffer[] = [];
  #bytes = 0;
  #damaged = false;
  #marked = false;
  #marker: MarkerTrust = 'unknown';
  #lastTimestamp: number | undefined;
  #dropped = 0;

  constructor(rules: NalRules, out: (unit: AssembledUnit) => void) {
    this.#rules = rules;
    this.#out = out;
  }

  /** Access units that were given up because they were above the bounds. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Before the NAL units of a packet. @param gap packets are missing before it */
  beginPacket(timestamp: number, gap: boolean, receivedMonotonicMs: number): void {
    const isEnded = this.#marked && this.#marker !== 'untrusted';
    if (gap && !isEnded) this.#damaged = true;
    if (timestamp !== this.#timestamp) {
      if (this.#hasSlice) this.#finish();
      this.#timestamp = timestamp;
    }
    // Missing packets between two units may belong to either.
    if (gap && !this.#hasSlice) this.#damaged = true;
    this.#receivedMonotonicMs = receivedMonotonicMs;
  }

  /** A NAL unit, or a part of one, of this access unit could not be read. */
  damage(): void {
    this.#damaged = true;
  }

  nal(nal: Buffer): void {
    if (nal.length === 0) return;
    const kind = this.#rules.kind(nal);
    if (kind === 'slice') this.#slice(nal);
    else if (this.#hasSlice && kind !== 'trailing') this.#add(this.#next, nal);
    else this.#add(this.#nals, nal);
  }

  /** After the NAL units of a packet. */
  endPacket(marker: boolean): void {
    if (!marker || !this.#hasSlice) return;
    this.#marked = true;
    if (this.#marker === 'trusted' && this.#next.length === 0) this.#finish();
  }

  #slice(nal: Buffer): void {
    const starts = this.#rules.startsPicture(nal);
    const opensNext = this.#next.length > 0 || this.#marked;
    if (this.#hasSlice && opensNext) {
      if (starts) this.#finish();
      else this.#continues();
    } else if (!this.#hasSlice && !starts) {
      // The beginning of the picture is missing, or the marker ended the unit too early.
      this.#damaged = true;
      if (this.#timestamp === this.#lastTimestamp) this.#marker = 'untrusted';
    }
    if (!this.#add(this.#nals, nal)) return;
    this.#hasSlice = true;
    this.#key ||= this.#rules.isKey(nal);
  }

  /** The picture goes on behind a marker, or behind what should have opened the next one. */
  #continues(): void {
    if (this.#marked) this.#marker = 'untrusted';
    this.#nals.push(...this.#next);
    this.#next = [];
  }

  /** @returns false when the unit was given up because it grew above the bounds */
  #add(list: Buffer[], nal: Buffer): boolean {
    this.#bytes += nal.length;
    const fits = this.#bytes <= MAX_UNIT_BYTES && this.#nals.length + this.#next.length < MAX_UNIT_NALS;
    if (fits) {
      list.push(nal);
    } else {
      this.#dropped += 1;
      this.#reset([]);
      this.#damaged = true;
    }
    return fits;
  }

  #finish(): void {
    if (this.#marker === 'unknown') this.#marker = this.#marked ? 'trusted' : 'unknown';
    const unit = {
      nals: this.#nals,
      timestamp: this.#timestamp,
      key: this.#key,
      damaged: this.#damaged,
      receivedMonotonicMs: this.#receivedMonotonicMs,
    };
    this.#lastTimestamp = this.#timestamp;
    this.#reset(this.#next);
    this.#out(unit);
  }

  #reset(nals: Buffer[]): void {
    this.#nals = nals;
    this.#next = [];
    this.#bytes = nals.reduce((sum, nal) => sum + nal.length, 0);
    this.#hasSlice = false;
    this.#key = false;
    this.#damaged = false;
    this.#marked = false;
  }
}
