import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, pssMb } from '../support/processes.ts';
import { makeFootage } from './footage.ts';
import type { BenchOptions, Figure, Figures } from './main.ts';
import { Cameras, Sink } from './relay/processes.ts';
import { shortfall } from './relay/shortfall.ts';
import { COUNTED, OURS, VARIANTS, type VariantName } from './relay/variants.ts';

const COUNTS = [1, 8, 20, 40];
const NAMES = Object.keys(VARIANTS) as VariantName[];
/** Running time before anything is read: caches are full, code is compiled. */
const SETTLE_MS = 15_000;
const MEASURED_MS = 30_000;

interface Cost {
  readonly cpuSecondsPerCameraMinute: number;
  readonly mbPerCamera: number;
  readonly framesLost: number;
  readonly insideMs: readonly number[];
}
type Costs = Readonly<Record<VariantName, Cost>>;

/**
 * What it costs to carry pictures: the video process alone, over plain TCP, from cameras of 1080p, 25 frames per second
 * and 4 Mbit/s, beside one ffmpeg per camera and beside a process that only moves the bytes. Same cameras, same sink.
 */
export async function relay({ counts = COUNTS }: BenchOptions): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  try {
    const file = join(folder, 'footage.h264');
    await makeFootage(file);
    const figures: Figures = {};
    const lost: number[] = [];
    const inside: number[] = [];
    for (const count of counts) {
      const costs = await costsOf(file, count);
      Object.assign(figures, figuresOf(costs, count));
      lost.push(...OURS.map((name) => costs[name].framesLost));
      inside.push(...costs.mqtt.insideMs);
    }
    figures.frames_lost = { value: lost.reduce((sum, one) => sum + one, 0), unit: '' };
    return { ...figures, ...insideFigures(inside) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function costsOf(file: string, count: number): Promise<Costs> {
  const costs: Partial<Record<VariantName, Cost>> = {};
  for (const name of NAMES) costs[name] = await costOf(file, count, name);
  return costs as Costs;
}

async function costOf(file: string, count: number, name: VariantName): Promise<Cost> {
  const cameras = await Cameras.start(file, count);
  const sink = await Sink.start(cameras.urls[0] ?? '');
  const running = await VARIANTS[name](cameras.urls, sink.ports);
  try {
    await delay(SETTLE_MS);
    await sink.figures();
    const [before, beganMs] = [await sum(running.pids, cpuSeconds), performance.now()];
    await delay(MEASURED_MS);
    const used = (await sum(running.pids, cpuSeconds)) - before;
    const seconds = (performance.now() - beganMs) / 1000;
    const { frames, framesLost, insideMs } = await sink.figures();
    const missing = shortfall(frames, count * COUNTED[name], seconds);
    return {
      cpuSecondsPerCameraMinute: (used * 60) / (count * seconds),
      mbPerCamera: (await sum(running.pids, pssMb)) / count,
      framesLost: Math.max(framesLost, missing),
      insideMs,
    };
  } finally {
    await running.stop();
    await sink.stop();
    await cameras.stop();
  }
}

function figuresOf(costs: Costs, count: number): Figures {
  const figures: Record<string, Figure> = {};
  for (const name of NAMES) {
    figures[`cpu_s_${name}_${count}`] = rounded(costs[name].cpuSecondsPerCameraMinute, 's per camera-minute');
    figures[`mb_${name}_${count}`] = rounded(costs[name].mbPerCamera, 'MB per camera');
  }
  const { mqtt, rtsp, ffmpeg, floor } = costs;
  const cpu = (one: Cost, other: Cost) => one.cpuSecondsPerCameraMinute / other.cpuSecondsPerCameraMinute;
  return {
    ...figures,
    [`cpu_ratio_ffmpeg_${count}`]: rounded(cpu(mqtt, ffmpeg), ''),
    [`mem_ratio_ffmpeg_${count}`]: rounded(mqtt.mbPerCamera / ffmpeg.mbPerCamera, ''),
    [`cpu_ratio_floor_${count}`]: rounded(cpu(rtsp, floor), ''),
  };
}

/** How long a fragment stays inside the process; no figure where nothing was sampled. */
function insideFigures(insideMs: readonly number[]): Figures {
  if (insideMs.length === 0) return {};
  return {
    fragment_inside_ms_p50: rounded(quantile(insideMs, 0.5), 'ms'),
    fragment_inside_ms_p99: rounded(quantile(insideMs, 0.99), 'ms'),
    fragment_inside_samples: rounded(insideMs.length, ''),
  };
}

async function sum(pids: readonly number[], read: (pid: number) => Promise<number>): Promise<number> {
  const values = await Promise.all(pids.map(read));
  return values.reduce((total, value) => total + value, 0);
}

function rounded(value: number, unit: string): Figure {
  return { value: Math.round(value * 1000) / 1000, unit };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
