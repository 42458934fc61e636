import { localDate } from './schedule.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How far Europe/Paris is ahead of UTC, winter and summer. */
const OFFSETS_MS = [HOUR_MS, 2 * HOUR_MS];

/** Days of Europe/Paris, `2026-10-01`; both belong to it. */
export interface Period {
  readonly from: string;
  readonly to: string;
}

/** Whether the text is a day of the calendar, from 2000 on. */
export function isDay(text: string): boolean {
  if (!/^2\d{3}-\d{2}-\d{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(ms) && isoDay(ms) === text;
}

/** Whether the text is a month, `2026-10`. */
export function isMonth(text: string): boolean {
  return isDay(`${text}-01`);
}

/** @param month as `isMonth` takes it */
export function daysOfMonth(month: string): Period {
  const from = `${month}-01`;
  const inNext = isoDay(utcOf(from) + 31 * DAY_MS);
  return { from, to: isoDay(utcOf(`${inNext.slice(0, 7)}-01`) - DAY_MS) };
}

/** The month before the one of this moment. @param wallMs Unix ms */
export function monthBefore(wallMs: number): string {
  return isoDay(utcOf(`${localDate(wallMs).slice(0, 7)}-01`) - DAY_MS).slice(0, 7);
}

/** Every day of the period, in order. */
export function daysIn({ from, to }: Period): string[] {
  const count = Math.round((utcOf(to) - utcOf(from)) / DAY_MS) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => isoDay(utcOf(from) + index * DAY_MS));
}

/** The midnight with which the day begins in Europe/Paris, Unix ms: clocks change at two or three, never at midnight. */
export function dayStartMs(day: string): number {
  const starts = OFFSETS_MS.map((offsetMs) => utcOf(day) - offsetMs);
  // The earlier one lies on the day before where the other is right.
  return starts.findLast((ms) => localDate(ms) === day && localDate(ms - 1) !== day) ?? utcOf(day) - HOUR_MS;
}

/** The midnight with which the day ends. */
export function dayEndMs(day: string): number {
  return dayStartMs(isoDay(utcOf(day) + DAY_MS));
}

function utcOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`);
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
