import { createHash } from 'node:crypto';
import { dayEndMs, dayStartMs, daysIn, type Period } from '../base/days.ts';
import type { Span } from '../store/store.ts';
import { firstEndingAfter, type Stretch } from './stretches.ts';

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

/** Counts the connected cameras of each day of a period, camera by camera. */
export class ConnectedDays {
  readonly #days: readonly Day[];

  /** @param nowMs days that have not begun are left out */
  constructor(period: Period, nowMs: number) {
    this.#days = daysIn(period)
      .map((day) => ({ day, fromMs: dayStartMs(day), untilMs: dayEndMs(day), workMs: new Map() }))
      .filter(({ fromMs }) => fromMs < nowMs);
  }

  /** Whatever is no camera is left out. */
  take(spans: readonly Span[]): void {
    for (const span of spans)
      if (span.subject.startsWith('cam-') && span.track === 'health') enter(span, this.#days);
  }

  get days(): ConnectedDay[] {
    return this.#days.map(connectedDay);
  }
}

interface Day extends Stretch {
  readonly day: string;
  /** How long each camera that is configured was at work. */
  readonly workMs: Map<string, number>;
}

/** @param days in order */
function enter({ subject, state, fromMs, untilMs }: Span, days: readonly Day[]): void {
  if (state === 'absent' || state === 'disabled') return;
  const isWork = state === 'ok' || state === 'degraded';
  for (let at = firstEndingAfter(days, fromMs); at < days.length; at += 1) {
    const day = days[at];
    if (!day || day.fromMs >= untilMs) return;
    const ms = Math.min(untilMs, day.untilMs) - Math.max(fromMs, day.fromMs);
    day.workMs.set(subject, (day.workMs.get(subject) ?? 0) + (isWork ? ms : 0));
  }
}

function connectedDay({ day, workMs }: Day): ConnectedDay {
  const cameras = [...workMs].filter(([, ms]) => ms >= LEAST_MS).map(([id]) => id);
  cameras.sort();
  return {
    day,
    configured: workMs.size,
    connected: cameras.length,
    cameras,
    hash: createHash('sha256').update(cameras.join('\n')).digest('hex'),
  };
}
