import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { desiredConfigTopic, mediaTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { Centre } from '../support/centre.ts';
import { ffprobe } from '../support/ffprobe.ts';
import { GstCamera } from '../support/gst-camera.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { LOGIN, simulatedCamera } from '../support/scene.ts';
import { type Hostile, tiresomeCameras } from './hostile-onvif.ts';

const SITE = '57463-mairie';
const FPS = 25;
const SECONDS = 30;

t.test(
  'system: 30 s from a foreign camera reach a subscriber through Mosquitto, every frame once, beside cameras that tire health out',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const camera = await GstCamera.start({
      ...LOGIN,
      fps: FPS,
      frames: FPS * SECONDS,
      width: 640,
      height: 360,
    });
    t.teardown(() => camera.stop());
    const others = await simulatedCamera(t);
    const tiresome = await tiresomeCameras(t);
    const centre = await Centre.create(folder);
    t.teardown(() => centre.end());
    const topic = mediaTopic(SITE, 'cam-quai');
    const media = await centre.subscriber([topic]);
    t.teardown(() => media.close());
    const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers: [centre.broker.url] });
    t.teardown(() => box.stop());
    box.start();
    const begunMs = performance.now();
    const { jws } = await signConfiguration(centre.csu, {
      site: SITE,
      configuration: configuration(camera, others.rtspPort, tiresome),
    });
    await media.publish(desiredConfigTopic(SITE), jws, { retain: true });

    const sentByFirst = () => camera.sent.filter(({ client }) => client === 1);
    await media.until('all frames', () => framesIn(media.received.length) >= FPS * SECONDS);
    await camera.cut();

    const file = Buffer.concat(media.received.map(({ payload }) => payload));
    const video = await readMp4(file);
    const received = video.samples.map(({ nals }) => nals.map(sha1).join());
    const sent = sentByFirst().map(({ nals }) => nals.join());
    t.equal(sent.length, FPS * SECONDS, 'the camera sent 30 s');
    t.same(
      received.slice(0, sent.length),
      sent,
      'every frame that the camera sent, in order, byte for byte, none twice',
    );

    const path = join(folder, 'received.mp4');
    await writeFile(path, file);
    const probed = await ffprobe(path);
    t.equal(probed.errors, '', 'ffprobe has nothing to complain of');
    t.equal(probed.frames, video.samples.length, 'ffmpeg decodes every frame');
    t.match(probed, { codec: 'h264', width: 640, height: 360 });

    for (const { id, cause } of tiresome)
      await box.until(`${id}: ${cause}`, ({ cameras }) =>
        cameras.some((one) => one.camera === `cam-${id}` && one.fps > 0 && cause.test(one.cause)),
      );
    const budget = 3 * (40 + (performance.now() - begunMs) / 1000);
    for (const { id, seen } of tiresome)
      t.ok(seen.requests <= budget, `${id}: asked ${seen.requests} times, within its budget`);
  },
);

/** A fragment of 200 ms at 25 frames per second. */
function framesIn(fragments: number): number {
  return fragments * 5;
}

function configuration(camera: GstCamera, othersPort: number, tiresome: readonly Hostile[]): object {
  const path = new URL(camera.url).pathname;
  return {
    health: { stallTimeoutMs: 5_000, probeIntervalS: 5 },
    cameras: [
      entry('quai', { rtsp: { port: camera.port, path } }),
      ...tiresome.map(({ id, port }) =>
        entry(id, { rtsp: { port: othersPort, path: '/live/main' }, onvif: { port }, destinations: [] }),
      ),
    ],
  };
}

function entry(id: string, more: object): object {
  return {
    ...{ id: `cam-${id}`, name: id, host: '127.0.0.1', regime: 'continuous', owner: 'commune' },
    credentials: { version: 1, ...LOGIN },
    ...more,
  };
}

function sha1(nal: Buffer): string {
  return createHash('sha1').update(nal).digest('hex');
}
