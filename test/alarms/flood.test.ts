import t, { type Test } from 'tap';
import type { AlarmPoint } from '../../agent/alarms/ports.ts';
import { SETTINGS } from '../../agent/alarms/rules.ts';
import { TestClock } from '../support/test-clock.ts';
import { CAMERA, POINT, ScriptedCamera, Watch } from './watch.ts';

const LIMIT = 10;
const WITHIN_S = 5;
const POINTS: AlarmPoint[] = [
  { ...POINT, input: '1' },
  { ...POINT, id: 'pt-feu', name: 'Feu', input: '2', code: 'FA', severity: 'critical' },
];

interface Begun {
  readonly clock: TestClock;
  readonly camera: ScriptedCamera;
  readonly watch: Watch;
}

async function begin(
  t: Test,
  { folder = t.testdir(), clock = new TestClock(), events = LIMIT } = {},
): Promise<Begun> {
  const camera = new ScriptedCamera();
  const watch = new Watch(folder, clock, () => camera);
  t.teardown(() => watch.end());
  const alarms = { ...SETTINGS, flood: { events, withinS: WITHIN_S } };
  await watch.begin({ points: POINTS, cameras: [CAMERA], alarms });
  await clock.advance(0);
  camera.input('1', false, 'Initialized');
  camera.input('2', false, 'Initialized');
  return { clock, camera, watch };
}

/** Changes of an input: as many events. */
async function change({ camera, clock }: Begun, times: number, everyMs = 10): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    camera.input('1', n % 2 === 0);
    await clock.advance(everyMs);
  }
}

const floods = ({ watch }: Begun) =>
  watch.store.outbox
    .next(0, 1000)
    .filter(({ topic }) => topic.endsWith('/event/flood'))
    .map(({ payload }) => JSON.parse(payload));

t.test(
  'flood: it is told when it begins, while it lasts and at its end; every event is there besides',
  async (t) => {
    const begun = await begin(t);
    const { clock, camera, watch } = begun;
    const firstMs = clock.wallMs();
    await change(begun, LIMIT - 1);
    t.same(floods(begun), [], 'as many are none');
    camera.input('2', true);
    const [told] = floods(begun);
    t.match(told, {
      transition: 'begun',
      count: LIMIT,
      first_seq: 1,
      last_seq: LIMIT,
      first_ts: firstMs,
      last_ts: clock.wallMs(),
      life_safety: 1,
      intrusion: LIMIT - 1,
      technical: 0,
      service: 0,
      kinds: `digital-input ${LIMIT}`,
      limit: LIMIT,
      within_s: WITHIN_S,
    });
    t.equal(watch.store.outbox.find(told.id)?.class, 'life-safety', 'it goes before what it sums up');
    await change(begun, 30, 200);
    t.match(floods(begun).slice(1), [{ transition: 'lasts', first_seq: 1 }]);
    await clock.advance(WITHIN_S * 1000 + 1000);
    const events = watch.events.map(({ seq }) => seq);
    t.match(floods(begun).at(-1), {
      transition: 'ended',
      count: events.length,
      first_seq: events[0],
      last_seq: events.at(-1),
    });
    await clock.advance(60_000);
    t.equal(floods(begun).filter(({ transition }) => transition === 'ended').length, 1);
    await change(begun, LIMIT);
    t.match(floods(begun).at(-1), { transition: 'begun', count: LIMIT }, 'another one begins anew');
  },
);

t.test('flood: the same number of alarms over a longer time is none', async (t) => {
  const begun = await begin(t);
  await change(begun, 4 * LIMIT, (WITHIN_S * 1000) / (LIMIT - 1) + 1);
  t.same(floods(begun), []);
});

t.test('flood: without a number there is never one, and one that lasts ends with the rule', async (t) => {
  const folder = t.testdir();
  const clock = new TestClock();
  const never = await begin(t, { events: 0, folder, clock });
  await change(never, 5 * LIMIT);
  t.same(floods(never), []);
  await never.watch.end();
  const begun = await begin(t, { folder, clock });
  await change(begun, LIMIT);
  t.match(floods(begun), [{ transition: 'begun' }]);
  const alarms = { ...SETTINGS, flood: { events: 0, withinS: WITHIN_S } };
  await begun.watch.room.apply({ points: POINTS, cameras: [CAMERA], alarms });
  await clock.advance(1000);
  t.match(floods(begun), [{ transition: 'begun' }, { transition: 'ended', count: LIMIT }]);
});

t.test('flood: killed at any time its figures are exact, and its end is told', async (t) => {
  const folder = t.testdir();
  const clock = new TestClock();
  for (let starts = 0; starts < 4; starts += 1) {
    const begun = await begin(t, { folder, clock });
    await change(begun, LIMIT + 2, 50);
    await begun.watch.end();
  }
  const last = await begin(t, { folder, clock });
  await clock.advance(1000);
  t.same(
    floods(last).map(({ transition }) => transition),
    ['begun'],
    'not over before that can be known',
  );
  await clock.advance(WITHIN_S * 1000 + 1000);
  t.match(floods(last).at(-1), { transition: 'ended', count: last.watch.events.length, first_seq: 1 });
});
