import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, pssMb } from '../support/processes.ts';
import { makeFootage } from './footage.ts';
import type { Figure, Figures } from './main.ts';
import { Cameras, Sink } from './relay/processes.ts';
import { OURS, VARIANTS, type Variant } from './relay/variants.ts';

/** `RELAY_COUNTS=20 RELAY_VARIANTS=mqtt,ffmpeg` runs a part. */
const COUNTS = (process.env.RELAY_COUNTS ?? '1,8,20,40').split(',').map(Number);
const NAMES = (process.env.RELAY_VARIANTS ?? Object.keys(VARIANTS).join(',')).split(',');
/** The delay inside the process is told of this many cameras. */
const INSIDE_COUNT = 20;
/** Running time before anything is read: caches are full, code is compiled. */
const SETTLE_MS = 15_000;
const MEASURED_MS = 30_000;

interface Cost {
  readonly cpuSecondsPerCameraMinute: number;
  readonly mbPerCamera: number;
  readonly framesLost: number;
  readonly insideMs: readonly number[];
}
type Costs = ReadonlyMap<string, Cost>;

/**
 * What it costs to carry pictures: the video process alone, over plain TCP, from cameras of 1080p, 25 frames per second
 * and 4 Mbit/s, beside one ffmpeg per camera and beside a process that only moves the bytes. Same cameras, same sink.
 */
export async function relay(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  try {
    const file = join(folder, 'footage.h264');
    await makeFootage(file);
    const figures: Figures = {};
    const lost: number[] = [];
    for (const count of COUNTS) {
      const costs = await costsOf(file, count);
      Object.assign(figures, figuresOf(costs, count));
      lost.push(...OURS.map((name) => costs.get(name)?.framesLost ?? 0));
    }
    figures.frames_lost = { value: lost.reduce((sum, one) => sum + one, 0), unit: '' };
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function costsOf(file: string, count: number): Promise<Costs> {
  const costs = new Map<string, Cost>();
  for (const [name, variant] of Object.entries(VARIANTS)) {
    if (NAMES.includes(name)) costs.set(name, await costOf(file, count, variant));
  }
  return costs;
}

async function costOf(file: string, count: number, variant: Variant): Promise<Cost> {
  const cameras = await Cameras.start(file, count);
  const sink = await Sink.start(cameras.urls[0] ?? '');
  const running = await variant(cameras.urls, sink.ports);
  try {
    await delay(SETTLE_MS);
    await sink.figures();
    const [before, beganMs] = [await sum(running.pids, cpuSeconds), performance.now()];
    await delay(MEASURED_MS);
    const used = (await sum(running.pids, cpuSeconds)) - before;
    const cameraMinutes = (count * (performance.now() - beganMs)) / 60_000;
    const { framesLost, insideMs } = await sink.figures();
    return {
      cpuSecondsPerCameraMinute: used / cameraMinutes,
      mbPerCamera: (await sum(running.pids, pssMb)) / count,
      framesLost,
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
  for (const [name, cost] of costs) {
    figures[`cpu_s_${name}_${count}`] = rounded(cost.cpuSecondsPerCameraMinute, 's per camera-minute');
    figures[`mb_${name}_${count}`] = rounded(cost.mbPerCamera, 'MB per camera');
  }
  const [mqtt, rtsp, ffmpeg, floor] = ['mqtt', 'rtsp', 'ffmpeg', 'floor'].map((name) => costs.get(name));
  if (mqtt && ffmpeg) {
    const { cpuSecondsPerCameraMinute: cpu, mbPerCamera: mb } = ffmpeg;
    figures[`cpu_ratio_ffmpeg_${count}`] = rounded(mqtt.cpuSecondsPerCameraMinute / cpu, '');
    figures[`mem_ratio_ffmpeg_${count}`] = rounded(mqtt.mbPerCamera / mb, '');
  }
  if (rtsp && floor) {
    const ratio = rtsp.cpuSecondsPerCameraMinute / floor.cpuSecondsPerCameraMinute;
    figures[`cpu_ratio_floor_${count}`] = rounded(ratio, '');
  }
  if (mqtt && count === INSIDE_COUNT) {
    figures.fragment_inside_ms_p50 = rounded(quantile(mqtt.insideMs, 0.5), 'ms');
    figures.fragment_inside_ms_p99 = rounded(quantile(mqtt.insideMs, 0.99), 'ms');
  }
  return figures;
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
