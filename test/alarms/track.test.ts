import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { EventTracks } from '../../agent/alarms/onvif/event-tracks.ts';
import type { AlarmPoint } from '../../agent/alarms/ports.ts';
import { DeviceError, InternalError } from '../../agent/base/errors.ts';
import { TestClock } from '../support/test-clock.ts';
import { CAMERA, inputEvent, POINT, ScriptedCamera, Watch } from './watch.ts';

const LOGIN: AlarmPoint = { ...POINT, id: 'pt-login', kind: 'login-failure', clearsAfterS: 3600 };
const REFUSED = {
  topic: 'tns1:Device/SecurityPolicy/AuthFailed',
  operation: 'Changed' as const,
  source: {},
  data: { User: 'admin' },
};

async function begin(t: Test, points: readonly AlarmPoint[] = [POINT], expected = true, resumes = false) {
  const clock = new TestClock();
  const camera = new ScriptedCamera();
  camera.resumes = resumes;
  const watch = new Watch(t.testdir(), clock, () => camera);
  t.teardown(() => watch.end());
  const { tracks } = watch;
  if (expected) tracks.expect(new Set([CAMERA.id]));
  await watch.start(points);
  await clock.advance(0);
  const tell = async (...events: Parameters<typeof tracks.events>[1]) => {
    tracks.events(CAMERA.id, events);
    await setImmediate();
  };
  const become = async (state: Parameters<typeof tracks.state>[1]) => {
    tracks.state(CAMERA.id, state);
    await setImmediate();
  };
  return { clock, camera, watch, tell, become };
}

t.test('a stream whose metadata track tells every state: no subscription is taken', async (t) => {
  const { clock, camera, watch, tell, become } = await begin(t, [POINT, LOGIN]);
  await clock.advance(2_000);
  t.equal(camera.runs, 0, 'the stream is waited for');
  await become('read');
  await tell(inputEvent('1', false, 'Initialized'));
  await tell(inputEvent('1', true), REFUSED);
  await clock.advance(600_000);
  t.same(watch.transitions, ['pt-porte raised', 'pt-login raised']);
  t.equal(camera.runs, 0);
  t.same(watch.failures, []);
});

t.test('a track that does not tell the state of every point: asked once, then a subscription', async (t) => {
  const { clock, camera, watch, tell, become } = await begin(t, [
    POINT,
    { ...POINT, id: 'pt-vandale', kind: 'tampering' },
  ]);
  await become('read');
  await tell(inputEvent('1', true, 'Initialized'));
  t.equal(watch.shown().state, 'raised', 'what it tells counts meanwhile');
  t.equal(camera.synchronized, 1);
  t.equal(camera.runs, 0);
  await clock.advance(6_000);
  t.equal(camera.runs, 1);
  t.equal(camera.synchronized, 1);
  camera.input('1', true, 'Initialized');
  t.same(watch.transitions, ['pt-porte raised']);
});

const TAMPER: AlarmPoint = { ...POINT, id: 'pt-vandale', kind: 'tampering' };
const tampering = (kind: string, state: boolean) => ({
  topic: `tns1:VideoSource/${kind}/ImagingService`,
  operation: 'Initialized' as const,
  source: { Source: 'vs1' },
  data: { State: String(state) },
});

t.test('a track that tells one topic of a point of two: the subscription, until it tells both', async (t) => {
  const { clock, camera, watch, tell, become } = await begin(t, [TAMPER], false);
  camera.declared = [
    ...['Device/Trigger/DigitalInput', 'VideoSource/SignalLoss'],
    ...['VideoSource/GlobalSceneChange/ImagingService', 'VideoSource/ImageTooDark/ImagingService'],
  ];
  watch.tracks.expect(new Set([CAMERA.id]));
  await camera.lose(new DeviceError('camera-closed', 'cam-1: cut'));
  await become('read');
  await tell(tampering('GlobalSceneChange', false));
  await clock.advance(20_000);
  t.ok(camera.subscribed);
  await clock.advance(300_000);
  t.equal(camera.forgotten, 0, 'it stays');
  camera.tamper('ImageTooDark', true);
  t.same(watch.transitions, ['pt-vandale raised'], 'what the track never told');
  camera.tamper('ImageTooDark', false);
  await tell(tampering('ImageTooDark', false));
  await clock.advance(61_000);
  t.equal(camera.forgotten, 1, 'now the track tells all');
  await tell(tampering('ImageTooDark', true));
  t.equal(watch.transitions.at(-1), 'pt-vandale raised');
});

t.test(
  'a camera that does not say which topics it tells: what its subscription told is needed',
  async (t) => {
    const { clock, camera, watch, tell, become } = await begin(t, [TAMPER], false);
    camera.declared = undefined;
    camera.tamper('GlobalSceneChange', false);
    camera.tamper('ImageTooDark', false);
    watch.tracks.expect(new Set([CAMERA.id]));
    await become('read');
    await tell(tampering('GlobalSceneChange', false));
    await clock.advance(300_000);
    t.equal(camera.forgotten, 0);
    await tell(tampering('ImageTooDark', false));
    await clock.advance(61_000);
    t.equal(camera.forgotten, 1);
  },
);

t.test('a subscription of before is gone on with at once: it holds what happened meanwhile', async (t) => {
  const { clock, camera, watch, tell, become } = await begin(t, [POINT], true, true);
  t.equal(camera.runs, 1, 'the stream is not waited for');
  camera.input('1', true);
  camera.input('1', false);
  await become('read');
  await tell(inputEvent('1', false, 'Initialized'));
  await clock.advance(70_000);
  t.equal(camera.forgotten, 1);
  t.same(watch.transitions, ['pt-porte raised', 'pt-porte cleared']);
});

