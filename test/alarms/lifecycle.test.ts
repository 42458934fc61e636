import t, { type Test } from 'tap';
import type { AlarmPoint, AlarmSettings } from '../../agent/alarms/ports.ts';
import { SETTINGS } from '../../agent/alarms/rules.ts';
import { DeviceError } from '../../agent/base/errors.ts';
import type { AlarmEvent } from '../../agent/contract/messages.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import { CAMERA, POINT, ScriptedCamera, Watch } from './watch.ts';

const HOUR = 3_600_000;
const DECISION = { by: 'Opérateur 12', signer: 'key-operate', why: 'agent sur place' };

interface Begun {
  readonly clock: TestClock;
  readonly camera: ScriptedCamera;
  readonly watch: Watch;
}

interface Start {
  readonly point?: Partial<AlarmPoint>;
  readonly more?: readonly AlarmPoint[];
  readonly settings?: Partial<AlarmSettings>;
  readonly folder?: string;
  readonly clock?: TestClock;
}

/** One start of the agent's alarms; a folder that is given again is as a kill left it. */
async function begin(
  t: Test,
  { point, more = [], settings, folder = t.testdir(), clock = new TestClock() }: Start = {},
) {
  const camera = new ScriptedCamera();
  const watch = new Watch(folder, clock, () => camera);
  t.teardown(() => watch.end());
  const points = [{ ...POINT, ...point } as AlarmPoint, ...more];
  await watch.begin({ points, cameras: [CAMERA], alarms: { ...SETTINGS, ...settings } });
  await clock.advance(0);
  return { clock, camera, watch } satisfies Begun;
}

const told = ({ watch }: Begun) => watch.events.map(({ transition }) => transition);
const current = ({ watch }: Begun) => String(watch.shown().alarm);

t.test(
  'life: more conditions than are told apart are told, and the alarm stays until somebody closes it',
  async (t) => {
    const begun = await begin(t);
    const { clock, camera, watch } = begun;
    const inputs = Array.from({ length: 300 }, (_, input) => String(input));
    for (const input of inputs) camera.input(input, true);
    await clock.advance(1000);
    t.match(watch.failures, [{ transition: 'raised', cause: 'point-crowded', text: /256.*pt-porte$/ }]);
    for (const input of inputs) camera.input(input, false);
    t.same(told(begun), ['raised']);
    t.equal(watch.shown().state, 'raised', 'which of them is over is not known');
    await camera.lose(new DeviceError('camera-closed', 'gone'));
    await clock.advance(5000);
    watch.room.decisions.close(current(begun), DECISION);
    await clock.advance(1000);
    t.same(
      watch.failures.map(({ transition }) => transition),
      ['raised', 'cleared'],
    );
    camera.input('299', true);
    camera.input('299', false);
    t.same(told(begun), ['raised', 'closed', 'raised', 'cleared'], 'nobody waits for what was closed');
  },
);

t.test('life: each point that becomes crowded is named, by the one alarm of its source', async (t) => {
  const tampering = { ...POINT, id: 'pt-vandale', kind: 'tampering' } as const;
  const { clock, camera, watch } = await begin(t, { more: [tampering] });
  const inputs = Array.from({ length: 257 }, (_, input) => String(input));
  for (const input of inputs) camera.input(input, true);
  await clock.advance(1000);
  const topic = 'tns1:VideoSource/GlobalSceneChange/ImagingService';
  for (const Source of inputs) camera.say({ topic, source: { Source }, data: { State: 'true' } });
  await clock.advance(3000);
  t.match(watch.failures, [
    { transition: 'raised', cause: 'point-crowded', text: /more came of pt-porte$/ },
    { transition: 'updated', cause: 'point-crowded', text: /more came of pt-porte, pt-vandale$/ },
  ]);
  t.equal(watch.failures.length, 2, 'and not told again');
});

