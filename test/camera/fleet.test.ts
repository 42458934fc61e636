import { randomBytes } from 'node:crypto';
import t from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { CameraFleet, type StreamSource } from '../../agent/camera/fleet.ts';
import type { FleetCamera } from '../../agent/camera/fleet-camera.ts';

const CAMERA: FleetCamera = {
  id: 'cam-quai',
  regime: 'continuous',
  host: '127.0.0.1',
  transport: 'tcp',
  maxConnections: 2,
  credentials: { version: 3, user: 'beffroi', password: 'secret' },
  onvif: { port: 1, path: '/onvif/device_service', tls: false },
};
const never = new AbortController().signal;

t.test('what is remembered of a camera and cannot be read keeps no camera from being watched', async (t) => {
  for (const text of ['{"asked":"', 'null', '{"asked":1,"url":2}', '[{"version":3}]']) {
    const kept = new Map([
      ['stream:cam-quai', text],
      ['latch:cam-quai', text],
    ]);
    let sources: readonly StreamSource[] | undefined;
    const fleet = new CameraFleet({
      clock: systemClock,
      log: createLog('error', { write: () => undefined }),
      random: Math.random,
      randomBytes,
      memory: {
        get: (key) => kept.get(key),
        set: (key, value) => kept.set(key, value),
        delete: (key) => kept.delete(key),
      },
      sourcesChanged: (all) => {
        sources = all;
      },
    });
    await fleet.apply([CAMERA]);
    t.same(sources, [], 'the camera is asked where its stream is');
    const permit = await fleet.gate(CAMERA.id)?.acquire(never);
    t.equal(await permit?.tryLogin(), true);
    permit?.loginRefused();
    permit?.release();
    const another = async () => void (await fleet.gate(CAMERA.id)?.acquire(never));
    await t.rejects(another(), { code: 'camera-latched' }, 'of the tries before nobody knows: one was left');
    await fleet.stop();
  }
});
