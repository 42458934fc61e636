import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, pssMb } from '../support/processes.ts';
import { makeFootage } from './footage.ts';
import type { Figures } from './main.ts';
import { Cameras, Sink } from './relay/processes.ts';
import { VARIANTS, type Variant } from './relay/variants.ts';

const COUNTS = (process.env.RELAY_COUNTS ?? '1,8,20,40').split(',').map(Number);
const NAMES = (process.env.RELAY_VARIANTS ?? Object.keys(VARIANTS).join(',')).split(',');
/** Running time before anything is read. */
const SETTLE_MS = Number(process.env.RELAY_SETTLE_MS ?? 15_000);
const MEASURED_MS = Number(process.env.RELAY_MEASURED_MS ?? 30_000);

interface Cost {
  readonly cpuSecondsPerCameraMinute: number;
  readonly mbPerCamera: number;
  readonly framesLost: number;
  readonly insideMs: readonly number[];
}

export async function relay(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  try {
    const file = join(folder, 'footage.h264');
    await makeFootage(file);
    const figures: Figures = {};
    for (const count of COUNTS) {
      for (const name of NAMES) {
        const cost = await costOf(file, count, VARIANTS[name] as Variant);
        console.error(name, count, { ...cost, insideMs: [0.5, 0.99].map((q) => quantile(cost.insideMs, q)) });
      }
    }
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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

async function sum(pids: readonly number[], read: (pid: number) => Promise<number>): Promise<number> {
  const values = await Promise.all(pids.map(read));
  return values.reduce((total, value) => total + value, 0);
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
