import t, { type Test } from 'tap';
import type { AlarmPoint } from '../../agent/alarms/ports.ts';
import { DeviceError } from '../../agent/base/errors.ts';
import { TestClock } from '../support/test-clock.ts';
import { CAMERA, POINT, ScriptedCamera, Watch } from './watch.ts';

const LOST = new DeviceError('camera-unreachable', 'cam-1: no answer');
const REFUSED = new DeviceError('camera-fault', 'cam-1: too many subscriptions');

async function begin(t: Test, points: readonly AlarmPoint[] = [POINT], folder = t.testdir()) {
  const clock = new TestClock();
  const camera = new ScriptedCamera();
  const watch = new Watch(folder, clock, () => camera);
  t.teardown(() => watch.end());
  await watch.start(points);
  await clock.advance(0);
  return { clock, camera, watch };
}

t.test('an input raises its alarm and clears it, under one id, each told once and retained', async (t) => {
  const { clock, camera, watch } = await begin(t);
  t.match(watch.shown(), { state: 'unknown', alarm: '', occurrences: 0 });
  camera.input('1', false, 'Initialized');
  t.match(watch.shown(), { state: 'cleared', alarm: '' });
  t.same(watch.transitions, [], 'the first state is no event');
  await clock.advance(1000);
  const raisedMs = clock.wallMs();
  camera.input('1', true);
  camera.input('1', true);
  await clock.advance(1000);
  camera.input('1', false);
  t.same(watch.transitions, ['pt-porte raised', 'pt-porte cleared']);
  const [raised, cleared] = watch.events;
  t.equal(raised?.alarm, cleared?.alarm);
  t.match(raised, {
    name: POINT.name,
    kind: 'digital-input',
    camera: 'cam-1',
    severity: 'major',
    occurrences: 1,
  });
  t.equal(raised?.ts, raisedMs);
  t.match(watch.shown(), { state: 'cleared', alarm: cleared?.alarm, occurrences: 1 });
  camera.input('1', true);
  t.equal(watch.events[2]?.alarm, raised?.alarm, 'nobody has closed it');
  t.match(watch.room.status(), [{ point: 'pt-porte', state: 'raised', occurrences: 2, severity: 'major' }]);
});

t.test('an input that is active at the first look is an alarm', async (t) => {
  const { camera, watch } = await begin(t);
  camera.input('1', true, 'Initialized');
  t.same(watch.transitions, ['pt-porte raised']);
});

t.test('where the open circuit is the alarm, false raises and true clears', async (t) => {
  const { camera, watch } = await begin(t, [{ ...POINT, inverted: true }]);
  camera.input('1', false);
  camera.input('1', true);
  t.same(watch.transitions, ['pt-porte raised', 'pt-porte cleared']);
});

t.test('what the camera says of its inputs decides, unless the entry does; the state says who', async (t) => {
  const camera = new ScriptedCamera();
  camera.polarities = new Map([
    ['1', true],
    ['2', false],
  ]);
  const { inverted, ...open } = POINT;
  const points = [
    { ...open, id: 'pt-closed', input: '1' },
    { ...open, id: 'pt-open', input: '2' },
    { ...open, id: 'pt-silent', input: '3' },
    { ...POINT, id: 'pt-entry', input: '1', inverted: false },
  ];
  const clock = new TestClock();
  const watch = new Watch(t.testdir(), clock, () => camera);
  t.teardown(() => watch.end());
  await watch.start(points);
  await clock.advance(0);
  for (const input of ['1', '2', '3']) camera.input(input, false, 'Initialized');
  const shown = () => points.map(({ id }) => `${watch.shown(id).state} ${watch.shown(id).polarity}`);
  t.same(shown(), ['raised learnt', 'cleared learnt', 'cleared assumed', 'cleared configured']);
  t.match(watch.events, [{ point: 'pt-closed', transition: 'raised', polarity: 'learnt' }]);
  camera.polarities = new Map([['1', false]]);
  await camera.lose(LOST);
  await clock.advance(10_000);
  t.equal(camera.asked, 2, 'asked anew with the next subscription');
  camera.input('1', false, 'Initialized');
  t.match(watch.shown('pt-closed'), { state: 'cleared' });
});

