import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../../agent/base/clock.ts';
import { daysOfMonth, monthBefore, type Period } from '../../agent/base/days.ts';
import { createLog } from '../../agent/base/log.ts';
import { reportTables } from '../../agent/cli/report-csv.ts';
import { reportMarkdown } from '../../agent/cli/report-markdown.ts';
import { factsOnDisk } from '../../agent/reports/facts.ts';
import { composeReport, stretchOf } from '../../agent/reports/report.ts';
import { ReportRoom } from '../../agent/reports/room.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';
import { readTimelineOf } from '../../agent/store/read-timeline.ts';
import type { Span } from '../../agent/store/store.ts';
import type { Figures } from './main.ts';

const SITE = '57463-mairie';
const CAMERAS = 64;
const DAY_MS = 86_400_000;
/** A camera is well, has a lesser fault, is well and is down, again and again. */
const STATES = ['ok', 'degraded', 'ok', 'down'] as const;
const LAW_TRACKS = ['law-rate', 'law-clock', 'law-masks'];

/** How often a camera changes, and for how many days back. */
interface Past {
  readonly changesPerDay: number;
  readonly days: number;
}

/** Thirteen months of it are what the timeline keeps; the other fills the timeline in a month. */
const PASTS: Readonly<Record<string, Past>> = {
  report: { changesPerDay: 10, days: 395 },
  flapping: { changesPerDay: 190, days: 31 },
};

/**
 * How long the report on a month of 64 cameras takes: as the box publishes it while it does everything else, with the
 * longest time in which nothing else could run, and as `beffroi report` writes it from the disk.
 */
export async function report(): Promise<Figures> {
  const all: Figures = {};
  for (const [name, past] of Object.entries(PASTS)) Object.assign(all, await measured(name, past));
  return all;
}

async function measured(name: string, past: Past): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  const store = opened(folder);
  try {
    const period = daysOfMonth(monthBefore(Date.now()));
    const spans = fill(store, stretchOf(period).untilMs, past);
    const published = await publish(store, period);
    const writtenMs = write(folder, period);
    const ms = (value: number) => ({ value: Math.round(value * 10) / 10, unit: 'ms' });
    return {
      [`${name}_spans`]: { value: spans, unit: 'spans' },
      [`${name}_published_ms`]: ms(published.tookMs),
      [`${name}_longest_hold_ms`]: ms(published.heldMs),
      [`${name}_written_ms`]: ms(writtenMs),
    };
  } finally {
    store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function opened(folder: string): SqliteStore {
  const log = createLog('error', { write: () => undefined });
  const sign = () => Buffer.alloc(64);
  return openStore(folder, { clock: systemClock, clockTrust: () => 'synced', log, sign });
}

/** Writes what the box would have written up to then. @returns how many spans */
function fill(store: SqliteStore, untilMs: number, { changesPerDay, days }: Past): number {
  const fromMs = untilMs - days * DAY_MS;
  const stepMs = DAY_MS / changesPerDay;
  let count = 0;
  for (let n = 0; n < CAMERAS; n += 1) {
    const health = Array.from({ length: changesPerDay * days }, (_, i) =>
      span(`cam-${n}`, 'health', STATES[i % 4] ?? 'ok', fromMs + i * stepMs, fromMs + (i + 1) * stepMs),
    );
    const law = LAW_TRACKS.map((track) => span(`cam-${n}`, track, 'ok', fromMs, untilMs));
    store.timeline.write({
      ...{ ended: [...health, ...law], open: [], closed: [], figures: [], planned: [] },
      knownMs: untilMs,
    });
    count += health.length + law.length;
  }
  return count;
}

function span(subject: string, track: string, state: string, fromMs: number, untilMs: number): Span {
  const isDown = state === 'down';
  return {
    ...{ subject, track, state, via: '', noticedMs: isDown ? 4_000 : -1 },
    ...{ cause: isDown ? 'camera-unreachable' : 'none', side: isDown ? 'camera' : 'none' },
    ...{ fromMs: Math.round(fromMs), untilMs: Math.round(untilMs) },
  };
}

async function publish(store: SqliteStore, period: Period): Promise<{ tookMs: number; heldMs: number }> {
  const room = new ReportRoom({
    ...{ site: SITE, clock: systemClock, clockTrust: () => 'synced' },
    log: createLog('error', { write: () => undefined }),
    ...{ memory: store.memory, register: store.register, timeline: store.timeline },
    transaction: <T>(work: () => T) => store.transaction(work),
    reporter: { event: () => undefined },
    look: () => ({ seen: [], windows: [], figures: [] }),
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const beganMs = performance.now();
  await room.publish(period, new AbortController().signal);
  const tookMs = performance.now() - beganMs;
  delay.disable();
  return { tookMs, heldMs: delay.max / 1e6 };
}

/** @returns how long it took to read, put together and write down, ms */
function write(folder: string, period: Period): number {
  const beganMs = performance.now();
  const { fromMs, untilMs } = stretchOf(period);
  const { memory, ...disk } = readTimelineOf(folder, fromMs, untilMs);
  const made = composeReport({ site: SITE, period, nowMs: Date.now(), ...disk, ...factsOnDisk(memory) });
  const texts = [reportMarkdown(made), ...Object.values(reportTables(made))];
  if (texts.join('').length === 0) throw new RangeError('expected a report, came nothing');
  return performance.now() - beganMs;
}
