import t, { type Test } from 'tap';
import { Arming } from '../../../agent/alarms/arming/arming.ts';
import type { AlarmPoint, AlarmSettings } from '../../../agent/alarms/ports.ts';
import { SETTINGS } from '../../../agent/alarms/rules.ts';
import { Recorder } from '../../health/recorder.ts';
import { TestClock } from '../../support/test-clock.ts';
import { CAMERA, POINT, ScriptedCamera, Watch } from '../watch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WHO = { by: 'Services techniques', why: 'remplacement de la serrure' };
const DECISION = { ...WHO, signer: 'key-operate' };
const NIGHT = { id: 'sch-nuit', name: 'Nuit', armed: ['* 19-23,0-6 * * *'], onHolidays: ['* * * * *'] };
const ID = 'order-of-window';

const at = (iso: string) => new TestClock(Date.parse(iso));

interface Start {
  readonly clock: TestClock;
  readonly point?: Partial<AlarmPoint>;
  readonly settings?: Partial<AlarmSettings>;
  readonly folder?: string;
}

async function begin(t: Test, { clock, point, settings, folder = t.testdir() }: Start) {
  const camera = new ScriptedCamera();
  const watch = new Watch(folder, clock, () => camera);
  t.teardown(() => watch.end());
  const points = [{ ...POINT, ...point } as AlarmPoint];
  const alarms = { ...SETTINGS, schedules: [NIGHT], ...settings };
  await watch.begin({ points, cameras: [CAMERA], alarms });
  await clock.advance(0);
  camera.input('1', false, 'Initialized');
  return { clock, camera, watch, alarms, points };
}

const byNight = { point: { schedule: 'sch-nuit' } };

t.test(
  'arming: by day the point records what it sees and raises nothing; what is still so at night is an alarm',
  async (t) => {
    const clock = at('2026-11-23T18:00:00+01:00');
    const { camera, watch } = await begin(t, { clock, ...byNight });
    t.match(watch.shown(), { armed: false, unarmed_by: 'schedule', alarm_state: 'none' });
    camera.input('1', true);
    t.match(watch.shown(), { state: 'raised', alarm_state: 'none' }, 'the condition is shown');
    camera.input('1', false);
    camera.input('1', true);
    t.same(watch.told, ['activity begun', 'activity ended', 'activity begun']);
    t.match(watch.last('activity'), { point: 'pt-porte', unarmed_by: 'schedule', severity: 'major' });
    await clock.pass(HOUR - 2000);
    t.equal(watch.told.length, 3);
    await clock.advance(3000);
    t.same(watch.told.slice(3), ['alarm raised']);
    t.match(watch.shown(), { armed: true, unarmed_by: undefined, alarm_state: 'raised' });
    await clock.pass(12 * HOUR);
    t.match(watch.shown(), { armed: false, alarm_state: 'raised' }, 'an alarm that is there stays');
    camera.input('1', false);
    t.same(watch.told.slice(4), ['alarm cleared']);
  },
);

t.test('arming: a kill while it is not armed doubles nothing that was recorded', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, { clock: at('2026-11-23T12:00:00+01:00'), ...byNight, folder });
  first.camera.input('1', true);
  const clock = at('2026-11-23T12:01:00+01:00');
  const second = new Watch(folder, clock, () => camera);
  const camera = new ScriptedCamera();
  t.teardown(() => second.end());
  await second.begin({ points: first.points, cameras: [CAMERA], alarms: first.alarms });
  await clock.advance(0);
  camera.input('1', true, 'Initialized');
  t.same(second.told, ['activity begun']);
  camera.input('1', false);
  t.same(second.told, ['activity begun', 'activity ended']);
});