t.test('a point with a token hears that input alone, one without hears all', async (t) => {
  const points = [
    { ...POINT, id: 'pt-1', input: '1' },
    { ...POINT, id: 'pt-2', input: '2' },
    { ...POINT, id: 'pt-any' },
  ];
  const { camera, watch } = await begin(t, points);
  camera.input('1', true);
  camera.input('2', true);
  camera.input('1', false);
  camera.input('2', false);
  t.same(watch.transitions, [
    'pt-1 raised',
    'pt-any raised',
    'pt-2 raised',
    'pt-1 cleared',
    'pt-2 cleared',
    'pt-any cleared',
  ]);
});

t.test('tampering lasts while any of its conditions does', async (t) => {
  const { camera, watch } = await begin(t, [{ ...POINT, kind: 'tampering' }]);
  camera.tamper('ImageTooDark', true);
  camera.tamper('GlobalSceneChange', true);
  camera.tamper('ImageTooDark', false);
  t.same(watch.transitions, ['pt-porte raised']);
  camera.tamper('GlobalSceneChange', false);
  t.same(watch.transitions, ['pt-porte raised', 'pt-porte cleared']);
});

t.test(
  'a short loss of the subscription shows nothing, a long one makes the point unknown, not cleared',
  async (t) => {
    const { clock, camera, watch } = await begin(t);
    camera.input('1', true);
    await camera.lose(LOST);
    await clock.advance(2000);
    camera.input('1', true, 'Initialized');
    await clock.advance(20_000);
    t.match(watch.shown(), { state: 'raised' });
    camera.refusal = LOST;
    await camera.lose(LOST);
    await clock.advance(9000);
    t.match(watch.shown(), { state: 'raised' });
    await clock.advance(3000);
    t.match(watch.shown(), { state: 'unknown', occurrences: 1 });
    t.same(watch.transitions, ['pt-porte raised']);
  },
);

t.test('after a loss the state that the camera repeats is compared with the one on disk', async (t) => {
  const cases = [
    [true, true, ['pt-porte raised']],
    [true, false, ['pt-porte raised', 'pt-porte cleared']],
    [false, true, ['pt-porte raised']],
    [false, false, []],
  ] as const;
  for (const [before, after, told] of cases) {
    await t.test(`${before} before, ${after} after`, async (t) => {
      const { clock, camera, watch } = await begin(t);
      camera.input('1', before, 'Initialized');
      camera.refusal = LOST;
      await camera.lose(LOST);
      await clock.advance(30_000);
      t.equal(watch.shown().state, 'unknown');
      camera.refusal = undefined;
      await clock.advance(31_000);
      camera.input('1', after, 'Initialized');
      t.same(watch.transitions, told);
      t.equal(watch.shown().state, after ? 'raised' : 'cleared');
    });
  }
});

t.test('a camera that does not repeat its states leaves the point unknown after a loss', async (t) => {
  const { clock, camera, watch } = await begin(t);
  camera.input('1', true);
  await camera.lose(LOST);
  await clock.advance(15_000);
  t.ok(camera.subscribed);
  t.equal(watch.shown().state, 'unknown');
  camera.input('1', false);
  t.same(watch.transitions, ['pt-porte raised', 'pt-porte cleared']);
});

t.test('after a loss one condition that is over does not clear another that was not spoken of', async (t) => {
  const { clock, camera, watch } = await begin(t, [{ ...POINT, kind: 'tampering' }]);
  camera.tamper('ImageTooDark', true);
  camera.tamper('GlobalSceneChange', true);
  await camera.lose(LOST);
  await clock.advance(3000);
  camera.tamper('ImageTooDark', false);
  await clock.advance(15_000);
  t.equal(watch.shown().state, 'unknown');
  t.same(watch.transitions, ['pt-porte raised']);
  camera.tamper('GlobalSceneChange', true);
  t.equal(watch.shown().state, 'raised');
});

t.test('a property that is deleted while it raises makes the point unknown', async (t) => {
  const { clock, camera, watch } = await begin(t);
  camera.input('1', true);
  camera.input('1', true, 'Deleted');
  await clock.advance(12_000);
  t.equal(watch.shown().state, 'unknown');
  t.same(watch.transitions, ['pt-porte raised']);
});

