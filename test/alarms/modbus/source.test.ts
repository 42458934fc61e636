import t, { type Test } from 'tap';
import { SteadyInput } from '../../../agent/alarms/modbus/steady.ts';
import type { AlarmModule, ModulePoint } from '../../../agent/alarms/ports.ts';
import { ModbusServer } from '../../support/modbus-server.ts';
import { TestClock } from '../../support/test-clock.ts';
import { Relay } from '../relay.ts';
import { type Rig, sourceBehaviour } from '../source-behaviour.ts';
import { Watch } from '../watch.ts';

const POLL_MS = 500;
/** Longer than any test, since the clock of the test also counts these. */
const TIMEOUT_MS = 10_000_000;
const POINT: ModulePoint = {
  id: 'pt-cuve',
  name: 'Cuve',
  kind: 'module-input',
  module: 'io-1',
  address: 3,
  code: 'UA',
  inverted: false,
  debounceMs: 0,
  maxAgeMs: 10_000,
  severity: 'major',
};

function moduleAt(port: number, more: Partial<AlarmModule> = {}): AlarmModule {
  return { id: 'io-1', host: '127.0.0.1', port, unit: 1, pollMs: POLL_MS, timeoutMs: TIMEOUT_MS, ...more };
}

async function relayed(t: Test, count = 8): Promise<{ server: ModbusServer; relay: Relay }> {
  const server = await ModbusServer.start({ count });
  const relay = await Relay.to(server.port, () => true);
  t.teardown(async () => {
    await relay.close();
    await server.stop();
  });
  return { server, relay };
}

async function moduleRig(t: Test, clock: TestClock): Promise<Rig> {
  const { server, relay } = await relayed(t);
  const say = async (active: boolean) => {
    await server.set(POINT.address, active);
    await relay.heard(clock, POLL_MS);
  };
  return {
    point: POINT.id,
    configuration: { points: [POINT], cameras: [], modules: [moduleAt(relay.port)] },
    cause: 'equipment-closed',
    greet: () => say(false),
    say,
    lose: async () => {
      const { connections } = relay;
      relay.pull();
      await relay.wait(clock, 100, () => relay.connections > connections);
    },
    comeBack: async (active) => {
      relay.plug();
      await say(active);
    },
  };
}

sourceBehaviour('Modbus TCP, against pymodbus', moduleRig);

async function begin(t: Test, modules: readonly AlarmModule[], points: readonly ModulePoint[]) {
  const clock = new TestClock();
  const watch = new Watch(t.testdir(), clock, () => undefined);
  t.teardown(() => watch.end());
  await watch.begin({ cameras: [], modules, points });
  return { clock, watch };
}

t.test('where the open circuit is the alarm, 0 raises and 1 clears', async (t) => {
  const { server, relay } = await relayed(t);
  const { clock, watch } = await begin(t, [moduleAt(relay.port)], [{ ...POINT, inverted: true }]);
  await relay.heard(clock, POLL_MS);
  await server.set(POINT.address, true);
  await relay.heard(clock, POLL_MS);
  t.same(watch.transitions, ['pt-cuve raised', 'pt-cuve cleared']);
  t.match(watch.events[0], { kind: 'module-input', source: 'io-1', code_sia: 'UA', code_contact_id: '1150' });
  t.match(watch.events[1], { code_sia: 'UH', code_contact_id: '3150' });
});

t.test('an input that bounces is an alarm when it stays', async (t) => {
  const { server, relay } = await relayed(t);
  const { clock, watch } = await begin(t, [moduleAt(relay.port)], [{ ...POINT, debounceMs: 5000 }]);
  for (let i = 0; i < 20; i += 1) await relay.heard(clock, POLL_MS);
  t.equal(watch.shown(POINT.id).state, 'cleared');
  await server.set(POINT.address, true);
  await relay.heard(clock, POLL_MS);
  await server.set(POINT.address, false);
  await relay.heard(clock, POLL_MS);
  t.same(watch.transitions, []);
  await server.set(POINT.address, true);
  await relay.wait(clock, POLL_MS, () => watch.transitions.length > 0);
  t.same(watch.transitions, ['pt-cuve raised']);
});

t.test(
  'an input that changed while its module was away shows nothing of before when it is read again',
  async (t) => {
    const { server, relay } = await relayed(t);
    const { clock, watch } = await begin(t, [moduleAt(relay.port)], [{ ...POINT, debounceMs: 5000 }]);
    await relay.wait(clock, POLL_MS, () => watch.shown(POINT.id).state === 'cleared');
    relay.pull();
    await relay.wait(clock, 1000, () => watch.shown(POINT.id).state === 'unknown');
    const before = watch.recorder.of('state', 'alarmCurrent', POINT.id).length;
    await server.set(POINT.address, true);
    relay.plug();
    await relay.wait(clock, POLL_MS, () => watch.transitions.length > 0);
    t.same(watch.transitions, ['pt-cuve raised']);
    const shown = watch.recorder.of('state', 'alarmCurrent', POINT.id).slice(before);
    t.same([...new Set(shown.map(({ fields }) => fields.state))], ['raised']);
  },
);

