import t from 'tap';
import type { AlarmEvent, AlarmState, CommandEvent } from '../../agent/contract/messages.ts';
import { commandTopic } from '../../agent/contract/topics.ts';
import { type CommandRequest, signCommand } from '../../provisioning/sign.ts';
import { configurationOf, Scene, SITE, simulatedCamera } from '../support/scene.ts';

const INPUT = 'input-1';
const POINT = `pt-${INPUT}`;
const WHO = { by: 'Opérateur 12', why: 'agent sur place' };
const HOUR_S = 3600;

const events = (scene: Scene) => scene.csu.events<AlarmEvent>('/event/alarm', '/hist/alarm');
const shown = (scene: Scene) => scene.csu.json<AlarmState>('/state/alarm-current').at(-1);

async function order(scene: Scene, words: Omit<CommandRequest, 'site'>): Promise<CommandEvent> {
  const { jws, id } = await signCommand(scene.centre.csu, { site: SITE, ...words });
  await scene.csu.publish(commandTopic(SITE), jws);
  const ended = ({ command_id, status }: CommandEvent) =>
    command_id === id && ['successful', 'failed', 'rejected'].includes(status);
  return await scene.csu.until(words.command, () =>
    scene.csu.json<CommandEvent>('/event/command').find(ended),
  );
}

/** What the CSU hears next: as many events as these, in all. */
async function told(scene: Scene, transitions: readonly string[]): Promise<void> {
  await scene.csu.until(transitions.join(), () => events(scene).length >= transitions.length);
}

async function again(scene: Scene): Promise<void> {
  await scene.box.kill();
  scene.box.start();
  await scene.box.until('the link', ({ link }) => link.connected);
  await scene.box.until('the point heard', ({ alarms }) => alarms[0] && alarms[0].state !== 'unknown');
}

t.test(
  'system: an alarm lives through kill -9 after each transition; orders say who; the events are its whole story',
  async (t) => {
    const scene = await Scene.create(t);
    const camera = await simulatedCamera(t, [INPUT]);
    scene.box.start();
    const configuration = configurationOf(camera, [INPUT]) as { points: object[] };
    const owned = (owner: string) => configuration.points.map((point) => ({ ...point, owner }));
    await scene.push({ ...configuration, points: owned('metropole') });
    await scene.csu.until('the point at rest', () => shown(scene)?.state === 'cleared');
    t.match(shown(scene), { owner: 'metropole' });

    camera.setInput(INPUT, true);
    await told(scene, ['raised']);
    const alarm = events(scene)[0]?.alarm ?? '';
    t.match(events(scene)[0], { owner: 'metropole' });
    await scene.push({ ...configuration, points: owned('partner') });
    await scene.csu.until('its new owner, the same alarm', () => shown(scene)?.owner === 'partner');
    t.match(shown(scene), { alarm, alarm_state: 'raised' });
    await again(scene);

    const until = Math.floor(Date.now() / 1000) + HOUR_S;
    const shelved = await order(scene, { command: 'alarm.shelve', point: POINT, until, ...WHO });
    t.match(shelved, { status: 'successful', point: POINT });
    await told(scene, ['raised', 'shelved']);
    await again(scene);
    await scene.csu.until('shelved after the kill', () => shown(scene)?.shelved);
    t.match(shown(scene), { shelved_until: until * 1000, shelved_by: WHO.by, alarm_state: 'raised' });

    camera.setInput(INPUT, false);
    await told(scene, ['raised', 'shelved', 'cleared']);
    await again(scene);
    camera.setInput(INPUT, true);
    await told(scene, ['raised', 'shelved', 'cleared', 'raised']);
    await again(scene);

    const known = await order(scene, { command: 'alarm.acknowledge', alarm, ...WHO });
    t.match(known, { status: 'successful', alarm });
    await again(scene);
    await order(scene, { command: 'alarm.unshelve', point: POINT, by: WHO.by });
    await again(scene);
    camera.setInput(INPUT, false);

    const story = [
      ...['raised', 'shelved', 'cleared', 'raised', 'acknowledged', 'unshelved', 'cleared', 'closed'],
    ];
    await told(scene, story);
    t.same(
      events(scene).map(({ transition }) => transition),
      story,
    );
    t.same([...new Set(events(scene).map((event) => event.alarm))], [alarm], 'one alarm');
    const numbers = events(scene).map(({ seq }) => seq);
    t.same(
      numbers,
      [...numbers].sort((a, b) => a - b),
      'in order',
    );
    t.match(events(scene)[4], { ...WHO, count: 2, alarm_state: 'acknowledged', owner: 'partner' });
    t.match(await order(scene, { command: 'alarm.close', alarm, ...WHO }), {
      status: 'rejected',
      cause: 'order-unknown-target',
    });
    await scene.csu.until('the last state', () => shown(scene)?.alarm_state === 'closed');
    t.match(shown(scene), { state: 'cleared', count: 2, occurrences: 2, shelved: false });
  },
);

t.test(
  'system: what changed while the box was off is found again; a point taken out closes its alarm',
  async (t) => {
    const scene = await Scene.create(t);
    const inputs = [INPUT, 'input-2'];
    const camera = await simulatedCamera(t, inputs);
    scene.box.start();
    const configuration = configurationOf(camera, inputs) as { points: unknown[] };
    await scene.push(configuration);
    await scene.box.until(
      'both at rest',
      ({ alarms }) => alarms.length === 2 && alarms.every(({ state }) => state === 'cleared'),
    );
    camera.setInput(INPUT, true);
    await told(scene, ['raised']);
    await scene.box.kill();
    camera.setInput(INPUT, false);
    camera.setInput('input-2', true);
    scene.box.start();
    await told(scene, ['raised', 'cleared', 'raised']);
    t.same(
      events(scene)
        .slice(1)
        .map(({ point, transition }) => `${point} ${transition}`)
        .sort(),
      [`${POINT} cleared`, 'pt-input-2 raised'],
    );
    await scene.push({ ...configuration, points: configuration.points.slice(0, 1) });
    await told(scene, ['raised', 'cleared', 'raised', 'closed']);
    t.match(events(scene).at(-1), { point: 'pt-input-2', transition: 'closed', by: 'box', state: undefined });
    await scene.csu.until('the state is gone', () =>
      scene.csu.received.some(
        ({ topic, payload }) => topic.endsWith('pt-input-2/state/alarm-current') && payload.length === 0,
      ),
    );
  },
);
