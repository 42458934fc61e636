import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChannelEvent } from '../../agent/contract/messages.ts';
import { commandTopic, mediaTopic } from '../../agent/contract/topics.ts';
import { type CommandRequest, signCommand } from '../../provisioning/sign.ts';
import { GstCamera } from '../support/gst-camera.ts';
import { Scene, SITE } from '../support/scene.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { makeFootage } from './footage.ts';
import type { Figures } from './main.ts';

const CAMERA = 'cam-quai';
const FPS = 25;
const GOP_S = 4;
const OPENINGS = Number(process.env.VIEW_OPENINGS ?? 100);
const FFMPEG_OPENINGS = Number(process.env.VIEW_FFMPEG ?? 25);
/** From one opening to the next, each a little further in the group of pictures: all of it is met. */
const STEP_MS = 1_300;
const LOGIN = { user: 'beffroi', password: 'a long password' };

/**
 * From an operator's signed order to the first picture that can be decoded, at a subscriber of the broker: a 1080p camera
 * of 4 Mbit/s with four seconds from key picture to key picture, delivered on demand. The box pulls such a camera day and
 * night, as every camera of the continuous regime, so that the order finds the last key picture in memory. Beside it, a
 * plain ffmpeg that opens the same camera.
 */
export async function view(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-bench-'));
  const ends: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  try {
    const file = join(folder, 'footage.h264');
    await makeFootage(file, GOP_S * FPS);
    const camera = await GstCamera.start({ file, fps: FPS, ...LOGIN });
    ends.push(() => camera.stop());
    const scene = await Scene.create({ teardown: (end) => ends.push(end) });
    const ours = await openings(scene, camera);
    const theirs = await ffmpegOpenings(camera);
    const figures = {
      ...quantiles('order_to_picture_ms', ours),
      ...quantiles('ffmpeg_open_to_picture_ms', theirs),
    };
    return {
      ...figures,
      ...ratioOf(figures, 'p50'),
      ...ratioOf(figures, 'p95'),
      openings: { value: ours.length, unit: '' },
      ffmpeg_openings: { value: theirs.length, unit: '' },
    };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function openings(scene: Scene, camera: GstCamera): Promise<number[]> {
  const media = await scene.centre.subscriber([mediaTopic(SITE, CAMERA)]);
  scene.box.start();
  await scene.push({ cameras: [entry(camera)] });
  await scene.box.until('the camera well', ({ cameras }) => cameras[0]?.state === 'ok');
  await delay(GOP_S * 1000);
  const times: number[] = [];
  for (let i = 0; i < OPENINGS; i += 1) {
    times.push(await opening(scene, media));
    await delay(STEP_MS);
  }
  await media.close();
  return times;
}

function entry(camera: GstCamera): object {
  return {
    ...{ id: CAMERA, name: 'Quai', host: '127.0.0.1', regime: 'continuous', owner: 'commune' },
    delivery: 'on-demand',
    rtsp: { port: camera.port, path: '/stream' },
    credentials: { version: 1, ...LOGIN },
  };
}

/** @returns ms from the order, signing included, to the arrival of what a decoder makes the first picture of */
async function opening(scene: Scene, media: Subscriber): Promise<number> {
  const heard = media.received.length;
  const beganMs = performance.now();
  const id = await send(scene, {
    ...{ command: 'view.open', operator: 'c.weber', onBehalfOf: 'police municipale', reason: 'banc' },
    end: Math.floor(Date.now() / 1000) + 60,
  });
  const first = await media.until('a picture', () => media.received[heard]);
  await send(scene, { command: 'view.close', view: id, operator: 'c.weber' });
  await scene.csu.until('the closing', () =>
    scene.csu
      .json<ChannelEvent>(`/${CAMERA}/event/channel`)
      .some(({ action, channel }) => action === 'view.closed' && channel === id),
  );
  if (!(await decodes(first.payload))) throw new Error('the first message holds no picture that decodes');
  return first.atMs - beganMs;
}

async function send(scene: Scene, words: Omit<CommandRequest, 'site' | 'camera'>): Promise<string> {
  const { jws, id } = await signCommand(scene.centre.csu, { site: SITE, camera: CAMERA, ...words });
  await scene.csu.publish(commandTopic(SITE), jws);
  return id;
}

const ONE_PICTURE = ['-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'gray', 'pipe:1'];

/** Whether Debian's ffmpeg makes a picture of this one message alone. */
async function decodes(message: Buffer): Promise<boolean> {
  const child = spawn('ffmpeg', ['-v', 'error', '-i', 'pipe:0', ...ONE_PICTURE], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined); // it reads no more than it needs
  child.stdin.end(message);
  let bytes = 0;
  child.stdout.on('data', (data: Buffer) => {
    bytes += data.length;
  });
  await once(child, 'close');
  return bytes === 1920 * 1080;
}

/** ms from its start to the first byte of its first decoded picture, as a viewer without a box would wait. */
async function ffmpegOpenings(camera: GstCamera): Promise<number[]> {
  const url = camera.url.replace('rtsp://', `rtsp://${LOGIN.user}:${encodeURIComponent(LOGIN.password)}@`);
  const times: number[] = [];
  for (let i = 0; i < FFMPEG_OPENINGS; i += 1) {
    const beganMs = performance.now();
    const child = spawn('ffmpeg', ['-v', 'error', '-rtsp_transport', 'tcp', '-i', url, ...ONE_PICTURE], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [came] = (await Promise.race([once(child.stdout, 'data'), once(child, 'close')])) as [unknown];
    if (!Buffer.isBuffer(came)) throw new Error('ffmpeg made no picture');
    times.push(performance.now() - beganMs);
    child.stdout.resume();
    if (child.exitCode === null) await once(child, 'close');
    await delay(i * 37);
  }
  return times;
}

/** Ours against a plain ffmpeg of the same run. */
function ratioOf(figures: Figures, quantile: string): Figures {
  const [ours, theirs] = ['order_to', 'ffmpeg_open_to'].map(
    (name) => figures[`${name}_picture_ms_${quantile}`]?.value ?? Number.NaN,
  );
  return { [`ratio_ffmpeg_${quantile}`]: { value: round((ours ?? 0) / (theirs ?? 0), 3), unit: '' } };
}

function round(value: number, places: number): number {
  return Math.round(value * 10 ** places) / 10 ** places;
}

function quantiles(name: string, times: readonly number[]): Figures {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0, 1);
  return {
    [`${name}_p50`]: { value: at(0.5), unit: 'ms' },
    [`${name}_p95`]: { value: at(0.95), unit: 'ms' },
    [`${name}_p99`]: { value: at(0.99), unit: 'ms' },
  };
}
