import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { CameraProcess } from '../support/camera/camera-process.ts';
import { Centre } from '../support/centre.ts';
import { childrenOf, pssMb } from '../support/processes.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { makeFootage } from './footage.ts';
import type { Figures } from './main.ts';

const SITE = '57463-mairie';
const STARTS = 7;
/** Running time before memory is read. */
const SETTLE_MS = 30_000;
const LOGIN = { user: 'beffroi', password: 'a long password' };

interface Run {
  readonly box: TestBox;
  readonly csu: Subscriber;
}

/**
 * How soon a box that was off is back, and what it takes of memory: 1080p cameras of 4 Mbit/s in a process of their
 * own, Mosquitto with TLS 1.3. Starts are medians.
 */
export async function start(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  try {
    const file = join(folder, 'footage.h264');
    await makeFootage(file);
    const few = await withBox(join(folder, 'few'), file, 2, async (run) => ({
      ...(await memory(run, 2)),
      ...(await starts(run)),
    }));
    const many = await withBox(join(folder, 'many'), file, 20, (run) => memory(run, 20));
    return { ...few, ...many };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withBox(
  folder: string,
  file: string,
  cameras: number,
  work: (run: Run) => Promise<Figures>,
): Promise<Figures> {
  const clip = { file, codec: 'h264' as const, framesPerSecond: 25 };
  const orders = Array.from({ length: cameras }, (_, index) => ({
    name: `cam-${index + 1}`,
    clip,
    ...LOGIN,
  }));
  const process = await CameraProcess.start(orders);
  const centre = await Centre.create(folder);
  const csu = await centre.subscriber([`csu/v1/${SITE}/#`]);
  const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers: [centre.broker.url] });
  try {
    const { jws } = await signConfiguration(centre.csu, {
      site: SITE,
      configuration: configuration(process),
    });
    await csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
    box.start();
    await box.until(
      'every camera healthy',
      ({ cameras: all }) => all.length === cameras && all.every(({ state }) => state === 'ok'),
      60_000,
    );
    return await work({ box, csu });
  } finally {
    await box.stop();
    await csu.close();
    await centre.end();
    await process.stop();
  }
}

async function memory({ box }: Run, cameras: number): Promise<Figures> {
  await delay(SETTLE_MS);
  const agent = box.pid ?? 0;
  const [video = 0] = await childrenOf(agent);
  return {
    [`alarm_plane_mb_${cameras}`]: { value: await pssMb(agent), unit: 'MB' },
    [`video_plane_mb_${cameras}`]: { value: await pssMb(video), unit: 'MB' },
  };
}

async function starts(run: Run): Promise<Figures> {
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

function configuration({ places }: CameraProcess): object {
  return {
    cameras: places.map(({ name, onvifPort }) => ({
      id: name,
      name,
      host: '127.0.0.1',
      regime: 'continuous',
      owner: 'commune',
      credentials: { version: 1, ...LOGIN },
      onvif: { port: onvifPort },
    })),
  };
}