t.test(
  'life: an alarm is raised, acknowledged by somebody, cleared and closed, each told and retained',
  async (t) => {
    const begun = await begin(t);
    const { clock, camera, watch } = begun;
    const { decisions } = watch.room;
    camera.input('1', true);
    t.match(watch.shown(), { alarm_state: 'raised', count: 1, first_ts: clock.wallMs(), owner: 'commune' });
    await clock.advance(5000);
    const acknowledgedMs = clock.wallMs();
    t.ok(decisions.knowsAlarm(current(begun)));
    t.match(decisions.acknowledge(current(begun), DECISION), 'is acknowledged');
    t.match(decisions.acknowledge(current(begun), DECISION), 'was acknowledged before');
    t.match(watch.shown(), {
      alarm_state: 'acknowledged',
      acknowledged_by: DECISION.by,
      acknowledged_ts: acknowledgedMs,
    });
    camera.input('1', false);
    t.same(told(begun), ['raised', 'acknowledged', 'cleared', 'closed']);
    t.match(watch.events[1], { ...DECISION, alarm_state: 'acknowledged' });
    t.same(
      watch.events.map(({ alarm_state }) => alarm_state),
      ['raised', 'acknowledged', 'cleared', 'closed'],
    );
    t.equal(new Set(watch.events.map(({ alarm }) => alarm)).size, 1);
    t.match(watch.shown(), { state: 'cleared', alarm_state: 'closed', acknowledged_by: DECISION.by });
    t.notOk(decisions.knowsAlarm(current(begun)), 'what is closed takes no decision any more');
    camera.input('1', true);
    t.not(watch.events.at(-1)?.alarm, watch.events[0]?.alarm);
    t.match(watch.shown(), { alarm_state: 'raised', count: 1, occurrences: 2, acknowledged_by: undefined });
  },
);

t.test('life: each event and the state say whose the point is, and where', async (t) => {
  const where = { owner: 'metropole', building: 'Hôtel de ville', place: 'Sous-sol, local 3' } as const;
  const folder = t.testdir();
  const begun = await begin(t, { folder, point: where });
  begun.camera.input('1', true);
  begun.camera.input('1', false);
  t.match(begun.watch.events, [
    { transition: 'raised', ...where },
    { transition: 'cleared', ...where },
  ]);
  t.match(begun.watch.shown(), where);
  const moved = { owner: 'metropole', building: 'Mairie annexe' } as const;
  const after = await begin(t, { folder, point: moved });
  t.match(after.watch.shown(), { ...moved, place: undefined }, 'as the configuration in force says');
});

t.test('life: one that nobody acknowledged comes back under its id and is counted', async (t) => {
  const begun = await begin(t);
  const { clock, camera, watch } = begun;
  camera.input('1', true);
  const firstMs = clock.wallMs();
  camera.input('1', false);
  t.match(watch.shown(), { state: 'cleared', alarm_state: 'cleared' });
  await clock.advance(60_000);
  camera.input('1', true);
  t.match(watch.shown(), { alarm_state: 'raised', count: 2, first_ts: firstMs, last_ts: clock.wallMs() });
  camera.input('1', false);
  watch.room.decisions.acknowledge(current(begun), DECISION);
  t.same(told(begun), ['raised', 'cleared', 'raised', 'cleared', 'acknowledged', 'closed']);
});

t.test(
  'life: what is closed by order while it is there is raised anew by the next word of its source',
  async (t) => {
    const begun = await begin(t);
    const { camera, watch } = begun;
    camera.input('1', true);
    const [raised] = watch.events;
    watch.room.decisions.close(current(begun), DECISION);
    t.match(watch.shown(), { state: 'unknown', alarm_state: 'closed' });
    t.match(watch.events[1], { transition: 'closed', ...DECISION });
    camera.input('1', true);
    t.same(told(begun), ['raised', 'closed', 'raised']);
    t.not(watch.events[2]?.alarm, raised?.alarm);
    camera.input('1', false);
    watch.room.decisions.close(current(begun), DECISION);
    t.match(
      watch.shown(),
      { state: 'cleared', alarm_state: 'closed' },
      'what is over stays known to be over',
    );
  },
);

