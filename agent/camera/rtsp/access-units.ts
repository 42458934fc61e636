import type { BytePool } from '../../base/pool.ts';
import type { NalRules } from '../codec/nal.ts';
import { splitStartCodes } from '../codec/start-codes.ts';
import { type TakenUnits, UnitStorage } from './unit-storage.ts';

/** A coded picture as assembled; the stream adds the times. Whoever takes it releases its block. */
export interface AssembledUnit extends TakenUnits {
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
  /** The unit that grows, and behind it what may open the next one. */
  readonly #storage: UnitStorage;
  /** How many NAL units of the storage are of this unit, when some behind them may open the next. */
  #own: number | undefined;
  #timestamp = 0;
  #receivedMonotonicMs = 0;
  #hasSlice = false;
  #key = false;
  #damaged = false;
  #marked = false;
  #marker: MarkerTrust = 'unknown';
  #lastTimestamp: number | undefined;
  #dropped = 0;

  constructor(rules: NalRules, pool: BytePool, out: (unit: AssembledUnit) => void) {
    this.#rules = rules;
    this.#storage = new UnitStorage(pool);
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
      if (this.#hasSlice) this.#finish(this.#own ?? this.#storage.count);
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

  /** Begins a NAL unit. */
  begin(): void {
    this.#storage.begin();
  }

  /** A part of the NAL unit that was begun. @returns false when the access unit was given up: it is above the bounds */
  part(bytes: Buffer, from: number, until: number): boolean {
    this.#storage.add(bytes, from, until);
    const fits = this.#storage.length <= MAX_UNIT_BYTES;
    if (!fits) this.#giveUp();
    return fits;
  }

  /** What was begun is no NAL unit. */
  abandon(): void {
    this.#storage.abandon();
  }

  /**
   * The NAL unit that was begun is complete.
   *
   * Cameras put a whole byte stream with start codes into one NAL unit, always beginning with parameter sets
   * (V380 and others with the same server). Slices are not searched: that would cost as much as all the rest.
   */
  complete(): void {
    const { bytes, length } = this.#storage;
    this.#storage.complete();
    const start = this.#storage.lastStart;
    if (start === length) this.#storage.takeLast();
    else if (this.#rules.kind(bytes, start) === 'slice' && bytes[start] !== 0) this.#nal();
    else if (hasStartCode(bytes, start, length)) this.#split();
    else this.#nal();
  }

  /** What is left is lost; nothing comes after this. */
  end(): void {
    this.#storage.end();
  }

  /** After the NAL units of a packet. */
  endPacket(marker: boolean): void {
    if (!marker || !this.#hasSlice) return;
    this.#marked = true;
    if (this.#marker === 'trusted' && this.#own === undefined) this.#finish(this.#storage.count);
  }

  #split(): void {
    const parts = splitStartCodes(this.#storage.takeLast(), MAX_UNIT_NALS + 1);
    if (parts.length > MAX_UNIT_NALS) {
      this.#giveUp();
      return;
    }
    for (const part of parts) {
      this.#storage.begin();
      this.#storage.add(part, 0, part.length);
      this.#storage.complete();
      this.#nal();
    }
  }

  /** Judges the last NAL unit of the storage. */
  #nal(): void {
    const kind = this.#rules.kind(this.#storage.bytes, this.#storage.lastStart);
    if (kind === 'slice') this.#slice();
    else if (this.#hasSlice && kind !== 'trailing') this.#own ??= this.#storage.count - 1;
    if (this.#storage.count > MAX_UNIT_NALS) this.#giveUp();
  }

  #slice(): void {
    const at = this.#storage.lastStart;
    const key = this.#rules.isKey(this.#storage.bytes, at);
    const starts = this.#rules.startsPicture(this.#storage.bytes, at);
    const opensNext = this.#own !== undefined || this.#marked;
    if (this.#hasSlice && opensNext) {
      if (starts) this.#finish(this.#own ?? this.#storage.count - 1);
      else this.#continues();
    } else if (!this.#hasSlice && !starts) {
      // The beginning of the picture is missing, or the marker ended the unit too early.
      this.#damaged = true;
      if (this.#timestamp === this.#lastTimestamp) this.#marker = 'untrusted';
    }
    this.#hasSlice = true;
    this.#key ||= key;
  }

  /** The picture goes on behind a marker, or behind what should have opened the next one. */
  #continues(): void {
    if (this.#marked) this.#marker = 'untrusted';
    this.#own = undefined;
  }

  #giveUp(): void {
    this.#dropped += 1;
    this.#storage.abandon();
    this.#storage.clear();
    this.#reset();
    this.#damaged = true;
  }

  /** @param count how many NAL units of the storage are of this unit */
  #finish(count: number): void {
    if (this.#marker === 'unknown') this.#marker = this.#marked ? 'trusted' : 'unknown';
    const unit = {
      ...this.#storage.takeFirst(count),
      timestamp: this.#timestamp,
      key: this.#key,
      damaged: this.#damaged,
      receivedMonotonicMs: this.#receivedMonotonicMs,
    };
    this.#lastTimestamp = this.#timestamp;
    this.#reset();
    this.#out(unit);
  }

  #reset(): void {
    this.#own = undefined;
    this.#hasSlice = false;
    this.#key = false;
    this.#damaged = false;
    this.#marked = false;
  }
}

const START_CODE = Buffer.from([0, 0, 1]);

function hasStartCode(bytes: Buffer, from: number, until: number): boolean {
  return bytes.subarray(from, until).includes(START_CODE);
}
