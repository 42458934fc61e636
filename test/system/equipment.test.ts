import { join } from 'node:path';
import t from 'tap';
import { ModbusServer } from '../support/modbus-server.ts';
import { NutServer } from '../support/nut-server.ts';
import { configurationOf, Scene, simulatedCamera } from '../support/scene.ts';

interface Alarm {
  readonly alarm: string;
  readonly transition: string;
}

const transitions = ({ csu }: Scene, point: string) =>
  csu.events<Alarm>(`/${point}/event/alarm`).map(({ transition }) => transition);

t.test('equipment: an input of a module reaches the CSU as an alarm', async (t) => {
  const module = await ModbusServer.start({ count: 8 });
  t.teardown(() => module.stop());
  const scene = await Scene.create(t);
  scene.box.start();
  await scene.push({
    modules: [{ id: 'io-1', name: 'Sous-sol', host: '127.0.0.1', port: module.port, pollMs: 100 }],
    points: [
      { id: 'pt-cuve', name: 'Cuve', kind: 'module-input', module: 'io-1', address: 3, maxAgeMs: 3000 },
      { id: 'pt-nulle-part', name: 'Absente', kind: 'module-input', module: 'io-1', address: 40 },
    ],
  });
  const { csu, box } = scene;
  const shows = (state: string) => () => csu.json('/pt-cuve/state/alarm-current').at(-1)?.state === state;
  await csu.until('the point at rest', shows('cleared'));

  await module.set(3, true);
  await csu.until('the alarm', () => transitions(scene, 'pt-cuve').length === 1);
  await csu.until('its state', shows('raised'));
  t.match(csu.json('/pt-cuve/event/alarm')[0], {
    name: 'Cuve',
    kind: 'module-input',
    source: 'io-1',
    transition: 'raised',
    severity: 'major',
  });
  await box.until('the status', ({ alarms }) =>
    alarms.some(({ point, state }) => point === 'pt-cuve' && state === 'raised'),
  );

  module.pause();
  await csu.until('the point without a reading', shows('unknown'));
  module.resume();
  await module.set(3, false);
  await csu.until('the end of the alarm', () => transitions(scene, 'pt-cuve').length === 2);
  t.same(transitions(scene, 'pt-cuve'), ['raised', 'cleared']);
  t.equal(csu.json('/pt-nulle-part/event/alarm').length, 0);
  await csu.until('what the module refuses', () =>
    csu.json('/pt-source-io-1/event/alarm').some(({ cause }) => cause === 'module-exception'),
  );
});

t.test('equipment: a UPS on battery reaches the CSU as an alarm, with measures', async (t) => {
  const scene = await Scene.create(t);
  const { csu, box } = scene;
  const nut = await NutServer.start(join(scene.folder, 'nut'));
  t.teardown(() => nut.stop());
  box.start();
  const kinds = ['ups-mains', 'ups-battery', 'ups-communication'];
  await scene.push({
    ups: [
      {
        id: 'ups-baie',
        name: 'Baie',
        host: '127.0.0.1',
        port: nut.port,
        upsName: nut.upsName,
        credentials: { version: 1, user: 'beffroi', password: 'un mot de passe' },
        pollMs: 500,
        lostAfterMs: 3000,
      },
    ],
    points: kinds.map((kind) => ({ id: `pt-${kind}`, name: kind, kind, ups: 'ups-baie' })),
  });
  const measured = (status: string) => () =>
    csu.json('/ups-baie/meas/ups').find((measure) => measure.status === status);
  const first = await csu.until('the first measures', measured('OL CHRG'));
  t.match(first, {
    ups: 'ups-baie',
    on_battery: false,
    charge_percent: 100,
    runtime_s: 1800,
    input_v: 230.1,
  });

  await nut.set('ups.status', 'OB DISCHRG');
  await csu.until('the alarm', () => transitions(scene, 'pt-ups-mains').length === 1);
  t.match(await csu.until('measures on battery', measured('OB DISCHRG')), { on_battery: true });
  await nut.set('ups.status', 'OB DISCHRG LB');
  await csu.until('the battery', () => transitions(scene, 'pt-ups-battery').length === 1);

  await nut.stopDriver();
  await csu.until('the loss', () => transitions(scene, 'pt-ups-communication').length === 1);
  await nut.startDriver();
  await csu.until('the return of all', () =>
    kinds.every((kind) => transitions(scene, `pt-${kind}`).join() === 'raised,cleared'),
  );
  t.notMatch(await box.lastLog(), 'un mot de passe');
});

t.test('equipment: what a camera says of itself reaches the CSU as alarms', async (t) => {
  const camera = await simulatedCamera(t);
  const scene = await Scene.create(t);
  const { csu } = scene;
  scene.box.start();
  const kinds = ['signal-loss', 'hardware-failure', 'login-failure', 'configuration-changed'];
  const points = kinds.map((kind) => ({ id: `pt-${kind}`, name: kind, kind, camera: 'cam-quai' }));
  const happening = { clearsAfterS: 1 };
  await scene.push({
    ...configurationOf(camera),
    points: points.map((point, index) => ({ ...point, ...(index > 1 ? happening : {}) })),
  });
  const shown = (kind: string) =>
    csu.json(`/pt-${kind}/state/alarm-current`).at(-1) as { state: string } | undefined;
  await csu.until('what has no state at rest', () =>
    kinds.slice(2).every((kind) => shown(kind)?.state === 'cleared'),
  );
  const say = (active: boolean) => {
    const data = (name: string) => ({ [name]: String(active) });
    const source = { Token: 'a' };
    camera.setProperty({ topic: 'tns1:VideoSource/SignalLoss', source, data: data('State') });
    camera.setProperty({ topic: 'tns1:Device/HardwareFailure/FanFailure', source, data: data('Failed') });
  };
  say(true);
  camera.happen({
    topic: 'tns1:Device/SecurityPolicy/AuthFailed',
    source: {},
    data: { UserName: 'root', IPAddress: '10.0.0.66' },
  });
  camera.happen({ topic: 'tns1:Media/ConfigurationChanged', source: { Token: 'p1' }, data: {} });
  const raised = () => kinds.filter((kind) => transitions(scene, `pt-${kind}`)[0] === 'raised');
  await csu.until('four alarms', () => raised().length === kinds.length);
  t.match(csu.json('/pt-login-failure/event/alarm')[0], {
    camera: 'cam-quai',
    severity: 'warning',
    text: 'IPAddress=10.0.0.66 UserName=root',
  });
  t.match(csu.json('/pt-hardware-failure/event/alarm')[0], { category: 'equipment', code_sia: 'ET' });
  say(false);
  await csu.until('their ends', () =>
    kinds.every((kind) => transitions(scene, `pt-${kind}`).join() === 'raised,cleared'),
  );
});
