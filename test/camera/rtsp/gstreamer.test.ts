import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import { describeStream } from '../../../agent/camera/rtsp/describe.ts';
import { defaultStreamOptions } from '../../../agent/camera/rtsp/stream.ts';
import type { AccessUnit } from '../../../agent/camera/types.ts';
import { GstCamera, type GstCameraOptions } from '../../support/gst-camera.ts';
import { credentials, needs, Pulling, TestPermit } from './pulling.ts';

const login = { user: credentials.user, password: credentials.password };
const PATIENT = { stallTimeoutMs: 120_000 };

async function started(t: Test, options: GstCameraOptions): Promise<GstCamera> {
  const camera = await GstCamera.start(options);
  t.teardown(() => camera.stop());
  return camera;
}

const hashes = (units: readonly AccessUnit[]) =>
  units.map(({ nals }) => nals.map((nal) => createHash('sha1').update(nal).digest('hex')));

const cases: readonly { readonly name: string; readonly options: GstCameraOptions }[] = [
  { name: 'H.264 with digest login and a sound track', options: { codec: 'h264', ...login, sound: true } },
  { name: 'H.264 with B frames', options: { codec: 'h264', bframes: 2 } },
  {
    name: 'H.264 in 1080p, many packets a picture',
    options: { codec: 'h264', width: 1920, height: 1080, bitrate: 8000, buffers: 20 },
  },
  { name: 'H.265 with digest login', options: { codec: 'h265', ...login } },
  { name: 'H.265 with B frames', options: { codec: 'h265', bframes: 3 } },
];

for (const { name, options } of cases) {
  t.test(
    `GStreamer camera: ${name}: every picture that was sent and none twice, byte for byte`,
    async (t) => {
      const frames = 60;
      const camera = await started(t, { frames, ...options });
      const pulling = new Pulling({ url: camera.url, ...(options.user ? { credentials } : {}) }, PATIENT);
      await pulling.has(frames);
      t.equal(await pulling.stop(), undefined);
      t.same(
        hashes(pulling.units),
        camera.sent.map(({ nals }) => nals),
      );
      t.equal(pulling.track?.codec, options.codec);
      t.equal(pulling.units[0]?.key, true);
      t.match(pulling.counters(), { rtpLost: 0, framesDamaged: 0 });
      const distinct = new Set(pulling.units.map(({ rtpTime }) => rtpTime));
      t.equal(distinct.size, frames, 'each picture has its own time');
    },
  );
}

t.test('GStreamer camera: a wrong password is one refused login, and the stream never begins', async (t) => {
  const camera = await started(t, { ...login });
  const wrong = { ...credentials, password: 'wrong' };
  const pulling = new Pulling({ url: camera.url, credentials: wrong }, PATIENT);
  t.equal((await pulling.ended)?.code, 'camera-login-refused');
  t.equal(pulling.permit.refused, 1);
  t.equal(pulling.permit.accepted, 0);
  t.equal(pulling.units.length, 0);
});

t.test('GStreamer camera: an unknown path is not found', async (t) => {
  const camera = await started(t, {});
  const pulling = new Pulling({ url: camera.url.replace('/stream', '/other') }, PATIENT);
  t.equal((await pulling.ended)?.code, 'camera-not-found');
});

t.test(
  'GStreamer camera: a stall is declared while RTCP goes on, and after it pictures come again',
  async (t) => {
    const camera = await started(t, { ...login });
    const pulling = new Pulling({ url: camera.url, credentials }, { stallTimeoutMs: 1000 });
    await pulling.has(10);
    await camera.stall();
    t.equal((await pulling.ended)?.code, 'camera-stalled');
    await camera.resume();
    const again = new Pulling({ url: camera.url, credentials }, PATIENT);
    await again.has(10);
    t.equal(await again.stop(), undefined);
  },
);

t.test('GStreamer camera: a cut connection and a dead camera are told as closed', async (t) => {
  const camera = await started(t, {});
  const cut = new Pulling({ url: camera.url }, PATIENT);
  await cut.has(10);
  await camera.cut();
  t.equal((await cut.ended)?.code, 'camera-closed');
  const dead = new Pulling({ url: camera.url }, PATIENT);
  await dead.has(10);
  await camera.kill();
  t.equal((await dead.ended)?.code, 'camera-closed');
  t.equal((await new Pulling({ url: camera.url }, PATIENT).ended)?.code, 'camera-port-closed');
});

t.test('GStreamer camera: DESCRIBE alone tells codec and parameter sets', async (t) => {
  const camera = await started(t, { codec: 'h265', ...login });
  const target = { camera: 'cam-a', url: camera.url, credentials };
  const { signal } = new AbortController();
  const track = await describeStream(target, new TestPermit(), needs, defaultStreamOptions, signal);
  t.equal(track.codec, 'h265');
  t.ok(track.parameterSets.vps && track.parameterSets.sps && track.parameterSets.pps);
});

t.test('GStreamer camera: many pulls at once are each exact', async (t) => {
  const camera = await started(t, { frames: 50 });
  const pulls = Array.from({ length: 8 }, () => new Pulling({ url: camera.url }, PATIENT));
  await Promise.all(pulls.map((pulling) => pulling.has(50)));
  const ends = await Promise.all(pulls.map((pulling) => pulling.stop()));
  t.same(
    ends,
    pulls.map(() => undefined),
  );
  const sentTo1 = camera.sent.filter(({ client }) => client === 1).map(({ nals }) => nals);
  for (const pulling of pulls) t.same(hashes(pulling.units), sentTo1);
});

t.test(
  'GStreamer camera: while our own process stands still no stall is found, and no picture is lost',
  async (t) => {
    const camera = await started(t, {});
    const pulling = new Pulling({ url: camera.url }, { stallTimeoutMs: 700 });
    await pulling.has(5);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
    await pulling.has(pulling.units.length + 70);
    t.equal(await pulling.stop(), undefined);
    t.same(
      hashes(pulling.units),
      camera.sent.slice(0, pulling.units.length).map(({ nals }) => nals),
    );
  },
);