t.test('what an input began to say before it was not read for a while counts for nothing', async (t) => {
  const input = new SteadyInput(5_000);
  t.equal(input.read(false, 0), undefined);
  t.equal(input.read(false, 5_000), false);
  t.equal(input.read(true, 6_000), false);
  input.interrupted();
  t.equal(input.read(true, 20_000), undefined);
  t.equal(input.read(true, 24_999), undefined);
  t.equal(input.read(true, 25_000), true);
});

t.test('a point is unknown from its own maximum age on, counted from the last reading', async (t) => {
  const { relay } = await relayed(t);
  const points = [
    POINT,
    { ...POINT, id: 'pt-vite', maxAgeMs: 3000 },
    { ...POINT, id: 'pt-lent', maxAgeMs: 60_000 },
  ];
  const { clock, watch } = await begin(t, [moduleAt(relay.port)], points);
  await relay.heard(clock, POLL_MS);
  const { connections } = relay;
  relay.pull();
  await relay.wait(clock, 100, () => relay.connections > connections);
  await clock.advance(4000);
  const states = () => points.map(({ id }) => watch.shown(id).state);
  t.same(states(), ['cleared', 'unknown', 'cleared']);
  await clock.advance(8000);
  t.same(states(), ['unknown', 'unknown', 'cleared']);
  await clock.advance(60_000);
  t.same(states(), ['unknown', 'unknown', 'unknown']);
  t.same(watch.transitions, []);
});

t.test(
  'inputs that the module does not have are one alarm, are asked for ever less, and come back',
  async (t) => {
    const { server, relay } = await relayed(t, 8);
    const strangers = [40, 60].map((address) => ({ ...POINT, id: `pt-${address}`, address }));
    const { clock, watch } = await begin(t, [moduleAt(relay.port)], [POINT, ...strangers]);
    await server.set(POINT.address, true);
    const rounds = 60;
    await relay.wait(clock, POLL_MS, () => clock.monotonicMs() >= rounds * POLL_MS);
    t.same(watch.transitions, ['pt-cuve raised'], 'its neighbours are read');
    t.equal(watch.shown('pt-40').state, 'unknown');
    t.match(watch.failures, [
      { transition: 'raised', cause: 'module-exception', text: /exception 2, illegal data/ },
    ]);
    t.equal(watch.failures.length, 1, 'one alarm for both');
    t.equal(relay.connections, 1, 'the connection is as good as before');
    const perRound = relay.questions / rounds;
    t.ok(perRound < 1.3, `${perRound} questions in a round, 3 without rest`);
    await server.set(40, true);
    await relay.wait(clock, POLL_MS, () => watch.transitions.length === 2);
    t.same(watch.failures.length, 1, 'the other is still refused');
    await server.set(60, true);
    await relay.wait(clock, POLL_MS, () => watch.failures.length === 2);
    t.match(watch.failures[1], { transition: 'cleared' });
    t.same(watch.transitions, ['pt-cuve raised', 'pt-40 raised', 'pt-60 raised']);
  },
);

t.test('one module that is gone does not hold up another', async (t) => {
  const gone = await relayed(t);
  const { server, relay } = await relayed(t);
  gone.relay.pull();
  const { clock, watch } = await begin(
    t,
    [moduleAt(gone.relay.port), moduleAt(relay.port, { id: 'io-2' })],
    [POINT, { ...POINT, id: 'pt-2', module: 'io-2' }],
  );
  await relay.heard(clock, POLL_MS);
  await server.set(POINT.address, true);
  await relay.heard(clock, POLL_MS);
  t.same(watch.transitions, ['pt-2 raised']);
});

t.test('an unchanged module keeps its connection when the configuration changes', async (t) => {
  const { relay } = await relayed(t);
  const { clock, watch } = await begin(t, [moduleAt(relay.port)], [POINT]);
  await relay.heard(clock, POLL_MS);
  const renamed = { ...POINT, name: 'Cuve de fioul', severity: 'critical' as const };
  await watch.room.apply({ cameras: [], modules: [moduleAt(relay.port)], points: [renamed] });
  await relay.heard(clock, POLL_MS);
  t.equal(relay.connections, 1);
  t.match(watch.shown(POINT.id), { name: 'Cuve de fioul', severity: 'critical' });
  const other = { ...POINT, address: 4 };
  await watch.room.apply({ cameras: [], modules: [moduleAt(relay.port)], points: [other] });
  await relay.heard(clock, POLL_MS);
  t.equal(relay.connections, 2, 'another address is another question');
  await watch.room.apply({ cameras: [], modules: [], points: [] });
  const { questions } = relay;
  await clock.advance(60_000);
  t.equal(relay.questions, questions, 'a module that is taken out is left alone');
});
