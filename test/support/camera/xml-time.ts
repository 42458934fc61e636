const SECONDS_MS = 1000;
const MINUTES_MS = 60 * SECONDS_MS;
const HOURS_MS = 60 * MINUTES_MS;
const DAYS_MS = 24 * HOURS_MS;

/** `xs:duration` in milliseconds; months count 30 days. Undefined when it is none. @see XML Schema part 2 §3.2.6 */
export function durationMs(text: string): number | undefined {
  const form = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
  const parts = form.exec(text);
  if (!parts || text === 'P' || text.endsWith('T')) return undefined;
  const [years, months, days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  const dayCount = (years ?? 0) * 365 + (months ?? 0) * 30 + (days ?? 0);
  const clockMs = (hours ?? 0) * HOURS_MS + (minutes ?? 0) * MINUTES_MS + (seconds ?? 0) * SECONDS_MS;
  return dayCount * DAYS_MS + clockMs;
}

/** `wsnt:AbsoluteOrRelativeTimeType`: how long from now, in milliseconds. */
export function fromNowMs(text: string, nowWallMs: number): number | undefined {
  const relative = durationMs(text);
  if (relative !== undefined) return relative;
  const absolute = Date.parse(text);
  return Number.isNaN(absolute) ? undefined : absolute - nowWallMs;
}

/** `xs:dateTime` in UTC. */
export function dateTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
