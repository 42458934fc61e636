import { DAYS, type HoursWindow } from '../contract/lease-terms.ts';

const DAY_MINUTES = 24 * 60;
const WEEK_MINUTES = 7 * DAY_MINUTES;

/** The local time of every allowed hour; daylight saving time comes with it. */
const PARIS = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/Paris',
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** Whether the time lies in one of the windows; their ends are not in them. @param wallMs Unix ms */
export function isWithinHours(windows: readonly HoursWindow[], wallMs: number): boolean {
  const now = minuteOfWeek(wallMs);
  return windows.some((window) => window.days.some((day) => covers(DAYS.indexOf(day), window, now)));
}

function covers(day: number, { from, to }: HoursWindow, now: number): boolean {
  const begin = day * DAY_MINUTES + minutesOf(from);
  const length = (minutesOf(to) - minutesOf(from) + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
  return (now - begin + WEEK_MINUTES) % WEEK_MINUTES < length;
}

function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

function minuteOfWeek(wallMs: number): number {
  const parts = Object.fromEntries(PARIS.formatToParts(wallMs).map(({ type, value }) => [type, value]));
  const day = DAYS.indexOf((parts.weekday ?? '').toLowerCase() as (typeof DAYS)[number]);
  return day * DAY_MINUTES + Number(parts.hour) * 60 + Number(parts.minute);
}
