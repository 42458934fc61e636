import { DAYS, type HoursWindow } from '../contract/lease-terms.ts';

type Day = HoursWindow['days'][number];

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
  return windows.some((window) => window.days.some((day) => covers(day, window, now)));
}

/** The allowed minutes of the week, from Monday 00:00: 1 where a channel may be open. */
export function weekOf(windows: readonly HoursWindow[]): Uint8Array {
  const week = new Uint8Array(WEEK_MINUTES);
  for (const window of windows)
    for (const day of window.days)
      for (let minute = 0, begin = beginOf(day, window); minute < lengthOf(window); minute += 1)
        week[(begin + minute) % WEEK_MINUTES] = 1;
  return week;
}

function covers(day: Day, window: HoursWindow, now: number): boolean {
  return (now - beginOf(day, window) + WEEK_MINUTES) % WEEK_MINUTES < lengthOf(window);
}

function beginOf(day: Day, { from }: HoursWindow): number {
  return DAYS.indexOf(day) * DAY_MINUTES + minutesOf(from);
}

function lengthOf({ from, to }: HoursWindow): number {
  return (minutesOf(to) - minutesOf(from) + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
}

function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
}

function minuteOfWeek(wallMs: number): number {
  const parts = Object.fromEntries(PARIS.formatToParts(wallMs).map(({ type, value }) => [type, value]));
  const day = DAYS.indexOf((parts.weekday ?? '').toLowerCase() as (typeof DAYS)[number]);
  return day * DAY_MINUTES + Number(parts.hour) * 60 + Number(parts.minute);
}