for (const [what, from, hours] of [
  ['forward', '2026-03-29T00:00:00Z', 4],
  ['back', '2026-10-24T23:00:00Z', 4],
] as const) {
  t.test(
    `arming: in the night in which the clocks go ${what} the point is armed as the wall clock shows`,
    async (t) => {
      const clock = at(from);
      const schedules = [{ ...NIGHT, armed: ['* 2 * * *'] }];
      const { watch } = await begin(t, { clock, ...byNight, settings: { schedules } });
      const armed: string[] = [];
      for (let minute = 0; minute < hours * 60; minute += 15) {
        await clock.advance(2000);
        if (watch.shown().armed) armed.push(new Date(clock.wallMs()).toISOString().slice(11, 16));
        await clock.pass(15 * MINUTE - 2000);
      }
      const twice = ['00:00', '00:15', '00:30', '00:45', '01:00', '01:15', '01:30', '01:45'];
      t.same(armed, what === 'back' ? twice : [], 'the hour from 2 to 3 in Paris, as often as it is there');
    },
  );
}

t.test('arming: while the clock cannot be believed no schedule disarms anything', async (t) => {
  const clock = at('2026-11-23T12:00:00+01:00');
  const { camera, watch } = await begin(t, { clock, ...byNight });
  watch.trust = 'untrusted';
  camera.input('1', true);
  t.same(watch.told, ['alarm raised']);
  t.match(watch.shown(), { armed: true });
});

t.test(
  'arming: no schedule disarms what lives depend on, nor tampering, whatever a panel reports',
  async (t) => {
    const clock = at('2026-11-23T12:00:00+01:00');
    const { watch } = await begin(t, { clock });
    const recorder = new Recorder(clock);
    const arming = new Arming({ clock, clockTrust: () => 'synced', store: watch.store, reporter: recorder });
    arming.configure({ ...SETTINGS, schedules: [NIGHT] });
    const point = { id: 'pt-1', schedule: 'sch-nuit' };
    for (const category of ['fire', 'panic', 'medical', 'gas', 'tamper'] as const)
      t.match(arming.judge(point, category), { armed: true }, category);
    for (const category of ['intrusion', 'technical', undefined] as const)
      t.match(arming.judge(point, category), { armed: false, by: 'schedule' }, String(category));
    t.match(arming.judge({ id: 'pt-1' }, 'intrusion'), { armed: true }, 'without a schedule');
  },
);

t.test(
  'windows: one that an order announces begins and ends by itself; what is still so at its end is an alarm',
  async (t) => {
    const clock = at('2026-11-23T12:00:00+01:00');
    const { camera, watch } = await begin(t, { clock });
    const { decisions } = watch.room;
    const [startMs, endMs] = [clock.wallMs() + HOUR, clock.wallMs() + 3 * HOUR];
    decisions.announce({ id: ID, points: ['pt-porte', 'pt-2'], startMs, endMs }, DECISION);
    t.match(watch.last('window'), {
      ...{
        window: ID,
        effect: 'maintenance',
        transition: 'announced',
        points: 'pt-porte pt-2',
        point_count: 2,
      },
      ...{ start: startMs, end: endMs, ...DECISION },
    });
    camera.input('1', true);
    camera.input('1', false);
    await clock.pass(HOUR + 1000);
    t.match(watch.shown(), { armed: false, unarmed_by: 'maintenance', window: ID });
    camera.input('1', true);
    await clock.pass(2 * HOUR);
    t.same(watch.told, [
      ...['window announced', 'alarm raised', 'alarm cleared', 'window begun', 'activity begun'],
      ...['window ended', 'alarm raised'],
    ]);
    t.notOk(decisions.knowsWindow(ID));
  },
);

t.test('windows: neither a kill nor a clock that jumps prolongs one', async (t) => {
  const folder = t.testdir();
  const clock = at('2026-11-23T12:00:00+01:00');
  const first = await begin(t, { clock, folder });
  const endMs = clock.wallMs() + HOUR;
  first.watch.room.decisions.announce(
    { id: ID, points: ['pt-porte'], startMs: clock.wallMs(), endMs },
    DECISION,
  );
  t.match(first.watch.told, ['window announced', 'window begun'], 'at once when its begin is now');
  await clock.pass(HOUR / 2);
  const later = new TestClock(clock.wallMs());
  const second = await begin(t, { clock: later, folder });
  t.match(second.watch.shown(), { armed: false, window: ID });
  later.jumpWall(-24 * HOUR);
  await later.pass(HOUR / 2 + 1000);
  t.match(second.watch.shown(), { armed: true });
  t.equal(second.watch.told.at(-1), 'window ended');
  await later.pass(24 * HOUR);
  t.equal(second.watch.told.at(-1), 'window ended', 'it does not come again with the hour');
});

