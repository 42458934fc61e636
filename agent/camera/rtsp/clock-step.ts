/** The best word of some time on the clock of a camera. */
export interface Best {
  readonly atMs: number;
  /** Wall time of the camera minus monotonic time of the box. */
  readonly difference: number;
}

/** A step shows in so many of the best words in a row: all words of a shorter time may have come late. */
export const WORDS_OF_STEP = 2;
/** What they are held against: at least, and at most. Source: guess. */
const [MIN_BEFORE, MAX_BEFORE] = [3, 10];
/** Smaller steps are not told from words that all come late. Source: guess; our own rests are at most 60 ms. */
const LEAST_STEP_MS = 100;
/** Where the words come unevenly, a step is above so many times what is usual. Source: guess. */
const TIMES_UNEVEN = 6;
/** What an unknown drift may make of the time between. Source: crystals of cameras, 20 to 100 ppm. */
const MAX_DRIFT = 100e-6;

/**
 * Whether the clock was set by little before the last of these words: they agree with each other and not with those
 * before, although all of them came as well as usual.
 */
export function endsInStep(words: readonly Best[]): boolean {
  const before = words.slice(0, -WORDS_OF_STEP).slice(-MAX_BEFORE);
  const after = words.slice(-WORDS_OF_STEP);
  const [last, first] = [before.at(-1), after[0]];
  if (!last || !first || before.length < MIN_BEFORE) return false;
  const slope = medianSlope(before);
  const line = (atMs: number) => median(before.map((one) => one.difference + slope * (atMs - one.atMs)));
  const off = (one: Best) => one.difference - line(one.atMs);
  const uneven = median(before.map((one) => Math.abs(off(one))));
  const leastMs = Math.max(LEAST_STEP_MS, TIMES_UNEVEN * uneven) + MAX_DRIFT * (first.atMs - last.atMs);
  const offs = after.map(off);
  const [low, high] = [Math.min(...offs), Math.max(...offs)];
  return (low > leastMs || high < -leastMs) && high - low <= leastMs;
}

/** @see Theil–Sen estimator: up to a quarter of the points may be wrong */
export function medianSlope(points: readonly Best[]): number {
  return median(
    points.flatMap((a, index) =>
      points.slice(index + 1).map((b) => (b.difference - a.difference) / (b.atMs - a.atMs)),
    ),
  );
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
