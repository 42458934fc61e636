import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AlarmUps, UpsPoint } from '../../../agent/alarms/ports.ts';
import { NutServer } from '../../support/nut-server.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Relay } from '../relay.ts';
import { type Rig, sourceBehaviour } from '../source-behaviour.ts';
import { Watch } from '../watch.ts';

const POLL_MS = 2000;
/** Longer than any test, since the clock of the test also counts these. */
const TIMEOUT_MS = 10_000_000;
const LOST_AFTER_MS = 15_000;
const folder = await mkdtemp(join(tmpdir(), 'nut-'));
const nut = await NutServer.start(folder);
t.teardown(async () => {
  await nut.stop();
  await rm(folder, { recursive: true, force: true });
});

const point = (kind: UpsPoint['kind']): UpsPoint => ({
  id: `pt-${kind}`,
  name: kind,
  kind,
  ups: 'ups-1',
  severity: 'major',
});
const POINTS = (['ups-mains', 'ups-battery', 'ups-battery-replace', 'ups-communication'] as const).map(point);

async function relayed(t: Test): Promise<Relay> {
  const relay = await Relay.to(nut.port, (bytes) => /(^|\n)(OK|ERR|END)[^\n]*\n$/.test(bytes.toString()));
  t.teardown(() => relay.close());
  return relay;
}

function upsAt(port: number, more: Partial<AlarmUps> = {}): AlarmUps {
  const { upsName } = nut;
  return {
    id: 'ups-1',
    host: '127.0.0.1',
    port,
    upsName,
    pollMs: POLL_MS,
    timeoutMs: TIMEOUT_MS,
    lostAfterMs: LOST_AFTER_MS,
    ...more,
  };
}

async function pulled(relay: Relay, clock: TestClock): Promise<void> {
  const { connections } = relay;
  relay.pull();
  await relay.wait(clock, 100, () => relay.connections > connections);
}

async function upsRig(t: Test, clock: TestClock): Promise<Rig> {
  await nut.set('ups.status', 'OL CHRG');
  const relay = await relayed(t);
  const say = async (active: boolean) => {
    await nut.set('ups.status', active ? 'OB DISCHRG' : 'OL CHRG');
    await relay.heard(clock, POLL_MS);
  };
  return {
    point: 'pt-ups-mains',
    configuration: { points: [point('ups-mains')], cameras: [], ups: [upsAt(relay.port)] },
    cause: 'equipment-closed',
    greet: () => say(false),
    say,
    lose: () => pulled(relay, clock),
    comeBack: async (active) => {
      relay.plug();
      await say(active);
    },
  };
}

sourceBehaviour('UPS, against upsd', upsRig);

async function begin(t: Test, more: Partial<AlarmUps> = {}) {
  await nut.set('ups.status', 'OL CHRG');
  const relay = await relayed(t);
  const clock = new TestClock();
  const watch = new Watch(t.testdir(), clock, () => undefined);
  t.teardown(() => watch.end());
  await watch.begin({ cameras: [], ups: [upsAt(relay.port, more)], points: POINTS });
  const states = () => POINTS.map(({ id }) => watch.shown(id).state);
  return { relay, clock, watch, states };
}

t.test('mains lost, battery low, battery to be replaced: each its alarm', async (t) => {
  const { relay, clock, watch, states } = await begin(t);
  await relay.heard(clock, POLL_MS);
  t.same(states(), ['cleared', 'cleared', 'cleared', 'cleared']);
  for (const status of ['OB DISCHRG', 'OB DISCHRG LB', 'OL CHRG RB', 'OL']) {
    await nut.set('ups.status', status);
    await relay.heard(clock, POLL_MS);
  }
  t.same(watch.transitions, [
    'pt-ups-mains raised',
    'pt-ups-battery raised',
    'pt-ups-mains cleared',
    'pt-ups-battery cleared',
    'pt-ups-battery-replace raised',
    'pt-ups-battery-replace cleared',
  ]);
  t.match(watch.events[0], { kind: 'ups-mains', source: 'ups-1', category: 'power' });
  t.same(
    watch.events.slice(0, 4).map(({ code_sia, code_contact_id }) => [code_sia, code_contact_id]),
    [
      ['AT', '1301'],
      ['YT', '1302'],
      ['AR', '3301'],
      ['YR', '3302'],
    ],
  );
});

