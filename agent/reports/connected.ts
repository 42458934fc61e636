import { createHash } from 'node:crypto';
import { dayEndMs, dayStartMs, daysIn, type Period } from '../base/days.ts';
import type { Span } from '../store/store.ts';
import { clipped, lengthMs } from './stretches.ts';

/** How many cameras were connected on a day of Europe/Paris. */
export interface ConnectedDay {
  readonly day: string;
  /** In the configuration for at least part of the day, and not disabled all day. */
  readonly configured: number;
  /** Of those: seen at work for a minute at least. */
  readonly connected: number;
  readonly cameras: readonly string[];
  /** SHA-256 of the ids of the connected ones, sorted, joined by line feeds. */
  readonly hash: string;
}

/** Less than this is no day of service. Source: guess. */
const LEAST_MS = 60_000;

/** @param nowMs days that have not begun are left out */
export function connectedDays(spans: readonly Span[], period: Period, nowMs: number): ConnectedDay[] {
  const cameras = spans.filter(({ subject, track }) => subject.startsWith('cam-') && track === 'health');
  const days = daysIn(period).filter((day) => dayStartMs(day) < nowMs);
  return days.map((day) => connectedDay(day, cameras));
}

function connectedDay(day: string, spans: readonly Span[]): ConnectedDay {
  const own = clipped(spans, { fromMs: dayStartMs(day), untilMs: dayEndMs(day) });
  const configured = own.filter(({ state }) => state !== 'absent' && state !== 'disabled');
  const worked = configured.filter(({ state }) => state === 'ok' || state === 'degraded');
  const seen = Map.groupBy(worked, ({ subject }) => subject);
  const cameras = [...seen].filter(([, of]) => lengthMs(of) >= LEAST_MS).map(([id]) => id);
  cameras.sort();
  return {
    day,
    configured: new Set(configured.map(({ subject }) => subject)).size,
    connected: cameras.length,
    cameras,
    hash: createHash('sha256').update(cameras.join('\n')).digest('hex'),
  };
}
