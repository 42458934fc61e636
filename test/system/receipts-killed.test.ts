import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { seededRandom } from '../support/camera/random.ts';
import type { Scene } from '../support/scene.ts';
import { SEED } from '../support/seed.ts';
import { type Alarm, begin, INPUTS, receiver, stored } from './receiving.ts';

const KILLS = 8;

t.test(
  'system: agent and receiver are killed again and again: every alarm is stored once, and receipts empty the outbox',
  async (t) => {
    const receiving = await begin(t);
    const { scene, camera, archive } = receiving;
    const random = seededRandom(SEED);
    const wanted = new Map(INPUTS.map((input) => [`pt-${input}`, [] as string[]]));
    let centre = receiver(t, receiving);
    await centre.said(/broker connected/);
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const transition = kill % 2 === 1 ? 'raised' : 'cleared';
      const killed = Promise.all([
        delay(Math.round(random() * 60)).then(() => scene.box.kill()),
        delay(Math.round(random() * 120)).then(() => centre.end('SIGKILL')),
      ]);
      for (const input of INPUTS) {
        camera.setInput(input, transition === 'raised');
        wanted.get(`pt-${input}`)?.push(transition);
        await delay(Math.round(random() * 15));
      }
      await killed;
      centre = receiver(t, receiving);
      scene.box.start();
      const complete = () =>
        [...wanted].every(([point, list]) => new Set(eventsOf(point, scene)).size >= list.length);
      await scene.csu.until(`the transitions of round ${kill}`, complete);
    }
    await scene.box.until(
      'an empty outbox',
      ({ link }) => link.confirmation === 'receipt' && link.outboxPending === 0,
    );
    const alarms = stored(archive);
    for (const [point, transitions] of wanted) {
      const own = alarms.filter((alarm) => alarm.point === point).toSorted((a, b) => a.seq - b.seq);
      t.same(
        own.map(({ transition }) => transition),
        transitions,
        `${point}: every transition, once, none invented`,
      );
    }
    t.equal(new Set(alarms.map(({ id }) => id)).size, alarms.length);
    t.same(scene.csu.json('/event/loss'), []);
  },
);

function eventsOf(point: string, { csu }: Scene): string[] {
  return [...csu.json<Alarm>('/event/alarm'), ...csu.json<Alarm>('/hist/alarm')]
    .filter((alarm) => alarm.point === point)
    .map(({ id }) => id);
}
