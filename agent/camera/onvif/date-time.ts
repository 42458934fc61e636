export interface DateTimeFields {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  /** May have a fraction; 60 is a leap second. */
  readonly second: number;
}

/** Unix milliseconds of a date in UTC; undefined when it does not exist. */
export function utcMs({ year, month, day, hour, minute, second }: DateTimeFields): number | undefined {
  if (!(hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 && second < 61))
    return undefined;
  if (!(year >= 1 && year <= 9999)) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? date.getTime() + Math.round((hour * 3600 + minute * 60 + second) * 1000) : undefined;
}

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d(?:\.\d{1,20})?)(?:Z|([+-])(\d\d):?(\d\d))?$/i;

/**
 * Unix milliseconds of an `xs:dateTime`; without a zone it is UTC, as ONVIF asks. Undefined when it cannot be read or
 * does not exist.
 */
export function parseDateTime(text: string): number | undefined {
  const match = DATE_TIME.exec(text.trim());
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const ms = utcMs({ year, month, day, hour, minute, second });
  const zoneMs = (Number(match[8] ?? 0) * 60 + Number(match[9] ?? 0)) * 60_000;
  if (ms === undefined || zoneMs > 14 * 3_600_000) return undefined;
  return match[7] === '-' ? ms + zoneMs : ms - zoneMs;
}
