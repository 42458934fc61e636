import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { InternalError } from '../../agent/base/errors.ts';
import { createLog } from '../../agent/base/log.ts';
import { CameraGate } from '../../agent/camera/gate.ts';
import { OnvifCamera } from '../../agent/camera/onvif/onvif-camera.ts';
import { probe } from '../../agent/camera/probe.ts';
import { CameraHealthRoom } from '../../agent/health/room.ts';
import { openStore } from '../../agent/store/open-store.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { subscriptionMemory } from '../support/subscription.ts';
import { until } from '../support/until.ts';
import { Recorder } from './recorder.ts';
import { LIMITS, MEASURE } from './watch.ts';

const NEVER = new AbortController().signal;
const log = createLog('error', { write: () => undefined });

async function begin(t: Test, password = 'secret', offsetMs = 0) {
  const camera = new SimulatedCamera({ name: 'cam-1', clip: 'h264', user: 'csu', password: 'secret' });
  camera.setClockOffset(offsetMs);
  await camera.start();
  t.teardown(() => camera.stop());
  const clock = systemClock;
  const memory = { load: () => [], save: () => undefined };
  const gate = new CameraGate(
    { clock, memory },
    { camera: 'cam-1', maxConnections: 4, credentialVersion: 1 },
  );
  const target = {
    camera: 'cam-1',
    host: '127.0.0.1',
    port: camera.onvifPort,
    path: '/onvif/device_service',
    tls: false,
  };
  const credentials = { version: 1, user: 'csu', password };
  const helper = new OnvifCamera({ ...target, credentials }, gate, {
    clock,
    log,
    randomBytes,
    subscription: subscriptionMemory(),
  });
  const sign = () => Buffer.alloc(64);
  const store = openStore(t.testdir(), { clock, clockTrust: () => 'synced', log, sign });
  const recorder = new Recorder(clock);
  const room = new CameraHealthRoom({
    clockTrust: () => 'synced',
    clock,
    random: Math.random,
    log,
    reporter: recorder,
    memory: store.memory,
    tcp: probe,
    ping: async () => 'not-allowed' as const,
    onvif: () => helper,
    describe: () => Promise.reject(new InternalError('internal', 'a continuous camera is pulled')),
    look: () => false,
    planned: () => undefined,
  });
  const stop = new AbortController();
  await room.start(stop.signal);
  t.teardown(async () => {
    await room.stop();
    store.close();
  });
  room.onVideo(true);
  const { onvifPort, rtspPort } = camera;
  const watched = {
    id: 'cam-1',
    enabled: true,
    regime: 'continuous' as const,
    name: 'Gare',
    owner: 'commune' as const,
    host: '127.0.0.1',
    minFps: 0,
    pictureCheck: 'off' as const,
    credentials: { version: 1 },
  };
  await room.apply([{ ...watched, onvif: { port: onvifPort }, rtsp: { port: rtspPort } }], LIMITS);
  const state = () => recorder.last('cameraHealth', 'cam-1');
  return { camera, room, state, layers: () => recorder.last('layers', 'cam-1') };
}

/** How far from this the clock of the camera was found, beyond what a slow machine makes uncertain, ms. */
function offBy({ layers }: Awaited<ReturnType<typeof begin>>, offsetMs: number): number {
  const { clock_offset_ms: found, clock_uncertainty_ms: uncertainty } = layers();
  return Math.abs(Number(found) - offsetMs) - Number(uncertainty);
}

function stream(room: CameraHealthRoom, phase: 'playing' | 'stalled' | 'failed'): void {
  room.onStream({ type: 'stream', camera: 'cam-1', phase, detail: phase });
}

async function well({ room, state }: Awaited<ReturnType<typeof begin>>): Promise<void> {
  stream(room, 'playing');
  await until(() => {
    room.onMeasure(MEASURE);
    return state().flowing === 'yes';
  });
}

t.test('what ONVIF and TCP see of a camera is in its health', { timeout: 300_000 }, async (t) => {
  const all = await begin(t);
  await until(() => all.state().login === 'accepted' && all.layers().clock_offset_ms !== undefined);
  t.ok(offBy(all, 0) <= 1000);
  await well(all);
  t.match(all.state(), { state: 'ok', reachable: 'yes', login: 'accepted' });
  t.match(await all.room.check('cam-1', NEVER), /^cam-1 is ok/);
});

t.test(
  'a camera that refuses connections has its ports closed; one that only stalls has not',
  { timeout: 300_000 },
  async (t) => {
    const all = await begin(t);
    await well(all);
    stream(all.room, 'stalled');
    await until(() => all.state().state === 'down');
    t.match(all.state(), { cause: 'camera-stalled', reachable: 'yes' });
    await well(all);
    await all.camera.unplug('refused');
    stream(all.room, 'stalled');
    await until(() => all.state().cause === 'camera-port-closed');
    t.match(all.state(), { state: 'down' });
  },
);

t.test(
  'the clock of a camera that is an hour off is a fault of the camera',
  { timeout: 300_000 },
  async (t) => {
    const all = await begin(t, 'secret', 3_600_000);
    await until(() => all.layers().clock_offset_ms !== undefined);
    await well(all);
    t.match(all.state(), { state: 'degraded', cause: 'camera-clock-zone', fault: 'device' });
    t.ok(offBy(all, 3_600_000) <= 1000);
  },
);

t.test(
  'a wrong password is seen, and health alone never spends the three tries at once',
  { timeout: 300_000 },
  async (t) => {
    const all = await begin(t, 'wrong');
    await until(() => all.state().login === 'refused');
    t.match(all.state(), { state: 'down', cause: 'camera-login-refused' });
    const { loginsRefused } = all.camera;
    t.ok(loginsRefused < 3);
    const { requests } = all.camera.counters.onvif;
    await until(() => all.camera.counters.onvif.requests >= requests + 2);
    t.equal(all.camera.loginsRefused, loginsRefused, 'two regular checks later');
    for (let i = 0; i < 4; i += 1) await all.room.check('cam-1', NEVER);
    t.equal(all.camera.loginsRefused, 3);
    await until(() => all.state().login === 'latched');
    t.match(all.state(), { login: 'latched' });
  },
);