t.test('life: a kill after each transition loses and doubles none, and keeps who decided', async (t) => {
  const folder = t.testdir();
  const steps: ((begun: Begun) => void)[] = [
    ({ camera }) => camera.input('1', true),
    ({ watch }) => watch.room.decisions.shelve('pt-porte', watch.clock.wallMs() + HOUR, DECISION),
    (begun) => begun.watch.room.decisions.acknowledge(current(begun), DECISION),
    ({ camera }) => camera.input('1', true, 'Initialized'),
    ({ watch }) => watch.room.decisions.unshelve('pt-porte', DECISION),
    ({ camera }) => camera.input('1', false, 'Initialized'),
  ];
  let last: Begun | undefined;
  for (const step of steps) {
    last = await begin(t, { folder });
    step(last);
  }
  t.same(last && told(last), ['raised', 'shelved', 'acknowledged', 'unshelved', 'cleared', 'closed']);
  t.equal(new Set(last?.watch.events.map(({ alarm }) => alarm)).size, 1);
  const after = await begin(t, { folder });
  t.match(after.watch.shown(), {
    alarm_state: 'closed',
    acknowledged_by: DECISION.by,
    count: 1,
    occurrences: 1,
  });
});

t.test(
  'shelving: everything is told all the same, marked, until the time is over by the monotonic clock',
  async (t) => {
    const begun = await begin(t);
    const { clock, camera, watch } = begun;
    const untilMs = clock.wallMs() + HOUR;
    watch.room.decisions.shelve('pt-porte', untilMs, DECISION);
    t.match(watch.events[0], {
      transition: 'shelved',
      until: untilMs,
      ...DECISION,
      alarm: '',
      shelved: true,
    });
    t.match(watch.shown(), {
      shelved: true,
      shelved_until: untilMs,
      shelved_by: DECISION.by,
      shelved_why: DECISION.why,
    });
    camera.input('1', true);
    t.match(watch.events[1], { transition: 'raised', shelved: true });
    clock.jumpWall(10 * 365 * 24 * HOUR);
    await clock.advance(HOUR - 2000);
    t.match(watch.shown(), { shelved: true }, 'a clock set ahead does not end it');
    clock.jumpWall(-20 * 365 * 24 * HOUR);
    await clock.advance(3000);
    t.match(
      watch.shown(),
      { shelved: false, shelved_until: undefined },
      'a clock set back does not prolong it',
    );
    t.match(watch.events[2], { transition: 'unshelved', by: 'box', shelved: false });
  },
);

t.test('shelving: it survives a kill, and what passed meanwhile counts', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, { folder });
  const untilMs = first.clock.wallMs() + HOUR;
  first.watch.room.decisions.shelve('pt-porte', untilMs, DECISION);
  await first.clock.advance(HOUR / 2);
  const later = new TestClock(first.clock.wallMs() + HOUR / 4);
  const second = await begin(t, { folder, clock: later });
  t.match(second.watch.shown(), { shelved: true, shelved_until: untilMs });
  await later.advance(HOUR / 4 - 2000);
  t.match(second.watch.shown(), { shelved: true });
  await later.advance(3000);
  t.match(second.watch.shown(), { shelved: false });
  const third = await begin(t, { folder, clock: new TestClock(untilMs) });
  third.watch.room.decisions.shelve('pt-porte', untilMs + HOUR, DECISION);
  const off = await begin(t, { folder, clock: new TestClock(untilMs + 2 * HOUR) });
  await off.clock.advance(1000);
  t.match(off.watch.shown(), { shelved: false }, 'the box was off until after its end');
});

