import { readFile } from 'node:fs/promises';
import t from 'tap';
import type { StatusSnapshot } from '../../agent/contract/status.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { clip } from '../support/clips.ts';
import { Scene } from '../support/scene.ts';
import { until } from '../support/until.ts';

const USER = 'beffroi';
const RIGHT = 'a long password';
const OTHER = 'another long one';
/** A camera whose sessions last a second: it hears of every client all the time, with the login on each request. */
async function strictCamera(t: { teardown(end: () => unknown): void }): Promise<SimulatedCamera> {
  const camera = new SimulatedCamera({
    ...{ name: 'Quai', clip: clip('h264-small'), user: USER, password: RIGHT, inputs: ['input-1'] },
    rtsp: { sessionTimeoutS: 1 },
  });
  await camera.start();
  t.teardown(() => camera.stop());
  return camera;
}

/** Both protocols, with events: everything that can log in does. */
function watched(camera: SimulatedCamera, version: number, password: string): object {
  return {
    cameras: [
      {
        ...{ id: 'cam-quai', name: 'Quai', host: '127.0.0.1', regime: 'continuous', owner: 'commune' },
        credentials: { version, user: USER, password },
        onvif: { port: camera.onvifPort },
        rtsp: { port: camera.rtspPort, path: camera.rtsp.options.path },
      },
    ],
    points: [{ id: 'pt-1', name: 'x', camera: 'cam-quai', kind: 'digital-input', input: 'input-1' }],
  };
}

const isLatched = ({ cameras }: StatusSnapshot) => cameras[0]?.cause === 'camera-latched';

t.test(
  'login: a password changed at the camera costs three refusals, over both protocols and every restart',
  async (t) => {
    const scene = await Scene.create(t);
    const camera = await strictCamera(t);
    scene.box.start();
    await scene.push(watched(camera, 1, RIGHT));
    await scene.box.until('pictures', ({ cameras }) => cameras[0]?.state === 'ok');
    camera.setPassword(OTHER);
    await scene.box.until('the latch', isLatched);
    for (let i = 0; i < 3; i += 1) {
      await scene.box.kill();
      scene.box.start();
      await scene.box.until('the latch again', isLatched);
    }
    t.equal(camera.loginsRefused, 3);
    await scene.push(watched(camera, 2, OTHER));
    await scene.box.until('pictures', ({ cameras }) => cameras[0]?.state === 'ok');
    t.equal(camera.loginsRefused, 3);
    const log = await readFile(scene.box.logFile, 'utf8');
    t.notOk(log.includes(RIGHT) || log.includes(OTHER), 'no password in the log');
  },
);

t.test(
  'login: a password that was never right costs three refusals, though the box dies in the middle of each',
  async (t) => {
    const scene = await Scene.create(t);
    const camera = await strictCamera(t);
    camera.rtsp.faults.answerDelayMs = 300;
    camera.onvif.faults.answerDelayMs = 300;
    scene.box.start();
    await scene.push(watched(camera, 1, OTHER));
    for (let deaths = 0; deaths < 8; deaths += 1) {
      if (await latchedBeforeRefusal(scene, camera)) break;
      await scene.box.kill();
      scene.box.start();
    }
    await scene.box.until('the latch', isLatched);
    t.ok(camera.loginsRefused <= 3, `${camera.loginsRefused} refusals`);
  },
);

t.test('login: a camera that answers wrong logins by cutting the connection sees three', async (t) => {
  const scene = await Scene.create(t);
  const camera = await strictCamera(t);
  camera.rtsp.faults.cutWrongLogins = true;
  const streamOnly = (version: number, password: string) => {
    const { cameras } = watched(camera, version, password) as { cameras: object[] };
    return { cameras: cameras.map((entry) => ({ ...entry, onvif: undefined })) };
  };
  scene.box.start();
  await scene.push(streamOnly(1, OTHER));
  await scene.box.until(
    'the pause',
    ({ cameras }) => cameras[0]?.cause === 'camera-silent' && /for a while/.test(cameras[0].detail),
  );
  t.equal(camera.loginsRefused, 3);
  await scene.push(streamOnly(2, RIGHT));
  await scene.box.until('pictures', ({ cameras }) => cameras[0]?.state === 'ok');
  t.equal(camera.loginsRefused, 3);
});

/** Waits for one or the other; a refusal is seen while its answer is still on the way to the box. */
async function latchedBeforeRefusal(scene: Scene, camera: SimulatedCamera): Promise<boolean> {
  const before = camera.loginsRefused;
  const first = await until(async () => {
    if (camera.loginsRefused > before) return 'refusal';
    return (await scene.box.statusNow().then(isLatched, () => false)) && 'latch';
  });
  return first === 'latch';
}
