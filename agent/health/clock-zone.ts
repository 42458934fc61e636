/** Time zones lie half an hour apart, and 14 hours at most; a clock that is also a minute wrong is recognised. */
const STEP_MS = 1_800_000;
const MAX_MS = 14 * 3_600_000;
const SLACK_MS = 60_000;

/** @returns the error of a clock in hours, such as `+1 h`, where it is one of the time zone or of daylight saving */
export function zoneError(offsetMs: number): string | undefined {
  const steps = Math.round(offsetMs / STEP_MS);
  const isOfZone =
    steps !== 0 &&
    Math.abs(offsetMs) <= MAX_MS + SLACK_MS &&
    Math.abs(offsetMs - steps * STEP_MS) <= SLACK_MS;
  return isOfZone ? `${steps > 0 ? '+' : '-'}${Math.abs(steps) / 2} h` : undefined;
}
