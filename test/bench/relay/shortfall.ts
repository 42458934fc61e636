/** What each camera of the bench sends. */
const FPS = 25;
/** A fragment or two stand on either side of both ends of the measured time. */
const SLACK_FRAMES = FPS / 2;

/**
 * Pictures that should have come and did not: a camera or destination that is silent leaves no hole in any numbering.
 * @param frames that came, by channel (one camera to one destination)
 * @param channels how many there are
 */
export function shortfall(
  frames: Readonly<Record<string, number>>,
  channels: number,
  seconds: number,
): number {
  const came = Object.values(frames);
  const silent = Array<number>(Math.max(0, channels - came.length)).fill(0);
  const missing = [...came, ...silent].map((count) => Math.round(FPS * seconds) - count);
  return missing.filter((count) => count > SLACK_FRAMES).reduce((sum, count) => sum + count, 0);
}
