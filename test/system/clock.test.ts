import t, { type Test } from 'tap';
import type { AlarmEvent, LossEvent, TimeCorrectionEvent } from '../../agent/contract/messages.ts';
import type { SimulatedCamera } from '../support/camera/camera.ts';
import { Chrony } from '../support/chrony.ts';
import { FakeTime } from '../support/fake-time.ts';
import { configurationOf, Scene, simulatedCamera } from '../support/scene.ts';
import { INPUTS } from './receiving.ts';

/** Between the two clocks: the false one is set to the second. */
const TOLERANCE_MS = 2_000;
const HOUR_MS = 3_600_000;

interface Raised {
  readonly event: AlarmEvent;
  /** By the clock of the test, which is right: between these two it happened. */
  readonly trueMs: number;
  readonly heardMs: number;
}

async function stage(t: Test) {
  const time = await FakeTime.create(t);
  await time.set('1970-01-01T00:10:00Z');
  const chrony = await Chrony.create(t);
  const camera = await simulatedCamera(t, INPUTS);
  const scene = await Scene.create(t, { ...time.environment, ...chrony.environment }, 'chrony');
  scene.box.start();
  const health = { vitalsSchedule: '* * * * * *' };
  await scene.push({ ...configurationOf(camera, INPUTS), health, delivery: { supervisionS: 8 } });
  return { time, chrony, camera, scene };
}

/** What goes by wall time goes on, by the new one. */
async function isOnSchedule({ csu }: Scene, atMs: number): Promise<void> {
  const vitals = () => csu.json<{ ts: number }>('/meas/vitals');
  const { length } = vitals();
  await csu.until('vitals', () =>
    vitals().findLast(({ ts }, n) => n >= length && ts >= atMs && ts < atMs + HOUR_MS),
  );
}

const alarms = ({ csu }: Scene) => csu.events<AlarmEvent>('/event/alarm');

async function press(scene: Scene, camera: SimulatedCamera, input: string, on: boolean): Promise<Raised> {
  const before = alarms(scene).length;
  const trueMs = Date.now();
  camera.setInput(input, on);
  await scene.csu.until(`${input} ${on}`, () => alarms(scene).length > before);
  const event = alarms(scene)[before];
  if (!event) throw new Error('the event vanished');
  return { event, trueMs, heardMs: Date.now() };
}

/** The corrections that the CSU has heard for this event. */
function correctionsOf({ csu }: Scene, { event }: Raised): TimeCorrectionEvent[] {
  const all = csu.events<TimeCorrectionEvent>('/event/time-correction');
  return all.filter(({ about_boot, first_seq, last_seq }) => {
    return about_boot === event.boot && first_seq <= event.seq && event.seq <= last_seq;
  });
}

async function isCorrected(t: Test, scene: Scene, raised: Raised): Promise<void> {
  await scene.csu.until('the right time', () => correctionsOf(scene, raised).length > 0);
  const [correction, ...more] = correctionsOf(scene, raised);
  t.same(more, [], 'once');
  t.equal(correction?.exact, true);
  const rightMs = raised.event.ts + (correction?.correction_ms ?? 0);
  t.ok(rightMs > raised.trueMs - TOLERANCE_MS, 'the right time of the event: no earlier');
  t.ok(rightMs < raised.heardMs + TOLERANCE_MS, 'the right time of the event: no later');
}

t.test(
  'system: a box in 1970, ten years ahead, an hour back: alarms go, marked, and are put right',
  async (t) => {
    const { time, chrony, camera, scene } = await stage(t);
    await scene.box.until(
      'every point',
      ({ alarms: points }) => points.length === 2 && points.every(({ state }) => state === 'cleared'),
    );
    const year = ({ event }: Raised) => new Date(event.ts).getUTCFullYear();

    const early = await press(scene, camera, 'input-1', true);
    t.match(early.event, { clock: 'untrusted', transition: 'raised' });
    t.equal(year(early), 1970);
    await isOnSchedule(scene, 0);

    await time.shift('+0');
    await chrony.synchronised();
    await isCorrected(t, scene, early);
    await scene.box.until('the clock', ({ clock, link }) => clock === 'synced' && link.connected);
    const good = await press(scene, camera, 'input-1', false);
    t.match(good.event, { clock: 'synced', transition: 'cleared' });
    await isOnSchedule(scene, good.trueMs);

    await time.shift('+3650d');
    const late = await press(scene, camera, 'input-2', true);
    t.match(late.event, { clock: 'untrusted', transition: 'raised' });
    t.equal(
      new Date(late.event.ts - 3650 * 24 * 3600_000).getUTCFullYear(),
      new Date(late.trueMs).getUTCFullYear(),
    );
    scene.centre.broker.pause();
    await scene.box.until(
      'supervision goes on',
      ({ link }) => !link.connected && link.cause === 'broker-silent',
    );
    scene.centre.broker.resume();
    await scene.box.until('a broker whose certificate seems to have ended', ({ link }) => link.connected);

    await time.shift('-1h');
    const back = await press(scene, camera, 'input-2', false);
    t.match(back.event, { clock: 'untrusted', transition: 'cleared' });
    t.ok(back.event.ts < back.heardMs - 3500_000);
    await isOnSchedule(scene, back.event.ts);

    await time.shift('+0');
    await chrony.synchronised();
    for (const raised of [late, back]) await isCorrected(t, scene, raised);
    t.same(correctionsOf(scene, good), []);
    const { outboxPending } = await scene.box.until(
      'all is told',
      ({ link }) => link.outboxPending === 0 && link,
    );
    t.equal(outboxPending, 0);
    t.same(scene.csu.json<LossEvent>('/event/loss'), [], 'nothing was dropped');
    t.same(
      alarms(scene).map(({ point, transition }) => [point, transition]),
      INPUTS.flatMap((input) => ['raised', 'cleared'].map((transition) => [`pt-${input}`, transition])),
      'each transition once and live',
    );
    t.same(new Set(alarms(scene).map(({ boot }) => boot)), new Set([1]), 'in one run of the agent');
  },
);
