import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { configurationOf, Scene, simulatedCamera } from '../support/scene.ts';

interface Health {
  readonly consequence_of?: string;
}

interface Alarm {
  readonly transition: string;
  readonly ts: number;
}

const transitions = ({ csu }: Scene, point: string) =>
  csu.events<Alarm>(`/${point}/event/alarm`, `/${point}/hist/alarm`).map(({ transition }) => transition);
/** The first event of the point. */
const raised = ({ csu }: Scene, point: string) =>
  csu.until(`${point} raised`, () => csu.json(`/${point}/event/alarm`)[0]);
const shows = ({ csu }: Scene, point: string, state: string) =>
  csu.until(`${point} ${state}`, () => csu.json(`/${point}/state/alarm-current`).at(-1)?.state === state);

const OWN = ['camera-health', 'camera-network', 'box-disk', 'box-store', 'box-temperature'];

t.test('the box: a camera that goes is one alarm, a lost link is known when it is back', async (t) => {
  const scene = await Scene.create(t);
  const { csu, box, centre } = scene;
  const camera = await simulatedCamera(t);
  box.start();
  const points = [
    { id: 'pt-quai', name: 'Quai en panne', kind: 'camera-health', camera: 'cam-quai' },
    { id: 'pt-lien', name: 'Lien', kind: 'box-link', afterS: 2 },
    { id: 'pt-disque', name: 'Disque', kind: 'box-disk', belowMb: 10_000_000 },
    { id: 'pt-certificat', name: 'Certificat', kind: 'box-certificate', days: 365 },
    { id: 'pt-heure', name: 'Heure', kind: 'box-clock' },
    { id: 'pt-envoi', name: 'Envoi', kind: 'box-outbox' },
    { id: 'pt-video', name: 'Vidéo', kind: 'box-video', debounceMs: 5000 },
  ];
  const { alarms } = configurationOf(camera) as { alarms: object };
  await scene.push({ ...configurationOf(camera), points, alarms: { ...alarms, boxPoints: OWN } });
  // The others of OWN have entries, which take their place.
  for (const id of ['pt-box-store', 'pt-box-temperature'])
    await csu.until(id, () => csu.json(`/${id}/state/alarm-current`).at(-1));
  t.notOk(csu.received.some(({ topic }) => topic.includes('/pt-box-disk/')));
  for (const id of ['pt-quai', 'pt-lien', 'pt-certificat', 'pt-heure', 'pt-envoi', 'pt-video'])
    await shows(scene, id, 'cleared');
  t.match(await raised(scene, 'pt-disque'), {
    kind: 'box-disk',
    source: 'collector',
    cause: 'disk-nearly-full',
    text: /^\d+ MB$/,
  });

  await camera.stop();
  t.match(await raised(scene, 'pt-quai'), {
    source: 'cam-quai',
    camera: 'cam-quai',
    category: 'equipment',
  });

  await centre.broker.kill();
  await box.until('the alarm of the link', ({ alarms }) =>
    alarms.some(({ point, state }) => point === 'pt-lien' && state === 'raised'),
  );
  await box.kill();
  box.start();
  await scene.brokerReturns();
  await csu.until('both', () => transitions(scene, 'pt-lien').length === 2);
  t.same(transitions(scene, 'pt-lien').sort(), ['cleared', 'raised']);
  t.same(transitions(scene, 'pt-quai'), ['raised']);
});

t.test(
  'the box: cut off from all its cameras it says so once; a database set aside is an alarm until it is taken away',
  async (t) => {
    const scene = await Scene.create(t);
    const { box } = scene;
    const camera = await simulatedCamera(t);
    const state = join(scene.folder, 'state');
    const configuration = (host: string, hostOfHall = host) => {
      const { cameras } = configurationOf(camera) as { cameras: object[] };
      const ids = ['cam-a', 'cam-b', 'cam-c', 'cam-d'];
      const inHall = (id: string) => id >= 'cam-c';
      return {
        segments: [{ id: 'seg-halle', name: 'Commutateur de la halle', kind: 'switch' }],
        cameras: ids.map((id) => ({
          ...cameras[0],
          id,
          host: inHall(id) ? hostOfHall : host,
          ...(inHall(id) && { segment: 'seg-halle' }),
        })),
        points: [
          { id: 'pt-reseau', name: 'Réseau des caméras', kind: 'camera-network' },
          { id: 'pt-halle', name: 'Halle', kind: 'camera-network', segment: 'seg-halle' },
          { id: 'pt-base', name: 'Base', kind: 'box-store' },
          ...ids.map((id) => ({ id: `pt-${id}`, name: id, kind: 'camera-health', camera: id })),
        ],
      };
    };
    box.start();
    await scene.push(configuration('127.0.0.1'));
    for (const id of ['pt-reseau', 'pt-halle', 'pt-base', 'pt-cam-a', 'pt-cam-c'])
      await shows(scene, id, 'cleared');
    await scene.push(configuration('127.0.0.1', 'nulle-part.invalid'));
    t.match(await raised(scene, 'pt-halle'), { cause: 'camera-network-down', text: '2 cameras' });
    await shows(scene, 'pt-cam-c', 'unknown');
    const consequence = await scene.csu.until('the camera as a consequence', () =>
      scene.csu.json<Health>('/cam-c/state/health').find((health) => health.consequence_of === 'seg-halle'),
    );
    t.match(consequence, { state: 'down', cause: 'camera-unreachable', side: 'local-network' });
    const segment = await scene.csu.until('the segment', () =>
      scene.csu.json('/seg-halle/state/health').findLast(({ state: how }) => how === 'down'),
    );
    t.match(segment, { cameras: 2, cameras_unreachable: 2, cameras_lost: 2, unreachable: 'cam-c, cam-d' });
    const whole = await scene.csu.until('the other segment', () =>
      scene.csu.json('/seg-all/state/health').findLast(({ cameras }) => cameras === 4),
    );
    t.match(whole, { state: 'ok' });
    await scene.push(configuration('nulle-part.invalid'));
    await shows(scene, 'pt-reseau', 'raised');
    await shows(scene, 'pt-cam-a', 'unknown');
    await box.stop();
    await writeFile(join(state, 'beffroi.db'), Buffer.alloc(64 * 1024, 0x5a));
    box.start();
    t.match(await raised(scene, 'pt-base'), { cause: 'store-damaged', text: /^beffroi\.db\.damaged-/ });
    for (const name of await readdir(state))
      if (name.includes('.damaged-')) await rm(join(state, name), { force: true });
    await shows(scene, 'pt-base', 'cleared');
    await scene.push(configuration('127.0.0.1'));
    await shows(scene, 'pt-reseau', 'cleared');
    for (const id of ['pt-halle', 'pt-cam-a', 'pt-cam-c']) await shows(scene, id, 'cleared');
    t.match(transitions(scene, 'pt-halle').slice(0, 1), ['raised']);
    const before = transitions(scene, 'pt-reseau').length;
    await camera.stop();
    await scene.csu.until(
      'one alarm of ports that are all closed',
      () => transitions(scene, 'pt-reseau').length > before,
    );
    await shows(scene, 'pt-cam-a', 'unknown');
    for (const id of ['a', 'b', 'c', 'd']) t.same(transitions(scene, `pt-cam-${id}`), []);
    await scene.push({ ...configuration('127.0.0.1'), segments: [], points: [], cameras: [] });
    const gone = () => scene.csu.received.findLast(({ topic }) => topic.endsWith('/seg-halle/state/health'));
    await scene.csu.until('a segment that is gone', () => gone()?.payload.length === 0);
  },
);
