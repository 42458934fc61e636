import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { aloneMb, pssMb } from '../support/processes.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { type BenchBox, planesOf, withBox } from './bench-box.ts';
import { makeFootage } from './footage.ts';
import type { Figures } from './main.ts';

const STARTS = 7;
/** Running time before memory is read. */
const SETTLE_MS = 30_000;

/**
 * How soon a box that was off is back, and what it takes of memory: 1080p cameras of 4 Mbit/s in a process of their
 * own, Mosquitto with TLS 1.3. Starts are medians.
 */
export async function start(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  try {
    const file = join(folder, 'footage.h264');
    await makeFootage(file);
    const clip = { file, codec: 'h264', framesPerSecond: 25 } as const;
    const few = await withBox(join(folder, 'few'), { clips: [clip], cameras: 2 }, async (run) => ({
      ...(await memory(run, 2)),
      ...(await starts(run)),
    }));
    const many = await withBox(join(folder, 'many'), { clips: [clip], cameras: 20 }, (run) =>
      memory(run, 20),
    );
    return { ...few, ...many };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function memory({ box }: BenchBox, cameras: number): Promise<Figures> {
  await delay(SETTLE_MS);
  const { agent, video } = await planesOf(box);
  const alone = (await aloneMb(agent)) + (await aloneMb(video));
  return {
    [`alarm_plane_mb_${cameras}`]: { value: await pssMb(agent), unit: 'MB' },
    [`video_plane_mb_${cameras}`]: { value: await pssMb(video), unit: 'MB' },
    [`both_planes_alone_mb_${cameras}`]: { value: Math.round(alone * 10) / 10, unit: 'MB' },
  };
}

async function starts(run: BenchBox): Promise<Figures> {
  const links: number[] = [];
  const frames: number[] = [];
  for (let i = 0; i < STARTS; i += 1) {
    await run.box.stop();
    const seen = run.csu.received.length;
    const beganMs = performance.now();
    run.box.start();
    links.push((await firstOf(run.csu, seen, isOnline)) - beganMs);
    frames.push((await firstOf(run.csu, seen, ({ topic }) => topic.endsWith('/media/main'))) - beganMs);
  }
  return {
    start_to_link_ms: { value: Math.round(median(links)), unit: 'ms' },
    start_to_first_frame_ms: { value: Math.round(median(frames)), unit: 'ms' },
  };
}

type Message = Subscriber['received'][number];

function isOnline({ topic, payload }: Message): boolean {
  return topic.endsWith('/state/link') && payload.includes('"online":true');
}

async function firstOf(csu: Subscriber, from: number, fits: (message: Message) => boolean): Promise<number> {
  return await csu.until('the message', () => csu.received.slice(from).find(fits)?.atMs);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
