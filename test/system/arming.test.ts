import t, { type Test } from 'tap';
import type { CommandEvent, WindowEvent } from '../../agent/contract/messages.ts';
import { commandTopic } from '../../agent/contract/topics.ts';
import { type CommandRequest, signCommand } from '../../provisioning/sign.ts';
import { FakeTime } from '../support/fake-time.ts';
import { ModbusServer } from '../support/modbus-server.ts';
import { Scene, SITE } from '../support/scene.ts';

const POINT = 'pt-porte';
const INPUT = 3;
const WHO = { by: 'Services techniques', why: 'remplacement de la serrure' };

/** A box that reads the input of a door, whose module knows no time, and is at rest. */
async function guarded(t: Test, environment: NodeJS.ProcessEnv, point: object, alarms: object) {
  const scene = await Scene.create(t, environment);
  const module = await ModbusServer.start({ count: 8 });
  t.teardown(() => module.stop());
  scene.box.start();
  const entry = { id: POINT, name: 'Porte', kind: 'module-input', module: 'io-1', address: INPUT };
  await scene.push({
    modules: [{ id: 'io-1', name: 'Accueil', host: '127.0.0.1', port: module.port, pollMs: 100 }],
    points: [{ ...entry, code: 'BA', ...point }],
    alarms,
  });
  await scene.box.until('the point at rest', ({ alarms: all }) => all[0]?.state === 'cleared');
  return { scene, door: (open: boolean) => module.set(INPUT, open) };
}

/** What the CSU hears of alarms, activity and windows, in its order, each once. */
function told(scene: Scene): string[] {
  const seen = new Set<string>();
  return scene.csu.received.flatMap(({ topic, payload }) => {
    const name = /\/event\/(alarm|activity|window)$/.exec(topic)?.[1];
    if (!name) return [];
    const { id, transition } = JSON.parse(payload.toString()) as { id: string; transition: string };
    return seen.has(id) || !seen.add(id) ? [] : [`${name} ${transition}`];
  });
}

/** Resolves when the CSU has heard as many in all. */
const heard = (scene: Scene, count: number) =>
  scene.csu.until(`${count} events`, () => told(scene).length >= count);
const armed = (scene: Scene, now: boolean) =>
  scene.box.until(`armed: ${now}`, ({ alarms }) => alarms[0]?.armed === now);

async function order(scene: Scene, words: Omit<CommandRequest, 'site'>): Promise<string> {
  const { jws, id } = await signCommand(scene.centre.csu, { site: SITE, ...words });
  await scene.csu.publish(commandTopic(SITE), jws);
  const done = ({ command_id, status }: CommandEvent) => command_id === id && status === 'successful';
  await scene.csu.until(words.command, () => scene.csu.json<CommandEvent>('/event/command').some(done));
  return id;
}

t.test(
  'system: a schedule holds across both clock changes, by the clock of Paris wherever the box thinks it is',
  async (t) => {
    const time = await FakeTime.create(t);
    const schedules = [{ id: 'sch-3', name: 'De 3 h à 4 h', armed: ['* 3 * * *'] }];
    const environment = { ...time.environment, TZ: 'America/New_York' };
    const { scene, door } = await guarded(t, environment, { schedule: 'sch-3' }, { schedules });

    await time.set('2027-03-28T00:30:00Z');
    await armed(scene, false);
    await door(true);
    await heard(scene, 1);
    await time.set('2027-03-28T00:59:58Z');
    await heard(scene, 2);
    const [raised] = scene.csu.json<{ ts: number; category: string }>('/event/alarm');
    t.match(raised, { category: 'intrusion', code_sia: 'BA', code_contact_id: '1130', severity: 'critical' });
    const at = new Date(raised?.ts ?? 0).toISOString();
    t.match(at, /^2027-03-28T01:0/, 'from 3 in Paris, which follows 1:59');
    await door(false);
    await heard(scene, 3);

    await time.set('2027-10-31T00:30:00Z');
    await armed(scene, false);
    await door(true);
    await heard(scene, 4);
    await time.set('2027-10-31T01:30:00Z');
    await door(false);
    await heard(scene, 5);
    await door(true);
    await heard(scene, 6);
    await time.set('2027-10-31T01:59:58Z');
    await heard(scene, 7);
    t.same(told(scene), [
      ...['activity begun', 'alarm raised', 'alarm cleared'],
      ...['activity begun', 'activity ended', 'activity begun', 'alarm raised'],
    ]);
    const last = scene.csu.json<{ ts: number }>('/event/alarm').at(-1);
    t.match(new Date(last?.ts ?? 0).toISOString(), /^2027-10-31T02:0/, 'not in the hour that comes twice');
  },
);

t.test(
  'system: a window that an order announces survives kill -9 and ends; the clock that jumps does not prolong it',
  async (t) => {
    const time = await FakeTime.create(t);
    const { scene, door } = await guarded(t, time.environment, {}, {});
    const start = Math.floor(Date.now() / 1000);
    const words = {
      command: 'maintenance.announce',
      points: [POINT],
      start,
      end: start + 600,
      ...WHO,
    } as const;
    const id = await order(scene, words);
    await armed(scene, false);
    const announced = await scene.csu.until(
      'the window',
      () => scene.csu.json<WindowEvent>('/event/window')[0],
    );
    t.match(announced, { window: id, points: POINT, ...WHO });
    await door(true);
    await heard(scene, 3);
    await scene.box.kill();
    await time.shift('+590s');
    scene.box.start();
    await scene.box.until('the start', ({ alarms }) => alarms.length > 0);
    await time.shift('-1h');
    await heard(scene, 5);
    t.same(told(scene).slice(0, 3), ['window announced', 'window begun', 'activity begun']);
    t.same(told(scene).slice(3).sort(), ['alarm raised', 'window ended'], 'the alarm goes before');
    await time.shift('+0');
    const later = await order(scene, { ...words, start: start + 3600, end: start + 7200 });
    await order(scene, { command: 'maintenance.cancel', window: later, ...WHO });
    await heard(scene, 7);
    t.same(told(scene).slice(5), ['window announced', 'window cancelled']);
  },
);