t.test(
  'windows: one whose time passed while the box was off ends; one waits for a clock that can be believed',
  async (t) => {
    const folder = t.testdir();
    const clock = at('2026-11-23T12:00:00+01:00');
    const first = await begin(t, { clock, folder });
    const [startMs, endMs] = [clock.wallMs() + HOUR, clock.wallMs() + 2 * HOUR];
    first.watch.room.decisions.announce({ id: ID, points: ['pt-porte'], startMs, endMs }, DECISION);
    const off = await begin(t, { clock: new TestClock(startMs + MINUTE), folder });
    off.watch.trust = 'untrusted';
    await off.clock.pass(MINUTE);
    t.match(off.watch.last('window'), { transition: 'begun' }, 'it began when the clock could be believed');
    const after = await begin(t, { clock: new TestClock(endMs + HOUR), folder });
    await after.clock.advance(1000);
    t.match(after.watch.last('window'), { transition: 'ended' });
    t.match(after.watch.shown(), { armed: true });
    after.watch.trust = 'untrusted';
    const again = {
      id: 'order-another',
      points: ['pt-porte'],
      startMs: endMs + HOUR,
      endMs: endMs + 3 * HOUR,
    };
    after.watch.room.decisions.announce(again, DECISION);
    await after.clock.pass(MINUTE);
    t.match(after.watch.shown(), { armed: true }, 'not while the clock may be wrong');
    after.watch.trust = 'synced';
    await after.clock.advance(1000);
    t.match(after.watch.shown(), { armed: false });
  },
);

t.test('windows: an order cancels one, and says who; bounds hold', async (t) => {
  const clock = at('2026-11-23T12:00:00+01:00');
  const { watch } = await begin(t, { clock });
  const { decisions } = watch.room;
  const nowMs = clock.wallMs();
  const window = { id: ID, points: ['pt-porte'], startMs: nowMs, endMs: nowMs + HOUR };
  decisions.announce(window, DECISION);
  t.match(watch.shown(), { armed: false });
  decisions.cancel(ID, { ...DECISION, by: 'Opérateur 12' });
  t.match(watch.last('window'), { transition: 'cancelled', by: 'Opérateur 12' });
  t.match(watch.shown(), { armed: true });
  const bad = [
    { startMs: nowMs, endMs: nowMs },
    { startMs: nowMs - 2 * HOUR, endMs: nowMs - HOUR },
    { startMs: nowMs, endMs: nowMs + 32 * 24 * HOUR },
    { startMs: nowMs + 400 * 24 * HOUR, endMs: nowMs + 401 * 24 * HOUR },
  ];
  for (const times of bad)
    t.throws(() => decisions.announce({ ...window, ...times }, DECISION), { code: 'order-out-of-bounds' });
  const announceAll = () => {
    for (let n = 0; n < 100; n += 1) decisions.announce({ ...window, id: `order-${n}` }, DECISION);
  };
  t.throws(announceAll, { code: 'order-out-of-bounds' });
  t.equal(watch.told.filter((text) => text === 'window announced').length, 65);
});

const MISSION: AlarmSettings['windows'][number] = {
  id: 'win-14-juillet',
  effect: 'mission',
  points: ['pt-porte'],
  severity: 'critical',
  start: '2026-07-14T20:00:00+02:00',
  end: '2026-07-15T02:00:00+02:00',
  ...WHO,
};

t.test(
  'windows: a mission of the configuration arms its points whatever the hour, with its severity, and ends',
  async (t) => {
    const clock = at('2026-07-14T12:00:00+02:00');
    const never = [{ ...NIGHT, armed: ['0 0 1 1 *'] }];
    const settings = { schedules: never, windows: [MISSION] };
    const { camera, watch } = await begin(t, { clock, ...byNight, settings });
    await clock.pass(9 * HOUR);
    camera.input('1', true);
    t.match(watch.last('alarm'), { transition: 'raised', severity: 'critical' });
    camera.input('1', false);
    watch.room.decisions.close(String(watch.shown().alarm), DECISION);
    await clock.pass(6 * HOUR);
    camera.input('1', true);
    t.match(watch.last('activity'), { transition: 'begun', unarmed_by: 'schedule', severity: 'major' });
    t.same(
      watch.told.filter((text) => text.startsWith('window')),
      ['window announced', 'window begun', 'window ended'],
    );
  },
);

