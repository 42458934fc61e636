import t, { type Test } from 'tap';
import { DeviceError } from '../../agent/base/errors.ts';
import { TestClock } from '../support/test-clock.ts';
import { ScriptedCamera, Watch } from './watch.ts';

const AWAY = new DeviceError('camera-unreachable', 'cam-1: no answer');
const REFUSED = new DeviceError('camera-login-refused', 'cam-1 refused the login');
/** Longest wait between two tries. */
const NEXT_TRY_MS = 700_000;

async function begin(t: Test, folder = t.testdir(), refusal?: DeviceError) {
  const clock = new TestClock();
  const camera = new ScriptedCamera();
  camera.refusal = refusal;
  const watch = new Watch(folder, clock, () => camera);
  t.teardown(() => watch.end());
  await watch.start();
  await clock.advance(0);
  const fail = async (error: DeviceError, ms: number) => {
    camera.refusal = error;
    if (camera.subscribed) await camera.lose(error);
    await clock.advance(ms);
  };
  const told = () => watch.failures.map(({ transition, cause }) => `${transition} ${cause ?? ''}`.trim());
  return { camera, watch, clock, fail, told };
}

t.test('a source that goes on failing for another cause says so: the same alarm, updated', async (t) => {
  const { camera, watch, clock, fail, told } = await begin(t);
  await fail(AWAY, 60_000);
  await fail(REFUSED, NEXT_TRY_MS);
  const [raised, updated] = watch.failures;
  t.same(told(), ['raised camera-unreachable', 'updated camera-login-refused']);
  t.match(updated, { alarm: raised?.alarm, count: 1, text: REFUSED.message, alarm_state: 'raised' });
  t.match(watch.shown(raised?.point), { cause: 'camera-login-refused', alarm: raised?.alarm });
  t.ok(watch.room.decisions.knowsAlarm(String(raised?.alarm)));
  camera.refusal = undefined;
  await clock.advance(NEXT_TRY_MS);
  t.same(told().slice(2), ['cleared']);
});

t.test('a source that fails now so and now so is told once in five minutes at most', async (t) => {
  const { fail, told } = await begin(t);
  const minutes = 40;
  for (let n = 0; n < minutes; n += 1) await fail(n % 2 ? AWAY : REFUSED, 60_000);
  const updates = told().filter((text) => text.startsWith('updated')).length;
  t.ok(updates >= 1 && updates <= minutes / 5, `${updates} in ${minutes} minutes`);
  t.equal(told().filter((text) => text.startsWith('raised')).length, 1);
});

t.test('also when the cause changed while the agent was off', async (t) => {
  const folder = t.testdir();
  const first = await begin(t, folder);
  await first.fail(AWAY, 60_000);
  await first.watch.end();
  const second = await begin(t, folder, REFUSED);
  await second.clock.advance(NEXT_TRY_MS);
  t.same(second.told(), ['raised camera-unreachable', 'updated camera-login-refused']);
  t.equal(new Set(second.watch.failures.map(({ alarm }) => alarm)).size, 1);
});
