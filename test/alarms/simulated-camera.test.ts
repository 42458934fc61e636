import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import type { AlarmPoint } from '../../agent/alarms/ports.ts';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { CameraGate } from '../../agent/camera/gate.ts';
import { OnvifCamera } from '../../agent/camera/onvif/onvif-camera.ts';
import { SimulatedCamera, type SimulatedCameraOptions } from '../support/camera/camera.ts';
import { Relay } from '../support/relay.ts';
import { subscriptionMemory } from '../support/subscription.ts';
import { until } from '../support/until.ts';
import { POINT, Watch } from './watch.ts';

const POINTS: AlarmPoint[] = [
  { ...POINT, input: 'DI_1' },
  { ...POINT, id: 'pt-vandale', kind: 'tampering' },
];

async function begin(t: Test, onvif: SimulatedCameraOptions['onvif'] = {}, points = POINTS) {
  const login = { user: 'csu', password: 'secret' };
  const camera = new SimulatedCamera({ name: 'cam-1', clip: 'h264', ...login, inputs: ['DI_1'], onvif });
  await camera.start();
  t.teardown(() => camera.stop());
  const relay = await Relay.start(() => camera.onvifPort);
  t.teardown(() => relay.stop());
  const log = createLog('error', { write: () => undefined });
  const memory = { load: () => [], save: () => undefined };
  const gate = new CameraGate(
    { clock: systemClock, memory },
    { camera: 'cam-1', maxConnections: 4, credentialVersion: 1 },
  );
  const target = {
    camera: 'cam-1',
    host: '127.0.0.1',
    port: relay.port,
    path: '/onvif/device_service',
    tls: false,
  };
  const credentials = { version: 1, ...login };
  const helper = new OnvifCamera({ ...target, credentials }, gate, {
    clock: systemClock,
    log,
    randomBytes,
    subscription: subscriptionMemory(),
  });
  const watch = new Watch(t.testdir(), systemClock, () => helper);
  t.teardown(() => watch.end());
  await watch.start(points);
  return { camera, watch, relay };
}

for (const onvif of [{}, { tampering: 'tamper-rule', pullPointReference: 'parameter' }] as const) {
  const how = JSON.stringify(onvif);
  t.test(
    `a camera that speaks ONVIF raises and clears its alarms: ${how}`,
    { timeout: 300_000 },
    async (t) => {
      const { camera, watch } = await begin(t, onvif);
      await until(() => watch.shown().state === 'cleared' && watch.shown('pt-vandale').state === 'cleared');
      camera.setInput('DI_1', true);
      await until(() => watch.shown().state === 'raised');
      camera.setTampering(true);
      await until(() => watch.shown('pt-vandale').state === 'raised');
      camera.setInput('DI_1', false);
      await until(() => watch.shown().state === 'cleared');
      t.same(watch.transitions, ['pt-porte raised', 'pt-vandale raised', 'pt-porte cleared']);
      t.type(watch.events[0]?.source_ts, 'number');
    },
  );
}

t.test('what changed while the camera was away is found when it is back', { timeout: 300_000 }, async (t) => {
  const { camera, watch } = await begin(t);
  await until(() => watch.shown().state === 'cleared');
  await camera.unplug('refused');
  camera.setInput('DI_1', true);
  await camera.plug();
  await until(() => watch.shown().state === 'raised');
  t.same(watch.transitions, ['pt-porte raised']);
  t.equal(camera.counters.onvif.loginsRefused, 0);
});

t.test(
  'pulses while the network to the camera was cut arrive in order, from the subscription of before',
  { timeout: 300_000 },
  async (t) => {
    const { camera, watch, relay } = await begin(t);
    await until(() => watch.shown().state === 'cleared');
    relay.cut();
    // An answer that is on its way when the line is cut is lost for good; only what comes after it is kept.
    await until(() => camera.onvif.openConnections === 0);
    for (const active of [true, false, true, false]) camera.setInput('DI_1', active);
    await relay.mend();
    camera.setInput('DI_1', true);
    await until(() => watch.transitions.length >= 5);
    t.same(watch.transitions, [
      'pt-porte raised',
      'pt-porte cleared',
      'pt-porte raised',
      'pt-porte cleared',
      'pt-porte raised',
    ]);
    t.equal(camera.counters.onvif.subscriptions, 1);
  },
);

for (const [inputsSay, quiet, polarity] of [
  ['closed', true, 'learnt'],
  ['configurable', false, 'learnt'],
  [undefined, false, 'assumed'],
] as const) {
  t.test(
    `a camera whose inputs say ${inputsSay ?? 'nothing'}: ${quiet} is the quiet state`,
    { timeout: 300_000 },
    async (t) => {
      const { inverted, ...open } = POINT;
      const { camera, watch } = await begin(t, { inputsSay }, [{ ...open, input: 'DI_1' }]);
      const quietly = quiet ? 'raised' : 'cleared';
      await until(() => watch.shown().state === quietly);
      t.match(watch.shown(), { polarity });
      camera.setInput('DI_1', true);
      await until(() => watch.shown().state === (quiet ? 'cleared' : 'raised'));
    },
  );
}
