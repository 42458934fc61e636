import { join } from 'node:path';
import t, { type Test } from 'tap';
import { mistakes } from '../support/contract-check.ts';
import { foreignFlood, foreignPublish, Mosquitto, onlyWith } from '../support/mosquitto.ts';
import { Scene } from '../support/scene.ts';

const LOGIN = { user: 'collecteur', password: 'un mot de passe local' };

interface Alarm {
  readonly id: string;
  readonly transition: string;
}

/** A broker of the building with one login, and a box that knows it. */
async function building(t: Test): Promise<{ scene: Scene; broker: Mosquitto }> {
  const scene = await Scene.create(t);
  const broker = await Mosquitto.start(join(scene.folder, 'building'), {
    extra: onlyWith(LOGIN, scene.folder),
  });
  t.teardown(() => broker.kill());
  scene.box.start();
  return { scene, broker };
}

const configurationOf = (broker: Mosquitto, password = LOGIN.password, version = 1) => ({
  localBrokers: [
    {
      id: 'mqtt-gtb',
      name: 'GTB',
      host: '127.0.0.1',
      port: broker.port,
      credentials: { version, user: LOGIN.user, password },
    },
  ],
  objects: [
    { id: 'obj-cuve', name: 'Cuve', broker: 'mqtt-gtb', topic: 'bat/cuve', pointer: '/niveau', unit: '%' },
    { id: 'obj-porte', name: 'Porte', broker: 'mqtt-gtb', topic: 'bat/porte', silentAfterS: 8 },
  ],
  points: [
    {
      id: 'pt-cuve',
      name: 'Cuve pleine',
      kind: 'object-above',
      object: 'obj-cuve',
      limit: 80,
      category: 'water',
    },
    { id: 'pt-porte', name: 'Porte ouverte', kind: 'object-equal', object: 'obj-porte', equals: 'OPEN' },
    { id: 'pt-muet', name: 'Porte muette', kind: 'object-silence', object: 'obj-porte' },
  ],
});

const transitions = ({ csu }: Scene, point: string) =>
  csu.events<Alarm>(`/${point}/event/alarm`).map(({ transition }) => transition);
const shows = ({ csu }: Scene, point: string, state: string) =>
  csu.until(`${point} ${state}`, () => csu.json(`/${point}/state/alarm-current`).at(-1)?.state === state);

t.test('objects: raised and cleared at the CSU, also what changed while the agent was killed', async (t) => {
  const { scene, broker } = await building(t);
  const { csu, box } = scene;
  const publish = (topic: string, payload: string, retain = false) =>
    foreignPublish(broker, topic, payload, { login: LOGIN, retain });
  await publish('bat/cuve', '{"niveau":12,"pile":97}', true);
  await scene.push(configurationOf(broker));
  await shows(scene, 'pt-cuve', 'cleared');

  await publish('bat/cuve', '{"niveau":85.5}', true);
  await publish('bat/porte', 'OPEN');
  await shows(scene, 'pt-cuve', 'raised');
  await shows(scene, 'pt-porte', 'raised');
  t.match(await csu.until('the alarm', () => csu.json('/pt-cuve/event/alarm')[0]), {
    kind: 'object-above',
    source: 'obj-cuve',
    category: 'water',
    severity: 'major',
    text: '85.5 %',
  });
  t.match(await csu.until('the measure', () => csu.json('/obj-cuve/meas/object')[0]), {
    value: 85.5,
    unit: '%',
  });

  await box.kill();
  await publish('bat/cuve', '{"niveau":20}', true);
  box.start();
  await csu.until('the end of the alarm', () => transitions(scene, 'pt-cuve').length === 2);
  await shows(scene, 'pt-porte', 'unknown');
  await csu.until('silence', () => transitions(scene, 'pt-muet').at(-1) === 'raised');
  await publish('bat/porte', 'OPEN');
  await shows(scene, 'pt-porte', 'raised');
  await csu.until('its alarm', () => transitions(scene, 'pt-porte').length > 0);
  await csu.until('the end of silence', () => transitions(scene, 'pt-muet').at(-1) === 'cleared');
  t.same(transitions(scene, 'pt-cuve'), ['raised', 'cleared']);
  t.same(transitions(scene, 'pt-porte'), ['raised'], 'the same alarm, told once');
  t.same(csu.received.flatMap(mistakes), [], 'every message is of the contract');
  t.notMatch(await box.lastLog(), LOGIN.password);
});

t.test(
  'objects: a wrong login, a broker that goes and a flood are told, and nothing else stops',
  async (t) => {
    const { scene, broker } = await building(t);
    const { csu, box } = scene;
    const failure = (number: number, transition: string) =>
      csu.until(`${transition}, number ${number}`, () => {
        const events = csu.events('/pt-source-mqtt-gtb/event/alarm');
        return events.filter((event) => event.transition === transition)[number - 1];
      });
    await scene.push(configurationOf(broker, 'faux'));
    t.match(await failure(1, 'raised'), {
      cause: 'equipment-login-refused',
      text: /mqtt-gtb/,
      source: 'mqtt-gtb',
    });

    const begunMs = performance.now();
    await scene.push(configurationOf(broker, LOGIN.password, 2));
    await failure(1, 'cleared');
    await foreignPublish(broker, 'bat/porte', Buffer.alloc(10 * 1024 * 1024, 0x41), { login: LOGIN });
    await foreignFlood(broker, 'bat/cuve', Array(10_000).fill('{"niveau":99}'), LOGIN);
    await shows(scene, 'pt-cuve', 'raised');
    await csu.until('the alarm', () => transitions(scene, 'pt-cuve').length > 0);
    t.same(transitions(scene, 'pt-cuve'), ['raised']);
    const minutes = (performance.now() - begunMs) / 60_000;
    t.ok(csu.json('/obj-cuve/meas/object').length <= 2 + minutes, 'measures keep their pace');

    await broker.kill();
    t.match(await failure(2, 'raised'), { cause: 'equipment-port-closed' });
    await shows(scene, 'pt-cuve', 'unknown');
    await broker.restart();
    await failure(2, 'cleared');
    await foreignPublish(broker, 'bat/cuve', '{"niveau":1}', { login: LOGIN });
    await csu.until('the end of the alarm', () => transitions(scene, 'pt-cuve').length === 2);
    t.match(await box.status(), { config: { phase: 'applied' } });
    t.notMatch(await box.lastLog(), /faux|un mot de passe local/);
  },
);
