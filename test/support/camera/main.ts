/**
 * Simulated cameras in a process of their own, so that they do not disturb what is measured.
 * The first line on stdin is an array of CameraOrder; the answer on stdout tells the ports.
 * Each further line is `{"id", "camera", …CameraCommand}` and is answered by `{"id", "result"}` or `{"id", "error"}`.
 * The process ends with stdin.
 */
import { createInterface } from 'node:readline';
import { asError } from '../../../agent/base/errors.ts';
import { SimulatedCamera, type SimulatedCameraOptions } from './camera.ts';
import { type CameraCommand, perform } from './commands.ts';
import { type ClipFile, fileClip } from './file-clip.ts';

/** Options of a camera; its clip may be an Annex B file, for streams heavier than the clips of the repository. */
export interface CameraOrder extends Omit<SimulatedCameraOptions, 'clip'> {
  readonly clip: 'h264' | 'h265' | ClipFile;
}

/** Where a camera listens. */
export interface CameraPlace {
  readonly name: string;
  readonly rtspPort: number;
  readonly onvifPort: number;
  readonly rtspUrl: string;
}

/** A command on its way. `camera` is a name, or `*` for all. */
export type CameraLine = CameraCommand & { readonly id: number; readonly camera: string };

function make(order: CameraOrder): SimulatedCamera {
  const { clip } = order;
  return new SimulatedCamera({ ...order, clip: typeof clip === 'string' ? clip : fileClip(clip) });
}

function place(camera: SimulatedCamera): CameraPlace {
  const { name, rtspPort, onvifPort } = camera;
  return { name, rtspPort, onvifPort, rtspUrl: camera.rtsp.url };
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function obey(cameras: readonly SimulatedCamera[], line: CameraLine): Promise<unknown> {
  const meant = cameras.filter((camera) => line.camera === '*' || camera.name === line.camera);
  const results = await Promise.all(meant.map((camera) => perform(camera, line)));
  return line.camera === '*' ? results : results[0];
}

async function answer(cameras: readonly SimulatedCamera[], text: string): Promise<void> {
  const line = JSON.parse(text) as CameraLine;
  try {
    say({ id: line.id, result: (await obey(cameras, line)) ?? null });
  } catch (error) {
    say({ id: line.id, error: asError(error).message });
  }
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const first = await lines.next();
const cameras = (JSON.parse(first.value ?? '[]') as CameraOrder[]).map(make);
await Promise.all(cameras.map((camera) => camera.start()));
say({ cameras: cameras.map(place) });
for (let next = await lines.next(); !next.done; next = await lines.next()) await answer(cameras, next.value);
await Promise.all(cameras.map((camera) => camera.stop()));
