import t, { type Test } from 'tap';
import { type Configuration, configurationSchema } from '../../agent/config/configuration.ts';
import { unconfigured, withOwnPoints } from '../../agent/config/own-points.ts';
import { ScriptedBox, Watch } from '../alarms/watch.ts';
import { TestClock } from '../support/test-clock.ts';

const ABOUT_ITSELF = [
  ...['pt-box-backbone', 'pt-box-certificate', 'pt-box-clock', 'pt-box-disk', 'pt-box-disk-wear'],
  ...['pt-box-link', 'pt-box-outbox', 'pt-box-store', 'pt-box-temperature', 'pt-box-video'],
];
const OF_INVENTORY = ['pt-box-unknown-device', 'pt-camera-moved'];
const camera = (id: string) => ({
  ...{ id, name: id, host: '10.0.0.1', regime: 'continuous', owner: 'commune', onvif: {} },
});
const own = (config: object) => withOwnPoints(configurationSchema.parse(config));
const ids = ({ points }: Pick<Configuration, 'points'>) => points.map(({ id }) => id).sort();

t.test('own points: a box without a configuration watches itself, one with cameras those too', async (t) => {
  t.same(ids(unconfigured()), ABOUT_ITSELF);
  t.same(ids(own({})), ABOUT_ITSELF);
  const two = own({ cameras: [camera('cam-quai'), { ...camera('cam-hall'), owner: 'metropole' }] });
  const about = ['pt-camera-network', 'pt-health-hall', 'pt-health-quai', ...OF_INVENTORY];
  t.same(ids(two), [...ABOUT_ITSELF, ...about].sort());
  t.match(
    two.points.find(({ id }) => id === 'pt-health-hall'),
    { kind: 'camera-health', camera: 'cam-hall', owner: 'metropole', from: 'down', minDurationS: 60 },
  );
});

t.test(
  'own points: each segment that several cameras share is watched, until an entry says otherwise',
  async (t) => {
    const segments = ['seg-halle', 'seg-quai'].map((id) => ({ id, name: `Nom de ${id}`, kind: 'switch' }));
    const cameras = ['cam-a', 'cam-b', 'cam-c'].map((id) => ({
      ...camera(id),
      segment: id === 'cam-c' ? 'seg-quai' : 'seg-halle',
    }));
    const { points } = own({ segments, cameras });
    t.match(
      points.filter(({ kind }) => kind === 'camera-network'),
      [
        { id: 'pt-camera-network', segment: undefined },
        { id: 'pt-segment-halle', segment: 'seg-halle', name: /Nom de seg-halle$/, minDurationS: 60 },
      ],
    );
    const entry = { id: 'pt-reseau', name: 'Réseau', kind: 'camera-network' };
    const given = own({ segments, cameras, points: [entry] }).points;
    t.same(ids({ points: given.filter(({ kind }) => kind === 'camera-network') }), ['pt-reseau']);
  },
);

t.test('own points: an entry takes the place of its kind, and any kind can be turned off', async (t) => {
  const cameras = [camera('cam-quai'), camera('cam-hall')];
  const disk = { id: 'pt-disque', name: 'Disque', kind: 'box-disk', belowMb: 50 };
  const quai = { id: 'pt-quai', name: 'Quai', kind: 'camera-health', camera: 'cam-quai' };
  const some = ids(own({ cameras, points: [disk, quai] }));
  t.ok(some.includes('pt-health-hall') && some.includes('pt-disque') && some.includes('pt-quai'));
  t.notOk(some.includes('pt-box-disk') || some.includes('pt-health-quai'));
  const all = { id: 'pt-toutes', name: 'Toutes', kind: 'camera-health' };
  t.notOk(ids(own({ cameras, points: [all] })).some((id) => id.startsWith('pt-health-')));
  t.same(ids(own({ cameras, alarms: { boxPoints: [] } })), []);
  t.same(ids(own({ cameras, alarms: { boxPoints: ['box-clock'] } })), ['pt-box-clock']);
  t.throws(() => own({ alarms: { boxPoints: ['box-coffee'] } }));
});