t.test(
  'windows: one of the configuration that is over stays so; one that is taken out is cancelled',
  async (t) => {
    const folder = t.testdir();
    const clock = at('2026-07-14T21:00:00+02:00');
    const settings = { windows: [MISSION] };
    const first = await begin(t, { clock, settings, folder });
    await clock.pass(6 * HOUR);
    const before = first.watch.told;
    const back = await begin(t, { clock: at('2026-07-14T21:00:00+02:00'), settings, folder });
    await back.clock.pass(HOUR);
    t.same(back.watch.told, before, 'also when the clock is set back into it');
    const other = {
      ...MISSION,
      id: 'win-15-aout',
      start: '2026-08-15T20:00:00+02:00',
      end: '2026-08-16T02:00:00+02:00',
    };
    const apply = (windows: (typeof other)[]) =>
      back.watch.room.apply({ points: back.points, cameras: [CAMERA], alarms: { ...back.alarms, windows } });
    await apply([other]);
    await apply([other]);
    await apply([{ ...other, end: '2026-08-16T03:00:00+02:00' }]);
    await apply([]);
    t.same(back.watch.told.slice(before.length), [
      ...['window announced', 'window cancelled', 'window announced', 'window cancelled'],
    ]);
  },
);

t.test(
  'windows: what lives depend on is raised in a maintenance window too, and says which window it fell into',
  async (t) => {
    const clock = at('2026-11-23T12:00:00+01:00');
    const codes = ['FA', 'PA', 'HA', 'MA', 'GA'];
    const folder = t.testdir(Object.fromEntries(codes.map((code) => [code, {}])));
    for (const code of codes) {
      const { camera, watch } = await begin(t, { clock, point: { code }, folder: `${folder}/${code}` });
      const window = { id: ID, points: ['pt-porte'], startMs: clock.wallMs(), endMs: clock.wallMs() + HOUR };
      const answer = watch.room.decisions.announce(window, DECISION);
      t.match(answer, /not silenced, because lives depend on them: pt-porte$/, 'who announces it is told');
      t.match(watch.shown(), { armed: true, unarmed_by: undefined, window: ID });
      camera.input('1', true);
      camera.input('1', false);
      t.match(watch.told.slice(-2), ['alarm raised', 'alarm cleared'], code);
      t.same(
        watch.events.map(({ window: named }) => named),
        [ID, ID],
      );
      await clock.pass(HOUR + 1000);
      camera.input('1', true);
      t.match(watch.last('alarm'), { transition: 'raised', window: undefined }, 'over');
    }
  },
);

t.test(
  'windows: a point that may be silenced although lives depend on it says so in the configuration',
  async (t) => {
    const clock = at('2026-11-23T12:00:00+01:00');
    const point = { code: 'FA', maintenanceSilences: true };
    const { camera, watch, alarms, points } = await begin(t, { clock, point });
    const window = { id: ID, points: ['pt-porte'], startMs: clock.wallMs(), endMs: clock.wallMs() + HOUR };
    t.notMatch(watch.room.decisions.announce(window, DECISION), /not silenced/);
    t.match(watch.shown(), { armed: false, unarmed_by: 'maintenance', window: ID });
    camera.input('1', true);
    t.match(watch.last('activity'), { transition: 'begun', category: 'fire', window: ID });
    const vital = points.map((one) => ({ ...one, maintenanceSilences: false }) as AlarmPoint);
    await watch.room.apply({ points: vital, cameras: [CAMERA], alarms });
    await clock.advance(2000);
    t.match(watch.last('alarm'), { transition: 'raised', category: 'fire', window: ID }, 'what is still so');
  },
);