for (const state of ['absent', 'lost'] as const) {
  t.test(`a stream without events to read (${state}): a subscription at once`, async (t) => {
    const { camera, become } = await begin(t);
    await become(state);
    await setImmediate();
    t.equal(camera.runs, 1);
  });
}

t.test('a camera whose stream is not pulled is subscribed to at once', async (t) => {
  const { camera } = await begin(t, [POINT], false);
  t.equal(camera.runs, 1);
});

t.test('a stream that never comes is not waited for longer than some seconds', async (t) => {
  const { clock, camera } = await begin(t);
  await clock.advance(11_000);
  t.equal(camera.runs, 1);
});

t.test('a track that is lost: unknown, and a subscription again, which finds the difference', async (t) => {
  const { clock, camera, watch, tell, become } = await begin(t);
  await become('read');
  await tell(inputEvent('1', true, 'Initialized'));
  camera.refusal = new DeviceError('camera-unreachable', 'cam-1: no answer');
  await become('lost');
  await clock.advance(11_000);
  t.equal(watch.shown().state, 'unknown');
  t.ok(camera.runs >= 1);
  camera.refusal = undefined;
  await clock.advance(31_000);
  t.ok(camera.subscribed);
  camera.input('1', false, 'Initialized');
  t.same(watch.transitions, ['pt-porte raised', 'pt-porte cleared']);
});

t.test(
  'a subscription is given up for a track that holds, without a gap and without telling twice',
  async (t) => {
    const { clock, camera, watch, tell, become } = await begin(t, [POINT, LOGIN]);
    await become('absent');
    camera.input('1', false, 'Initialized');
    await become('read');
    await tell(inputEvent('1', false, 'Initialized'));
    await tell(REFUSED);
    t.same(watch.transitions, [], 'beside a subscription the track is not taken');
    camera.say(REFUSED);
    await clock.advance(50_000);
    t.ok(camera.subscribed);
    // The track is quicker than the pull that would have brought it.
    await tell(inputEvent('1', true));
    await clock.advance(20_000);
    t.equal(camera.forgotten, 1);
    t.same(watch.transitions, ['pt-login raised', 'pt-porte raised']);
    camera.input('1', false);
    t.equal(watch.shown().state, 'raised', 'what still comes from the subscription is no longer taken');
    await tell(inputEvent('1', false));
    t.equal(watch.shown().state, 'cleared');
    t.equal(camera.runs, 1);
  },
);

t.test(
  'what a camera has deleted before its track stands in for the subscription is raised by nobody',
  async (t) => {
    const { clock, camera, watch, tell, become } = await begin(t);
    await become('absent');
    camera.input('1', false, 'Initialized');
    await become('read');
    await tell(
      inputEvent('1', false, 'Initialized'),
      inputEvent('2', true),
      inputEvent('2', true, 'Deleted'),
    );
    await clock.advance(61_000);
    t.equal(camera.forgotten, 1, 'the track is read from now on');
    t.same(watch.transitions, []);
    await tell(inputEvent('1', true));
    t.same(watch.transitions, ['pt-porte raised']);
  },
);

t.test('a camera that gives no subscription is heard by its track all the same', async (t) => {
  const { clock, camera, watch, tell, become } = await begin(t);
  camera.refusal = new DeviceError('camera-unsupported', 'cam-1: offers no ONVIF events service');
  await become('read');
  await clock.advance(20_000);
  t.match(watch.failures, [{ transition: 'raised', cause: 'camera-unsupported' }]);
  await tell(inputEvent('1', true));
  t.equal(watch.shown().state, 'raised');
  t.equal(watch.failures.at(-1)?.transition, 'cleared', 'it tells everything now: the source works');
});

t.test('what a track tells and cannot be kept is not lost: the state is taken anew', async (t) => {
  const { clock, camera, watch, tell, become } = await begin(t);
  await become('read');
  await tell(inputEvent('1', false, 'Initialized'));
  const { transaction } = watch.store;
  watch.store.transaction = () => {
    throw new InternalError('internal', 'the disk is full');
  };
  await tell(inputEvent('1', true));
  watch.store.transaction = transaction;
  await clock.advance(5_000);
  t.equal(camera.runs, 1);
  camera.input('1', true, 'Initialized');
  t.equal(watch.shown().state, 'raised');
});

t.test(
  'a track that tells thousands of events at once: one in each turn, and what is too much is said',
  async (t) => {
    const tracks = new EventTracks();
    const track = tracks.of(CAMERA.id);
    const isRead = () => track.state === 'read';
    const heard: string[] = [];
    track.listen({ changed: () => heard.push(track.state), heard: () => heard.push('event') });
    const events = Array.from({ length: 32 }, () => inputEvent('1', true));
    tracks.state(CAMERA.id, 'read');
    for (let n = 0; n < 40; n += 1) tracks.events(CAMERA.id, events);
    tracks.state(CAMERA.id, 'absent');
    let most = 0;
    while (isRead()) {
      const before = heard.length;
      await setImmediate();
      most = Math.max(most, heard.length - before);
    }
    t.equal(most, 1, 'in a turn');
    t.same(heard, ['read', ...Array(40 * 32).fill('event'), 'absent'], 'in order');

    heard.length = 0;
    tracks.state(CAMERA.id, 'read');
    for (let n = 0; n < 80; n += 1) tracks.events(CAMERA.id, events);
    while (isRead()) await setImmediate();
    t.same([heard.length, heard.at(-1)], [2 + 2001, 'lost']);
  },
);