t.test(
  'shelving: an order may not shelve for longer than the configuration allows, nor into the past',
  async (t) => {
    const { clock, watch } = await begin(t, { settings: { shelveMaxH: 2 } });
    const { decisions } = watch.room;
    for (const forMs of [-1000, 0, 2 * HOUR + 1000]) {
      t.throws(() => decisions.shelve('pt-porte', clock.wallMs() + forMs, DECISION), {
        code: 'order-out-of-bounds',
      });
    }
    decisions.shelve('pt-porte', clock.wallMs() + 2 * HOUR, DECISION);
    t.match(decisions.unshelve('pt-porte', DECISION), 'no longer');
    t.match(decisions.unshelve('pt-porte', DECISION), 'was not');
    t.throws(() => decisions.shelve('pt-z', clock.wallMs() + HOUR, DECISION), {
      code: 'order-unknown-target',
    });
  },
);

t.test('settling: a contact that bounces is one alarm, as soon as it is still', async (t) => {
  const begun = await begin(t, { point: { debounceMs: 200 } });
  const { clock, camera } = begun;
  camera.input('1', false, 'Initialized');
  for (const state of [true, false, true, false, true]) {
    await clock.advance(50);
    camera.input('1', state);
  }
  await clock.advance(199);
  t.same(told(begun), []);
  await clock.advance(1);
  t.same(told(begun), ['raised'], 'not later than it is due');
});

t.test(
  'settling: what is over before its minimum duration is no alarm; a kill begins the time anew',
  async (t) => {
    const folder = t.testdir();
    const first = await begin(t, { folder, point: { minDurationS: 30 } });
    first.camera.input('1', true);
    await first.clock.advance(29_000);
    t.match(first.watch.shown(), { state: 'unknown', alarm_state: 'none' });
    first.camera.input('1', false);
    await first.clock.advance(5000);
    first.camera.input('1', true);
    await first.clock.advance(29_000);
    const second = await begin(t, { folder, point: { minDurationS: 30 } });
    await second.clock.advance(31_000);
    t.same(told(second), [], 'what its source has not said again is not assumed');
    second.camera.input('1', true, 'Initialized');
    t.same(told(second), ['raised'], 'and it has held since before the kill');
  },
);

t.test(
  'chattering: it is told once with its count, held as raised also over a kill, and told when it is over',
  async (t) => {
    const folder = t.testdir();
    const settings = { chatter: { raises: 3, withinS: 10, quietS: 5 } };
    const first = await begin(t, { folder, settings });
    for (let n = 1; n <= 20; n += 1) {
      first.camera.input('1', n % 2 === 1);
      await first.clock.advance(100);
    }
    t.same(told(first), ['raised', 'cleared', 'raised', 'cleared', 'raised', 'chattering']);
    t.match(first.watch.events.at(-1), { changes: 5, count: 3, chattering: true, alarm_state: 'raised' });
    t.match(first.watch.shown(), { state: 'raised', chattering: true });
    const second = await begin(t, { folder, settings });
    second.camera.input('1', false, 'Initialized');
    await second.clock.advance(4000);
    t.match(second.watch.shown(), { state: 'raised', chattering: true });
    await second.clock.advance(2000);
    t.same(told(second).slice(6), ['steady', 'cleared']);
    t.match(second.watch.events[6], { changes: 20, chattering: false });
    t.match(second.watch.shown(), { state: 'cleared', chattering: false, alarm_state: 'cleared' });
  },
);

t.test('records: what 0.1.0 kept of a raised alarm goes on under its id', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, { folder });
  const earlier = {
    ...{ name: 'Porte', camera: 'cam-1', kind: 'digital-input', severity: 'major', rule: 'another' },
    ...{ truth: 'raised', active: ['1'], alarm: 'alarm-of-before', since: 1_700_000_000_000, occurrences: 7 },
  };
  first.watch.store.memory.set('alarms', 'pt-porte', JSON.stringify(earlier));
  const second = await begin(t, { folder });
  second.camera.input('1', true, 'Initialized');
  t.same(told(second), []);
  t.match(second.watch.shown(), { alarm: 'alarm-of-before', alarm_state: 'raised', occurrences: 7 });
  second.camera.input('1', false);
  t.match(second.watch.events, [{ transition: 'cleared', alarm: 'alarm-of-before' }]);
});

