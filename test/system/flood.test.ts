import { join } from 'node:path';
import t from 'tap';
import type { FloodEvent } from '../../agent/contract/messages.ts';
import { mistakes } from '../support/contract-check.ts';
import { foreignFlood, foreignPublish, Mosquitto } from '../support/mosquitto.ts';
import { Scene } from '../support/scene.ts';
import { receiver } from './receiving.ts';

const OBJECTS = 16;
const MESSAGES = 200;
/** Events of one object that the pace of its messages lets through at least. */
const EACH = 20;

interface Event {
  readonly id: string;
  readonly seq: number;
  readonly point?: string;
  readonly transition: string;
}

const ids = Array.from({ length: OBJECTS }, (_, n) => `o${n}`);
const object = (id: string, topic: string) => ({
  ...{ id: `obj-${id}`, name: id, broker: 'mqtt-gtb', topic, pointer: `/${id}` },
  maxPerS: 100,
});
const point = (id: string, category: string) => ({
  ...{ id: `pt-${id}`, name: id, kind: 'object-above', object: `obj-${id}`, limit: 50, category },
});

const configurationOf = (port: number) => ({
  localBrokers: [{ id: 'mqtt-gtb', name: 'GTB', host: '127.0.0.1', port }],
  objects: [
    ...ids.map((id) => object(id, 'bat/mesures')),
    ...['porte', 'feu'].map((id) => object(id, `bat/${id}`)),
  ],
  points: [...ids.map((id) => point(id, 'technical')), point('porte', 'intrusion'), point('feu', 'fire')],
  alarms: { chatter: { raises: 0 }, flood: { events: 50, withinS: 6 } },
  delivery: { confirm: 'receipt', resendAfterS: 5, backlogPerS: 2000, liveWithinS: 3600 },
});

/** All measures of the building in one message. */
const measures = (value: number) => JSON.stringify(Object.fromEntries(ids.map((id) => [id, value])));

t.test('system: in a flood the summary and what matters most come first, and nothing is lost', async (t) => {
  const scene = await Scene.create(t);
  const { box, csu, centre } = scene;
  const building = await Mosquitto.start(join(scene.folder, 'building'));
  t.teardown(() => building.kill());
  const running = receiver(t, { scene, archive: join(scene.folder, 'archive.db') });
  box.start();
  const rest = { retain: true };
  await foreignPublish(building, 'bat/mesures', measures(0), rest);
  await foreignPublish(building, 'bat/porte', '{"porte":0}', rest);
  await foreignPublish(building, 'bat/feu', '{"feu":0}', rest);
  await scene.push(configurationOf(building.port));
  await box.until(
    'all at rest',
    ({ alarms }) => alarms.filter(({ state }) => state === 'cleared').length === 18,
  );
  await box.until('an empty outbox', ({ link }) => link.outboxPending === 0);

  const storm = Array.from({ length: MESSAGES }, (_, n) => measures((n % 2) * 99));
  centre.broker.pause();
  await foreignFlood(building, 'bat/mesures', storm);
  await foreignPublish(building, 'bat/porte', '{"porte":99}', rest);
  await foreignPublish(building, 'bat/feu', '{"feu":99}', rest);
  await box.until('the fire', ({ alarms }) =>
    alarms.some(({ point: id, state }) => id === 'pt-feu' && state === 'raised'),
  );
  const { link } = await box.status();
  t.ok(link.outboxPending > OBJECTS * EACH, `${link.outboxPending} events wait`);
  let listed = await box.command('alarms');
  // A machine that is slow enough lists it when it is over.
  for (let tries = 1; tries < 5 && !listed.output.includes('AVALANCHE'); tries += 1) {
    await foreignFlood(building, 'bat/mesures', storm);
    listed = await box.command('alarms');
  }
  t.match(listed.output, /\nAVALANCHE depuis 20\S+ \S+ : \d{3,} événements \(object-above \d+\)\n/);
  centre.broker.resume();

  const floods = () => csu.json<FloodEvent>('/collector/event/flood');
  const ended = await csu.until('the end of the flood', () =>
    floods().find(({ transition }) => transition === 'ended'),
  );
  await box.until('an empty outbox', ({ link: now }) => now.outboxPending === 0);
  const arrived = csu.received.filter(({ topic }) => /\/(event|hist)\/(alarm|flood)$/.test(topic));
  const all = arrived.map(({ payload }) => JSON.parse(payload.toString()) as Event);
  const events = [...new Map(all.map((event) => [event.id, event])).values()];
  const at = (found: (event: Event) => boolean) => events.findIndex(found);
  const fire = at(({ point: id }) => id === 'pt-feu');
  const door = at(({ point: id }) => id === 'pt-porte');
  const summary = at(({ point: id, transition }) => id === undefined && transition === 'begun');
  const earlierThan = (index: number) =>
    events.slice(index).filter(({ seq }) => seq < (events[index]?.seq ?? 0)).length;
  t.ok(fire < door, 'what is told last is first: the fire before the door');
  t.ok(
    earlierThan(door) > 100,
    `the door before ${earlierThan(door)} technical alarms that were told earlier`,
  );
  t.ok(summary < door, 'the summary before both');
  t.match(events[summary], { count: 50, technical: 50, kinds: 'object-above 50', limit: 50 });

  const counted = events.filter(({ point: id }) => id !== undefined);
  for (const id of ids) {
    const own = counted.filter((event) => event.point === `pt-${id}`);
    t.ok(own.length >= EACH);
    t.same(
      own.map(({ seq }) => seq),
      own.map(({ seq }) => seq).toSorted((a, b) => a - b),
      `${id} in order`,
    );
    t.ok(
      own.every(({ transition }, n) => transition === (n % 2 ? 'cleared' : 'raised')),
      `${id}: each once`,
    );
  }
  const within = counted.filter(({ seq }) => seq >= ended.first_seq && seq <= ended.last_seq);
  t.equal(within.length, ended.count, 'as many as the summary says: none is lost');
  t.match(ended, { life_safety: 1, intrusion: 1, technical: ended.count - 2 });
  t.same(csu.json('/event/loss'), []);
  t.same(csu.received.flatMap(mistakes), [], 'every message is of the contract');
  await running.said(/flood[^\n]*"ended"|"ended"[^\n]*flood/);
});