t.test('a UPS that does not say where its power comes from leaves the state unknown', async (t) => {
  const { relay, clock, watch, states } = await begin(t);
  await nut.set('ups.status', 'OB');
  await relay.heard(clock, POLL_MS);
  await nut.set('ups.status', 'OFF');
  for (let i = 0; i < 6; i += 1) await relay.heard(clock, POLL_MS);
  t.same(states(), ['unknown', 'unknown', 'unknown', 'cleared']);
  t.same(watch.transitions, ['pt-ups-mains raised']);
});

t.test('communication lost is an alarm after its time, and over with the first good data', async (t) => {
  const { relay, clock, watch, states } = await begin(t);
  await relay.heard(clock, POLL_MS);
  await pulled(relay, clock);
  relay.plug();
  await relay.heard(clock, POLL_MS);
  t.same(watch.transitions, [], 'a short loss passes');
  await pulled(relay, clock);
  await clock.advance(LOST_AFTER_MS + 1000);
  t.same(watch.transitions, ['pt-ups-communication raised']);
  t.same(states(), ['unknown', 'unknown', 'unknown', 'raised']);
  t.match(watch.events[0], { cause: 'equipment-closed', code_sia: 'YC', code_contact_id: '1350' });
  await clock.advance(600_000);
  t.equal(watch.shown('pt-ups-communication').state, 'raised', 'the box knows this for sure');
  relay.plug();
  await relay.heard(clock, POLL_MS);
  t.same(watch.transitions, ['pt-ups-communication raised', 'pt-ups-communication cleared']);
  t.same(states(), ['cleared', 'cleared', 'cleared', 'cleared']);
});

t.test('a driver that is away is told with that cause, and the connection to upsd stays', async (t) => {
  const { relay, clock, watch } = await begin(t);
  await relay.heard(clock, POLL_MS);
  await nut.stopDriver();
  await relay.wait(clock, POLL_MS, () => watch.transitions.length > 0);
  await relay.wait(clock, POLL_MS, () => watch.failures.length > 0);
  t.same(watch.transitions, ['pt-ups-communication raised']);
  t.match(watch.failures, [{ cause: 'ups-data-stale' }]);
  t.match(watch.events[0], { cause: 'ups-data-stale' });
  await nut.startDriver();
  await relay.wait(clock, POLL_MS, () => watch.transitions.length > 1);
  t.match(watch.failures[1], { transition: 'cleared' });
  t.equal(relay.connections, 1);
});

t.test('a UPS of another name is told as not found', async (t) => {
  const { relay, clock, watch } = await begin(t, { upsName: 'autre' });
  await relay.wait(clock, POLL_MS, () => watch.failures.length > 0 && watch.transitions.length > 0);
  t.match(watch.failures, [{ cause: 'ups-not-found' }]);
  t.same(watch.transitions, ['pt-ups-communication raised']);
});

t.test('measures go up as numbers: at once, when the flags change, and now and then', async (t) => {
  const { relay, clock, watch } = await begin(t);
  await relay.heard(clock, POLL_MS);
  const measures = () => watch.recorder.of('measure', 'ups', 'ups-1').map(({ fields }) => fields);
  t.match(measures(), [
    { ups: 'ups-1', status: 'OL CHRG', on_battery: false, charge_percent: 100, runtime_s: 1800 },
  ]);
  await nut.set('battery.charge', '87');
  await nut.set('ups.status', 'OB DISCHRG');
  await relay.heard(clock, POLL_MS);
  t.match(measures()[1], { status: 'OB DISCHRG', on_battery: true, charge_percent: 87, load_percent: 23 });
  for (let i = 0; i < 10; i += 1) await relay.heard(clock, POLL_MS);
  t.ok(measures().length <= 2 + Math.ceil(clock.monotonicMs() / 30_000));
  t.ok(measures().length >= 3);
  await nut.set('battery.charge', '100');
});

t.test('an unchanged UPS keeps its connection; one whose login changes does not', async (t) => {
  const { relay, clock, watch } = await begin(t);
  await relay.heard(clock, POLL_MS);
  await watch.room.apply({ cameras: [], ups: [upsAt(relay.port)], points: [...POINTS] });
  await relay.heard(clock, POLL_MS);
  t.equal(relay.connections, 1);
  const credentials = { user: 'beffroi', password: 'secret' };
  await watch.room.apply({ cameras: [], ups: [upsAt(relay.port, { credentials })], points: [...POINTS] });
  await relay.heard(clock, POLL_MS);
  t.equal(relay.connections, 2);
});