t.test('records: one that is damaged is begun anew', async (t) => {
  for (const text of ['', '{', 'null', '{"name":1}', '{"life":{}}']) {
    const folder = t.testdir();
    const first = await begin(t, { folder });
    first.watch.store.memory.set('alarms', 'pt-porte', text);
    const second = await begin(t, { folder });
    t.match(second.watch.shown(), { state: 'unknown', alarm_state: 'none' }, text);
  }
});

type Step = 'on' | 'off' | 'acknowledge' | 'close' | 'shelve' | 'unshelve' | 'lose' | 'kill' | 'wait';
const STEPS: readonly Step[] = [
  'on',
  'off',
  'acknowledge',
  'close',
  'shelve',
  'unshelve',
  'lose',
  'kill',
  'wait',
];
const LOST = new DeviceError('camera-unreachable', 'cam-1: no answer');

t.test('whatever comes, with kills between, the events alone tell how every alarm stands', async (t) => {
  const rule = fc.asyncProperty(fc.array(fc.constantFrom(...STEPS), { maxLength: 25 }), async (steps) => {
    const folder = t.testdir();
    const clock = new TestClock();
    let begun = await begin(t, { folder, clock });
    for (const step of steps) begun = await take(t, step, begun, folder);
    const ok = accounts(begun);
    await begun.watch.end();
    return ok;
  });
  await fc.assert(rule, { numRuns: 60 });
  t.pass('60 stories');
});

/** A killed agent does nothing more: its clock stands still, and the next one has its own. */
async function take(t: Test, step: Step, begun: Begun, folder: string): Promise<Begun> {
  const { camera, watch, clock } = begun;
  const { decisions } = watch.room;
  const alarm = current(begun);
  if (step === 'on' || step === 'off') camera.input('1', step === 'on');
  else if (step === 'acknowledge' && decisions.knowsAlarm(alarm)) decisions.acknowledge(alarm, DECISION);
  else if (step === 'close' && decisions.knowsAlarm(alarm)) decisions.close(alarm, DECISION);
  else if (step === 'shelve') decisions.shelve('pt-porte', clock.wallMs() + 20_000, DECISION);
  else if (step === 'unshelve') decisions.unshelve('pt-porte', DECISION);
  else if (step === 'lose') await camera.lose(LOST);
  else if (step === 'wait') await clock.advance(11_000);
  else if (step === 'kill') return await begin(t, { folder, clock: new TestClock(clock.wallMs()) });
  return begun;
}

const NEXT: Readonly<Record<string, readonly string[]>> = {
  none: ['raised'],
  raised: ['cleared', 'acknowledged', 'closed'],
  acknowledged: ['cleared', 'closed'],
  cleared: ['raised', 'acknowledged', 'closed'],
  closed: ['raised'],
};

/** Follows the events as a consumer would, and compares with what is retained. */
function accounts({ watch }: Begun): boolean {
  const follow = { state: 'none', alarm: '', count: 0, shelved: false, known: false };
  for (const event of watch.events) if (!followed(follow, event)) return false;
  const { alarm_state, alarm, count, shelved } = watch.shown();
  return (
    follow.state === alarm_state &&
    follow.alarm === alarm &&
    follow.count === count &&
    follow.shelved === shelved
  );
}

function followed(
  follow: { state: string; alarm: string; count: number; shelved: boolean; known: boolean },
  event: AlarmEvent,
): boolean {
  const { transition, alarm, count, shelved } = event;
  if (transition === 'shelved' || transition === 'unshelved') follow.shelved = transition === 'shelved';
  else {
    if (!NEXT[follow.state]?.includes(transition)) return false;
    const anew = transition === 'raised' && ['none', 'closed'].includes(follow.state);
    if (anew === (alarm === follow.alarm)) return false;
    follow.count = anew ? 1 : follow.count + (transition === 'raised' ? 1 : 0);
    follow.state = transition;
    follow.alarm = alarm;
  }
  return follow.count === count && follow.shelved === shelved && follow.alarm === alarm;
}
