/** How sharp each square of a view is when all is well. */
export interface LearntFocus {
  /** Pixels over which its sharpest edge rises; 0 until it showed one. */
  readonly rise: Float32Array;
  /** Share of the looks in which it showed one. */
  readonly seen: Float32Array;
  /** Mean distance of a look from `rise`, as a share of it. */
  readonly spread: Float32Array;
}

/** How a look stands to that. */
export interface FocusChange {
  /** Squares that were held against themselves. */
  readonly squares: number;
  /** How many times as broad the edges are in the middle one of them, and in the one below three quarters of them. */
  readonly median: number;
  readonly lowerQuarter: number;
}

/** Tenths of a pixel: what the numbers count in. */
const TENTH = 0.1;
/** A square can be relied on that showed an edge in most looks, about as sharp each time, and sharp at all. */
const OFTEN = 0.6;
const STEADY = 0.25;
const SHARP_PX = 6;
/** Fewer such squares, and the view says nothing of the focus. Source: tuning scenes of `npm run bench -- picture`. */
const MIN_SQUARES = 14;
/** So many of them must still show an edge. */
const MIN_STILL_THERE = 6;

export function firstFocus(rises: readonly number[]): LearntFocus {
  return {
    rise: Float32Array.from(rises, (tenths) => tenths * TENTH),
    seen: Float32Array.from(rises, (tenths) => (tenths > 0 ? 1 : 0)),
    spread: new Float32Array(rises.length),
  };
}

/** The mean with another look in it, which counts for `share` of it. */
export function learnFocus(
  { rise, seen, spread }: LearntFocus,
  rises: readonly number[],
  share: number,
): LearntFocus {
  const now = Float32Array.from(rises, (tenths) => tenths * TENTH);
  const mixed = (before: number, value: number) => before + share * (value - before);
  const isKnown = (square: number) => (now[square] ?? 0) > 0 && (rise[square] ?? 0) > 0;
  const away = (square: number) => Math.abs((now[square] ?? 0) / (rise[square] ?? 1) - 1);
  return {
    rise: rise.map((before, square) =>
      isKnown(square) ? mixed(before, now[square] ?? 0) : before || (now[square] ?? 0),
    ),
    seen: seen.map((before, square) => mixed(before, (now[square] ?? 0) > 0 ? 1 : 0)),
    spread: spread.map((before, square) => (isKnown(square) ? mixed(before, away(square)) : before)),
  };
}

/** The view has enough sharp edges that stay to tell its focus by. */
export function showsFocus(focus: LearntFocus): boolean {
  return reliable(focus).length >= MIN_SQUARES;
}

/** @returns undefined where too little is there to tell by, or too little is left of it */
export function focusChange(rises: readonly number[], focus: LearntFocus): FocusChange | undefined {
  const squares = reliable(focus);
  if (squares.length < MIN_SQUARES) return undefined;
  const times = squares.flatMap((square) => {
    const now = (rises[square] ?? 0) * TENTH;
    return now > 0 ? [now / (focus.rise[square] ?? now)] : [];
  });
  if (times.length < MIN_STILL_THERE) return undefined;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 1;
  return { squares: times.length, median: at(0.5), lowerQuarter: at(0.25) };
}

function reliable({ rise, seen, spread }: LearntFocus): number[] {
  const squares = Array.from(rise.keys());
  return squares.filter((square) => {
    const isSharp = (rise[square] ?? 0) > 0 && (rise[square] ?? 0) <= SHARP_PX;
    return isSharp && (seen[square] ?? 0) >= OFTEN && (spread[square] ?? 1) <= STEADY;
  });
}
