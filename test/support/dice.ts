/**
 * Random choices that one number repeats: cheap enough for a hundred thousand cases. Source: mulberry32 by Tommy
 * Ettinger, public domain.
 */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  /** True once in so many times. */
  once(inSoMany: number): boolean {
    return this.below(inSoMany) === 0;
  }

  pick<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new RangeError('nothing to pick from');
    return one;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i += 1) bytes[i] = this.below(256);
    return bytes;
  }

  /** So many things, made one after the other. */
  list<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }
}

/** Bytes at which readers of lengths, flags and text stumble. */
const ODD_BYTES = [0x00, 0x01, 0x03, 0x0a, 0x0d, 0x20, 0x24, 0x2c, 0x3b, 0x3d, 0x7f, 0x80, 0xff];

const FAULTS: readonly ((dice: Dice, bytes: Buffer, others: readonly Buffer[]) => Buffer)[] = [
  (dice, bytes) => put(bytes, dice.below(bytes.length), dice.below(256)),
  (dice, bytes) => put(bytes, dice.below(bytes.length), dice.pick(ODD_BYTES)),
  (dice, bytes) => {
    const at = dice.below(bytes.length);
    return put(bytes, at, (bytes[at] ?? 0) ^ (1 << dice.below(8)));
  },
  (dice, bytes) => bytes.subarray(0, dice.below(bytes.length + 1)),
  (dice, bytes) => replace(bytes, dice.below(bytes.length), dice.below(8), Buffer.alloc(0)),
  (dice, bytes) => replace(bytes, dice.below(bytes.length), 0, dice.bytes(1 + dice.below(8))),
  (dice, bytes) => {
    const piece = pieceOf(dice, bytes);
    return replace(
      bytes,
      dice.below(bytes.length),
      0,
      Buffer.concat(dice.list(1 + dice.below(3), () => piece)),
    );
  },
  (dice, bytes, others) => {
    const piece = pieceOf(dice, dice.pick(others));
    return replace(bytes, dice.below(bytes.length), dice.below(piece.length + 1), piece);
  },
];

/** A copy with up to four faults; pieces of `others` are mixed in. */
export function damaged(dice: Dice, bytes: Buffer, others: readonly Buffer[] = [bytes]): Buffer {
  let copy = Buffer.from(bytes);
  for (let left = dice.below(5); left > 0 && copy.length > 0; left -= 1) {
    copy = dice.pick(FAULTS)(dice, copy, others) as typeof copy;
  }
  return copy;
}

function put(bytes: Buffer, at: number, value: number): Buffer {
  bytes[at] = value;
  return bytes;
}

function replace(bytes: Buffer, at: number, length: number, by: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]);
}

function pieceOf(dice: Dice, bytes: Buffer): Buffer {
  const from = dice.below(bytes.length);
  return bytes.subarray(from, from + 1 + dice.below(60));
}
