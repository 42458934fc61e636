import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, pssMb } from '../support/processes.ts';
import { type BenchBox, planesOf, withBox } from './bench-box.ts';
import { makeFootage } from './footage.ts';
import type { Figures } from './main.ts';

const CAMERAS = 20;
/** Running time before anything is read. */
const SETTLE_MS = 20_000;
const MEASURED_MS = 40_000;

interface Cost {
  readonly cpuSecondsPerStreamMinute: number;
  readonly mb: number;
}

/**
 * What forwarding costs: the video process, from 20 cameras to MQTT over TLS 1.3, against one `ffmpeg -c copy` to
 * fragmented MP4 per camera, without encryption and to nowhere, one after the other with the same cameras.
 */
export async function video(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  try {
    const file = join(folder, 'footage.h264');
    await makeFootage(file);
    return await withBox(join(folder, 'box'), file, CAMERAS, compare);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare({ box, streams }: BenchBox): Promise<Figures> {
  const { video } = await planesOf(box);
  const own = await costOf([video]);
  await box.stop();
  const foreign = await withFfmpeg(streams, costOf);
  return {
    video_cpu_s_per_stream_minute: { value: round(own.cpuSecondsPerStreamMinute), unit: 's' },
    ffmpeg_cpu_s_per_stream_minute: { value: round(foreign.cpuSecondsPerStreamMinute), unit: 's' },
    cpu_ratio_to_ffmpeg: {
      value: round(own.cpuSecondsPerStreamMinute / foreign.cpuSecondsPerStreamMinute),
      unit: '',
    },
    video_mb: { value: round(own.mb), unit: 'MB' },
    ffmpeg_mb: { value: round(foreign.mb), unit: 'MB' },
    memory_ratio_to_ffmpeg: { value: round(own.mb / foreign.mb), unit: '' },
  };
}

async function costOf(pids: readonly number[]): Promise<Cost> {
  await delay(SETTLE_MS);
  const [before, beganMs] = [await sum(pids, cpuSeconds), performance.now()];
  await delay(MEASURED_MS);
  const used = (await sum(pids, cpuSeconds)) - before;
  const streamMinutes = (CAMERAS * (performance.now() - beganMs)) / 60_000;
  return { cpuSecondsPerStreamMinute: used / streamMinutes, mb: await sum(pids, pssMb) };
}

async function withFfmpeg<T>(
  streams: readonly string[],
  work: (pids: readonly number[]) => Promise<T>,
): Promise<T> {
  const children = streams.map(copyStream);
  try {
    return await work(children.map(({ pid }) => pid ?? 0));
  } finally {
    await Promise.all(children.map(end));
  }
}

/** The login stands in the process list: these cameras live as long as the bench. */
function copyStream(url: string): ChildProcess {
  const fragments = 'frag_keyframe+empty_moov+default_base_moof';
  return spawn(
    'ffmpeg',
    [
      ...['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', url, '-an', '-c', 'copy'],
      ...['-movflags', fragments, '-frag_duration', '200000', '-f', 'mp4', '-y', '/dev/null'],
    ],
    { stdio: 'inherit' },
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

async function sum(pids: readonly number[], read: (pid: number) => Promise<number>): Promise<number> {
  const values = await Promise.all(pids.map(read));
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
