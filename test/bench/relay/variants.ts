import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { VideoDestination } from '../../../agent/contract/video-link.ts';
import { cameraAt, VideoPlane } from '../../video/plane.ts';
import type { SinkPorts } from './sink.ts';

/** One way of carrying the pictures: the processes that do it, and their end. */
interface Running {
  readonly pids: readonly number[];
  stop(): Promise<void>;
}
type Variant = (urls: readonly string[], ports: SinkPorts) => Promise<Running>;

const MIB = 2 ** 20;
const MQTT: VideoDestination = { id: 'mqtt', kind: 'mqtt', creditBytes: 4 * MIB };

const rtspTo = ({ rtsp }: SinkPorts, camera: number): VideoDestination => ({
  ...{ id: 'dst-sink', kind: 'rtsp', url: `rtsp://127.0.0.1:${rtsp}/cam-${camera}`, creditBytes: 4 * MIB },
});

function ours(destinations: (ports: SinkPorts, camera: number) => VideoDestination[]): Variant {
  return async (urls, ports) => {
    const plane = await VideoPlane.launch(`mqtt://127.0.0.1:${ports.mqtt}`);
    plane.agent.link.setCameras(
      urls.map((url, i) => cameraAt(`cam-${i + 1}`, url, { destinations: destinations(ports, i + 1) })),
    );
    for (const [i] of urls.entries()) await plane.agent.phase(`cam-${i + 1}`, 'playing');
    return { pids: [plane.child?.pid ?? 0], stop: () => plane.stop() };
  };
}

/** One process per camera, as it is done without us. */
const ffmpeg: Variant = async (urls, { raw }) => {
  const fragments = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-frag_duration', '200000'];
  return ending(
    urls.map((url) =>
      spawn(
        'ffmpeg',
        [
          ...['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', url, '-an', '-c', 'copy'],
          ...[...fragments, '-f', 'mp4', `tcp://127.0.0.1:${raw}`],
        ],
        { stdio: 'ignore' },
      ),
    ),
  );
};

const floor: Variant = async (urls, { raw }) =>
  ending([
    spawn(process.execPath, [join(import.meta.dirname, 'floor.ts'), String(raw), ...urls], {
      stdio: 'inherit',
    }),
  ]);

function ending(children: readonly ChildProcess[]): Running {
  return {
    pids: children.map(({ pid }) => pid ?? 0),
    stop: async () => {
      await Promise.all(children.map(end));
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** To the broker as fragmented MP4, to a media server by RTSP, to both; and what they are held against. */
export const VARIANTS = {
  mqtt: ours(() => [MQTT]),
  rtsp: ours((ports, camera) => [rtspTo(ports, camera)]),
  both: ours((ports, camera) => [MQTT, rtspTo(ports, camera)]),
  ffmpeg,
  floor,
};
export type VariantName = keyof typeof VARIANTS;

/** Those of the video process. */
export const OURS = ['mqtt', 'rtsp', 'both'] as const;

/** To how many destinations each camera goes whose pictures the sink counts. */
export const COUNTED: Readonly<Record<VariantName, number>> = {
  mqtt: 1,
  rtsp: 1,
  both: 2,
  ffmpeg: 0,
  floor: 0,
};