t.test(
  'after a plain loss it is tried again within seconds, after a refusal within 40 to 60 s',
  async (t) => {
    const { clock, camera } = await begin(t);
    await camera.lose(LOST);
    await clock.advance(2000);
    t.equal(camera.runs, 2);
    camera.refusal = REFUSED;
    await camera.lose(LOST);
    await clock.advance(3000);
    const refusedRuns = camera.runs;
    await clock.advance(39_000);
    t.equal(camera.runs, refusedRuns);
    await clock.advance(21_000);
    t.equal(camera.runs, refusedRuns + 1);
  },
);

t.test(
  'a fault of the subscription means one new one after 40 to 60 s, and then longer and longer pauses',
  async (t) => {
    const { clock, camera } = await begin(t);
    await clock.advance(60_000);
    camera.refusal = REFUSED;
    await camera.lose(REFUSED);
    const tries: number[] = [];
    for (let s = 1; s <= 1_800; s += 1) {
      const before = camera.runs;
      await clock.advance(1_000);
      if (camera.runs > before) tries.push(s);
    }
    const pauses = tries.map((s, index) => s - (tries[index - 1] ?? 0));
    t.same(pauses, [50, 100, 200, 400, 500, 500], 'with jitter in the middle');
    camera.refusal = undefined;
    await clock.advance(600_000);
    t.ok(camera.subscribed);
    await clock.advance(60_000);
    const runs = camera.runs;
    await camera.lose(REFUSED);
    await clock.advance(49_000);
    t.equal(camera.runs, runs);
    await clock.advance(2_000);
    t.equal(camera.runs, runs + 1, 'a subscription that held makes it short again');
  },
);

t.test('what only ever happens is at rest before, raised by it, and cleared by itself', async (t) => {
  const points = ['login-failure', 'configuration-changed'].map((kind) => ({
    ...POINT,
    id: `pt-${kind}`,
    kind: kind as 'login-failure',
    clearsAfterS: 300,
  }));
  const { clock, camera, watch } = await begin(t, points);
  t.same(
    points.map(({ id }) => watch.shown(id).state),
    ['cleared', 'cleared'],
  );
  const failed = { topic: 'tns1:Device/SecurityPolicy/AuthFailed', data: { UserName: 'root' } };
  camera.say({ ...failed, operation: undefined });
  t.same(watch.transitions, ['pt-login-failure raised']);
  t.match(watch.events[0], { text: 'UserName=root', kind: 'login-failure', camera: 'cam-1' });
  await clock.advance(200_000);
  camera.say({ ...failed, operation: undefined });
  camera.refusal = LOST;
  await camera.lose(LOST);
  await clock.advance(15_000);
  t.equal(watch.shown('pt-login-failure').state, 'unknown');
  camera.refusal = undefined;
  await clock.advance(31_000);
  t.equal(watch.shown('pt-login-failure').state, 'raised', 'it holds: no camera repeats it');
  t.equal(watch.shown('pt-configuration-changed').state, 'cleared');
  await clock.advance(250_000);
  t.equal(watch.transitions.length, 1);
  await clock.advance(10_000);
  t.same(watch.transitions, ['pt-login-failure raised', 'pt-login-failure cleared']);
  t.match(watch.events[0], { category: 'tamper', code_sia: 'JA', code_contact_id: '1461' });
  t.match(watch.events[1], { category: 'tamper', code_sia: undefined, code_contact_id: '3461' });
});

t.test('a state that its camera never ends is ended after its time, and may begin again', async (t) => {
  const { clock, camera, watch } = await begin(t, [{ ...POINT, kind: 'tampering', clearsAfterS: 60 }]);
  camera.tamper('GlobalSceneChange', true);
  await clock.advance(50_000);
  camera.tamper('GlobalSceneChange', true);
  await clock.advance(55_000);
  t.same(watch.transitions, ['pt-porte raised'], 'said anew, it lasts anew');
  await clock.advance(10_000);
  camera.tamper('GlobalSceneChange', true);
  t.same(watch.transitions, ['pt-porte raised', 'pt-porte cleared', 'pt-porte raised']);
});

