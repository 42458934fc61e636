import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { seededRandom } from '../support/camera/random.ts';
import { Centre } from '../support/centre.ts';
import { configurationOf, simulatedCamera } from '../support/scene.ts';
import { SEED } from '../support/seed.ts';

const SITE = '57463-mairie';
const KILLS = 20;
const INPUTS = ['input-1', 'input-2', 'input-3'];

interface AlarmMessage {
  id: string;
  alarm: string;
  point: string;
  transition: 'raised' | 'cleared';
  seq: number;
  boot: number;
}

t.test(
  'system: the agent is killed 20 times while alarms are raised: each arrives, none is invented, order is kept',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const camera = await simulatedCamera(t, INPUTS);
    const centre = await Centre.create(folder);
    t.teardown(() => centre.end());
    const csu = await centre.subscriber([`csu/v1/${SITE}/+/event/+`, `csu/v1/${SITE}/+/state/+`]);
    t.teardown(() => csu.close());
    const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers: [centre.broker.url] });
    t.teardown(() => box.stop());
    box.start();
    const { jws } = await signConfiguration(centre.csu, {
      site: SITE,
      configuration: configurationOf(camera, INPUTS),
    });
    await csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
    const events = () => csu.json<AlarmMessage>('/event/alarm');
    const known = () =>
      csu
        .json<{ point: string; state: string }>('/state/alarm-current')
        .filter(({ state }) => state === 'cleared')
        .map(({ point }) => point);
    await csu.until('every point known to be clear', () => new Set(known()).size === INPUTS.length);

    const random = seededRandom(SEED);
    const wanted = new Map(INPUTS.map((input) => [`pt-${input}`, [] as string[]]));
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const transition = kill % 2 === 1 ? 'raised' : 'cleared';
      const killed = delay(Math.round(random() * 60)).then(() => box.kill());
      for (const input of INPUTS) {
        camera.setInput(input, transition === 'raised');
        wanted.get(`pt-${input}`)?.push(transition);
        await delay(Math.round(random() * 15));
      }
      await killed;
      box.start();
      const complete = () =>
        [...wanted].every(([point, list]) => distinct(events(), point).length >= list.length);
      await csu.until(`the transitions of round ${kill}`, complete);
    }

    for (const [point, transitions] of wanted) {
      const received = distinct(events(), point);
      t.same(
        received.map(({ transition }) => transition),
        transitions,
        `${point}: every transition, in order, none invented`,
      );
      t.ok(
        received.every(({ seq }, index) => index === 0 || seq > (received[index - 1]?.seq ?? 0)),
        `${point}: numbers rise`,
      );
      t.equal(
        new Set(received.map(({ alarm }) => alarm)).size,
        1,
        `${point}: one id, since nobody has acknowledged or closed it`,
      );
    }
    t.equal(
      new Set(events().map(({ boot }) => boot)).size > KILLS / 2,
      true,
      'the events come from many starts',
    );
  },
);

/** The events of a point without repetitions, in the order of their first arrival. */
function distinct(events: readonly AlarmMessage[], point: string): AlarmMessage[] {
  const seen = new Set<string>();
  return events.filter((event) => event.point === point && !seen.has(event.id) && seen.add(event.id));
}