t.test('own points: no two have the same id, nor that of an entry of another kind', async (t) => {
  const long = `cam-${'a'.repeat(58)}`;
  const cameras = [camera(`${long}1`), camera(`${long}2`), camera('cam-quai')];
  const taken = { id: 'pt-box-clock', name: 'Autre', kind: 'box-link' };
  const { points } = own({ cameras, points: [taken] });
  t.equal(new Set(points.map(({ id }) => id)).size, points.length);
  t.equal(points.filter(({ id }) => id.startsWith('pt-health-')).length, 3);
  t.same(
    points.filter(({ id }) => id === 'pt-box-clock').map(({ kind }) => kind),
    ['box-link'],
  );
  t.ok(points.every(({ id }) => id.length <= 62));
});

async function begin(t: Test, box: ScriptedBox) {
  const clock = new TestClock();
  const watch = new Watch(t.testdir(), clock, () => undefined, undefined, box);
  t.teardown(() => watch.end());
  const { points } = own({ cameras: [camera('cam-quai'), camera('cam-hall')] });
  await watch.begin({ points, cameras: [] });
  /** Second by second, so that the box looks at itself in each. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) await clock.advance(1_000);
  };
  return { watch, pass };
}

t.test(
  'own points: what is wrong for a minute is raised by a box whose configuration says nothing of it',
  async (t) => {
    const box = new ScriptedBox();
    box.list = [{ camera: 'cam-quai', state: 'down', cause: 'camera-no-video' }];
    Object.assign(box, {
      trust: 'holdover',
      percent: 80,
      freeMb: 100,
      ends: Date.UTC(2026, 0, 20),
      video: false,
    });
    const { watch, pass } = await begin(t, box);
    await pass(50);
    t.same(watch.transitions, []);
    await pass(40);
    const raised = ['certificate', 'clock', 'disk', 'outbox', 'video'].map((kind) => `pt-box-${kind} raised`);
    t.same(watch.transitions.sort(), [...raised, 'pt-health-quai raised']);
    const repaired = new ScriptedBox();
    repaired.list = [{ camera: 'cam-quai', state: 'ok', cause: 'none' }];
    Object.assign(box, repaired);
    await pass(40);
    t.equal(watch.transitions.filter((text) => text.endsWith('cleared')).length, 6);
  },
);

t.test(
  'own points: a box that gets no configuration for a minute watches itself; one that has one goes by it',
  async (t) => {
    const folder = t.testdir({ without: {}, with: {} });
    const start = (name: string) => {
      const clock = new TestClock();
      const watch = new Watch(`${folder}/${name}`, clock, () => undefined, undefined, new ScriptedBox());
      t.teardown(() => watch.end());
      watch.room.bridge(unconfigured());
      return {
        clock,
        watch,
        known: () =>
          watch.room
            .status()
            .map(({ point }) => point)
            .sort(),
      };
    };
    const without = start('without');
    await without.clock.advance(59_000);
    t.same(without.known(), []);
    await without.clock.advance(2_000);
    t.same(without.known(), ABOUT_ITSELF);
    const [one] = unconfigured().points;
    await without.watch.begin({ points: one ? [one] : [], cameras: [] });
    t.same(without.known(), [one?.id]);
    const configured = start('with');
    await configured.watch.begin({ points: one ? [one] : [], cameras: [] });
    await configured.clock.advance(120_000);
    t.same(configured.known(), [one?.id]);
  },
);

t.test('a clock that cannot be believed judges no certificate', async (t) => {
  const box = new ScriptedBox();
  Object.assign(box, { trust: 'untrusted', ends: Date.UTC(2025, 0, 1) });
  const { watch, pass } = await begin(t, box);
  await pass(120);
  t.match(watch.shown('pt-box-certificate'), { state: 'unknown' });
  t.same(watch.transitions, ['pt-box-clock raised']);
  box.trust = 'synced';
  await pass(90);
  t.match(watch.shown('pt-box-certificate'), { state: 'raised', cause: 'certificate-expired' });
});