t.test('a state that its camera never ends does not end while the camera is not heard', async (t) => {
  const { clock, camera, watch } = await begin(t, [{ ...POINT, kind: 'tampering', clearsAfterS: 60 }]);
  camera.tamper('GlobalSceneChange', true);
  camera.refusal = LOST;
  await camera.lose(LOST);
  await clock.advance(300_000);
  t.same(watch.transitions, ['pt-porte raised'], 'whoever covers a camera and cuts its cable ends no alarm');
  t.equal(watch.shown().state, 'unknown');
  camera.refusal = undefined;
  await clock.advance(600_000);
  t.same(
    watch.transitions,
    ['pt-porte raised', 'pt-porte cleared'],
    'heard again, it says nothing of it any more',
  );
});

t.test('a kill at any time loses and doubles nothing: state and event are written together', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, [POINT], folder);
  first.camera.input('1', true);
  const [raised] = first.watch.events;

  // Not ended: the folder is as a kill leaves it.
  const second = await begin(t, [POINT], folder);
  t.match(second.watch.shown(), { state: 'raised', alarm: raised?.alarm });
  second.camera.input('1', true, 'Initialized');
  t.same(second.watch.transitions, ['pt-porte raised']);

  const third = await begin(t, [POINT], folder);
  third.camera.input('1', false, 'Initialized');
  t.same(third.watch.transitions, ['pt-porte raised', 'pt-porte cleared']);
  t.equal(third.watch.events[1]?.alarm, raised?.alarm);
});

t.test('a start that does not reach the camera shows the last state for a while, then unknown', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, [POINT], folder);
  first.camera.input('1', true);
  const clock = new TestClock();
  const camera = new ScriptedCamera();
  camera.refusal = LOST;
  const watch = new Watch(folder, clock, () => camera);
  t.teardown(() => watch.end());
  await watch.start();
  t.equal(watch.shown().state, 'raised');
  await clock.advance(11_000);
  t.equal(watch.shown().state, 'unknown');
  t.same(watch.transitions, ['pt-porte raised']);
});

t.test('the alarm of a point that is removed is closed, also when the agent was off meanwhile', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, [POINT, { ...POINT, id: 'pt-2' }], folder);
  first.camera.input('1', true);
  await first.watch.room.apply({ points: [{ ...POINT, id: 'pt-2' }], cameras: [CAMERA] });
  t.same(first.watch.transitions, ['pt-porte raised', 'pt-2 raised', 'pt-porte closed']);
  t.equal(first.watch.recorder.of('clear', 'alarmCurrent', 'pt-porte').length, 1);
  const second = await begin(t, [], folder);
  t.same(second.watch.transitions.at(-1), 'pt-2 closed');
  t.equal(second.watch.recorder.of('clear', 'alarmCurrent', 'pt-2').length, 1);
  t.same(second.watch.room.status(), []);
});

t.test('an unchanged camera keeps its subscription when the configuration changes', async (t) => {
  const { clock, camera, watch } = await begin(t);
  camera.input('1', true);
  await watch.room.apply({ points: [{ ...POINT, severity: 'critical', name: 'Porte' }], cameras: [CAMERA] });
  await clock.advance(0);
  t.equal(camera.runs, 1);
  t.match(watch.shown(), { state: 'raised', severity: 'critical', name: 'Porte' });
});

t.test('a point whose meaning changes is judged anew by what the camera says next', async (t) => {
  const { clock, camera, watch } = await begin(t);
  camera.input('1', true);
  await watch.room.apply({ points: [{ ...POINT, inverted: true }], cameras: [CAMERA] });
  await clock.advance(0);
  t.equal(camera.runs, 2);
  camera.input('1', true, 'Initialized');
  t.same(watch.transitions, ['pt-porte raised', 'pt-porte cleared']);
});

t.test('a damaged record of a point is begun anew', async (t) => {
  const { watch } = await begin(t, []);
  for (const text of ['{', 'null', '[]', '{"truth":"raised"}']) {
    watch.store.memory.set('alarms', POINT.id, text);
    await watch.room.apply({ points: [POINT], cameras: [CAMERA] });
    t.match(watch.shown(), { state: 'unknown', occurrences: 0 });
    await watch.room.apply({ points: [], cameras: [CAMERA] });
  }
});
