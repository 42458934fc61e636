import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import t, { type Test } from 'tap';
import type {
  AlarmPoint,
  ConnectedObject,
  ObjectBroker,
  ObjectBrokers,
  ObjectHandler,
  ObjectPoint,
} from '../../../agent/alarms/ports.ts';
import { systemClock } from '../../../agent/base/clock.ts';
import { asBeffroiError } from '../../../agent/base/errors.ts';
import { listenToBroker } from '../../../agent/uplink/local-broker.ts';
import { foreignFlood, foreignFloodWithoutEnd, Mosquitto } from '../../support/mosquitto.ts';
import { TestClock } from '../../support/test-clock.ts';
import { until } from '../../support/until.ts';
import { type Rig, sourceBehaviour } from '../source-behaviour.ts';
import { Watch } from '../watch.ts';

/** The real connection, and what went through it: the clock of the test is that of the source alone. */
class Tap implements ObjectBrokers {
  /** How many connections are being made. */
  making = 0;
  /** How many common connections hear their topics. */
  hearing = 0;
  subscriptions = 0;
  messages = 0;
  ends: string[] = [];
  /** Topics that the common connection let go. */
  readonly left: string[] = [];
  /** What came last of each topic, on whichever connection. */
  readonly last = new Map<string, string>();

  async listen(
    broker: ObjectBroker,
    heard: Parameters<ObjectBrokers['listen']>[1],
    handler: ObjectHandler,
    signal: AbortSignal,
  ): Promise<void> {
    let isMade = false;
    let hears = 0;
    const made = () => {
      if (!isMade) this.making -= 1;
      isMade = true;
    };
    const over = () => {
      made();
      this.hearing -= hears;
    };
    const counted: ObjectHandler = {
      subscribed: (refused, leave) => {
        made();
        const left = (topic: string) => leave(topic).then(() => void this.left.push(topic));
        handler.subscribed(refused, left);
        this.subscriptions += 1;
        hears = heard.own ? 0 : 1;
        this.hearing += hears;
      },
      message: (topic, payload, retained) => {
        this.messages += 1;
        this.last.set(topic, payload.toString());
        return handler.message(topic, payload, retained);
      },
      tooLarge: (...packet) => {
        handler.tooLarge(...packet);
        this.messages += 1;
      },
    };
    const clientId = `beffroi-test${heard.own ? heard.topics[0] : ''}`;
    this.making += 1;
    await listenToBroker(systemClock, broker, { clientId, ...heard }, counted, signal)
      .catch((thrown: unknown) => {
        this.ends.push(asBeffroiError(thrown).code);
        throw thrown;
      })
      .finally(over);
  }
}

/**
 * The clock goes on in steps until it has happened, and stands while a connection is made, which takes its own time. After a
 * loss it goes on in any case: a machine that stands still for seconds loses connections, and only time makes new ones.
 */
async function wait(
  { clock, tap }: Pick<Place, 'clock' | 'tap'>,
  stepMs: number,
  happened: () => boolean,
): Promise<void> {
  await until(async () => {
    const isLost = tap.hearing === 0 && tap.ends.length > 0;
    if (!happened() && tap.making === 0) await clock.advance(isLost ? Math.max(stepMs, 100) : stepMs);
    return happened();
  });
}

interface Place {
  readonly broker: Mosquitto;
  readonly clock: TestClock;
  readonly tap: Tap;
  readonly entry: ObjectBroker;
  /**
   * Publishes, and resolves when the source has taken it. To a machine that stood still for seconds the broker has hung up;
   * what was published then is published again.
   */
  publish(topic: string, payload: string | Buffer, retain?: boolean): Promise<void>;
}

/** Not in the folder of the test, which holds the state of the box. */
async function place(t: Test, clock = new TestClock()): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'objects-'));
  const broker = await Mosquitto.start(folder);
  t.teardown(async () => {
    await broker.kill();
    await rm(folder, { recursive: true, force: true });
  });
  const tap = new Tap();
  const entry = { id: 'mqtt-1', host: '127.0.0.1', port: broker.port, maxPayloadBytes: 4096 };
  const publish: Place['publish'] = async (topic, payload, retain = false) => {
    const client = await connectAsync(broker.url);
    const before = tap.messages;
    const taken = () => tap.messages > before;
    while (!taken()) {
      await wait({ clock, tap }, 100, () => tap.hearing > 0);
      const { length: ends } = tap.ends;
      await client.publishAsync(topic, payload as string, { qos: 1, retain });
      await until(() => taken() || tap.ends.length > ends);
    }
    await client.endAsync();
  };
  return { broker, clock, tap, entry, publish };
}

const OBJECT: ConnectedObject = {
  id: 'obj-cuve',
  name: 'Cuve',
  broker: 'mqtt-1',
  topic: 'bat/cuve',
  silentAfterS: 3600,
  maxPerS: 5,
  measureEveryS: 60,
};
const LEVEL: ObjectPoint = {
  id: 'pt-niveau',
  name: 'Niveau',
  kind: 'object-above',
  object: 'obj-cuve',
  limit: 80,
  hysteresis: 5,
  category: 'water',
  severity: 'major',
};
const SILENCE: ObjectPoint = {
  id: 'pt-silence',
  name: 'Silence',
  kind: 'object-silence',
  object: 'obj-cuve',
  severity: 'warning',
};

async function objectRig(t: Test, clock: TestClock): Promise<Rig> {
  const made = await place(t, clock);
  const { broker, tap, entry, publish } = made;
  const subscribed = (before: number) => wait(made, 100, () => tap.subscriptions > before);
  const say = (active: boolean) => publish('bat/cuve', active ? '90' : '10');
  return {
    point: LEVEL.id,
    configuration: { points: [LEVEL], cameras: [], localBrokers: [entry], objects: [OBJECT] },
    cause: 'equipment-port-closed',
    objectBrokers: tap,
    greet: async () => {
      await subscribed(0);
      await say(false);
    },
    say,
    lose: async () => {
      await broker.kill();
      await wait(made, 100, () => tap.ends.at(-1) === 'equipment-port-closed');
    },
    comeBack: async (active) => {
      const before = tap.subscriptions;
      await broker.restart();
      await subscribed(before);
      await say(active);
    },
  };
}

sourceBehaviour('connected objects, against Mosquitto', objectRig);

interface Begun extends Place {
  readonly watch: Watch;
  states(): unknown[];
}

async function begin(
  t: Test,
  objects: readonly Partial<ConnectedObject>[] = [{}],
  points: readonly AlarmPoint[] = [LEVEL, SILENCE],
  prepare: (made: Place) => Promise<unknown> = async () => undefined,
): Promise<Begun> {
  const folder = t.testdir();
  const made = await place(t);
  await prepare(made);
  const { clock } = made;
  const watch = new Watch(folder, clock, () => undefined, made.tap);
  t.teardown(() => watch.end());
  await watch.begin({
    cameras: [],
    points,
    localBrokers: [made.entry],
    objects: objects.map((object) => ({ ...OBJECT, ...object })),
  });
  await wait(made, 0, () => made.tap.subscriptions > 0);
  return { ...made, watch, states: () => points.map(({ id }) => watch.shown(id).state) };
}

t.test(
  'a value beyond its limit is an alarm with its codes and the value; it ends beyond the hysteresis',
  async (t) => {
    const { watch, publish } = await begin(t, [{ unit: '%' }]);
    for (const value of ['79', '80', '81.5', '76', '75', '78']) await publish('bat/cuve', value);
    t.same(watch.transitions, ['pt-niveau raised', 'pt-niveau cleared']);
    t.match(watch.events, [
      {
        kind: 'object-above',
        source: 'obj-cuve',
        category: 'water',
        code_sia: 'WA',
        code_contact_id: '1113',
        severity: 'major',
        text: '81.5 %',
      },
      { code_sia: 'WH', code_contact_id: '3113', text: '75 %' },
    ]);
  },
);

t.test('inside the hysteresis an alarm of before a kill stays, and none begins', async (t) => {
  const first = await begin(t);
  await first.publish('bat/cuve', '90', true);
  await first.publish('bat/cuve', '78', true);
  await first.watch.room.stop();
  const again = async () => {
    const watch = new Watch(t.testdirName, first.clock, () => undefined, first.tap);
    t.teardown(() => watch.end());
    const before = first.tap.messages;
    await watch.begin({ cameras: [], points: [LEVEL], localBrokers: [first.entry], objects: [OBJECT] });
    await wait(first, 0, () => first.tap.messages > before);
    return watch;
  };
  const second = await again();
  await first.clock.advance(20_000);
  t.equal(second.shown(LEVEL.id).state, 'raised', 'confirmed by the retained value');
  t.same(second.transitions, ['pt-niveau raised']);
});

t.test('a retained message tells the state, but is no sign of life and no measure', async (t) => {
  const { clock, watch, states } = await begin(t, [{ silentAfterS: 60 }], [LEVEL, SILENCE], ({ broker }) =>
    connectAsync(broker.url).then(async (client) => {
      await client.publishAsync('bat/cuve', '90', { qos: 1, retain: true });
      await client.endAsync();
    }),
  );
  t.same(watch.transitions, ['pt-niveau raised']);
  t.same(states(), ['raised', 'unknown']);
  await clock.advance(61_000);
  t.same(watch.transitions, ['pt-niveau raised', 'pt-silence raised']);
  await clock.advance(11_000);
  t.same(states(), ['unknown', 'raised']);
  t.same(watch.recorder.of('measure', 'object', 'obj-cuve'), []);
});

t.test('silence is an alarm after its time, the value is stale, and the next value ends both', async (t) => {
  const { clock, watch, publish, states } = await begin(t, [{ silentAfterS: 60 }]);
  await publish('bat/cuve', '10');
  await clock.advance(59_000);
  t.same(states(), ['cleared', 'cleared']);
  await clock.advance(2_000);
  t.match(watch.events, [
    {
      point: 'pt-silence',
      transition: 'raised',
      cause: 'object-silent',
      category: 'communication',
      code_sia: 'YC',
    },
  ]);
  await clock.advance(11_000);
  t.same(states(), ['unknown', 'raised']);
  await publish('bat/cuve', '10');
  t.same(states(), ['cleared', 'cleared']);
  t.same(watch.transitions, ['pt-silence raised', 'pt-silence cleared']);
});

t.test('while the broker is away no object is called silent: one cause, one report', async (t) => {
  const { broker, tap, clock, watch, publish, states } = await begin(t, [{ silentAfterS: 60 }]);
  await publish('bat/cuve', '10');
  await broker.kill();
  await wait({ clock, tap }, 100, () => tap.ends.at(-1) === 'equipment-port-closed');
  await clock.advance(3_600_000);
  t.same(watch.transitions, []);
  t.same(states(), ['unknown', 'unknown']);
  t.match(watch.failures, [{ cause: 'equipment-port-closed', text: /mqtt-1/ }]);
  const before = tap.subscriptions;
  await broker.restart();
  await wait({ clock, tap }, 100, () => tap.subscriptions > before);
  await clock.advance(40_000);
  t.same(watch.transitions, [], 'the time without broker does not count');
  await clock.advance(40_000);
  t.same(watch.transitions, ['pt-silence raised']);
  t.match(watch.failures[1], { transition: 'cleared' });
});

t.test('measures go up as numbers at their pace, the last value when it is due', async (t) => {
  const { clock, watch, publish } = await begin(t, [{ unit: '%', measureEveryS: 30 }]);
  const measures = () => watch.recorder.of('measure', 'object', 'obj-cuve').map(({ fields }) => fields);
  for (const value of ['10', '11', '12']) await publish('bat/cuve', value);
  t.same(measures(), [{ object: 'obj-cuve', name: 'Cuve', value: 10, unit: '%' }]);
  await clock.advance(31_000);
  t.match(measures().slice(1), [{ value: 12 }]);
  await clock.advance(120_000);
  t.equal(measures().length, 2, 'no value is told twice');
  await publish('bat/cuve', 'ON');
  t.equal(measures().length, 2, 'text does not leave the building');
});

t.test('several objects of one JSON message; what a message does not speak of stays', async (t) => {
  const objects = [
    { id: 'obj-temp', pointer: '/temperature' },
    { id: 'obj-porte', pointer: '/contact' },
  ];
  const points: ObjectPoint[] = [
    { ...LEVEL, id: 'pt-chaud', object: 'obj-temp', kind: 'object-above', limit: 35, hysteresis: 0 },
    { ...LEVEL, id: 'pt-porte', object: 'obj-porte', kind: 'object-equal', equals: false },
  ];
  const { watch, publish, states } = await begin(t, objects, points);
  await publish('bat/cuve', '{"temperature":40,"contact":true,"battery":97}');
  await publish('bat/cuve', '{"contact":false}');
  t.same(states(), ['raised', 'raised']);
  await publish('bat/cuve', '{"temperature":20,"contact":null}');
  t.same(states(), ['cleared', 'raised']);
  t.same(watch.transitions, ['pt-chaud raised', 'pt-porte raised', 'pt-chaud cleared']);
});

for (const [what, payload, cause] of [
  ['bytes that are no text', Buffer.from('ff00fe', 'hex'), 'object-unreadable'],
  ['NaN', 'NaN', 'object-unreadable'],
  ['JSON without the value', '{"b":1}', 'object-unreadable'],
  ['deep JSON', `{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`, 'object-unreadable'],
  ['a message that is too large', Buffer.alloc(5000, 0x31), 'object-too-large'],
] as const) {
  t.test(
    `${what}: the value becomes unknown, the fault is told once, the next good value ends both`,
    async (t) => {
      const asJson = typeof payload === 'string' && payload.startsWith('{');
      const { clock, watch, publish, states } = await begin(t, [asJson ? { pointer: '/a' } : {}], [LEVEL]);
      await publish('bat/cuve', payload);
      await clock.advance(1_000);
      await publish('bat/cuve', payload);
      await clock.advance(600_000);
      t.same(states(), ['unknown']);
      t.match(watch.failures, [{ cause, text: /obj-cuve on "bat\/cuve"/ }]);
      await publish('bat/cuve', asJson ? '{"a":90}' : '90');
      await clock.advance(1_000);
      t.same(states(), ['raised']);
      t.equal(watch.failures.length, 2);
      t.match(watch.failures[1], { transition: 'cleared' });
    },
  );
}

t.test(
  '10,000 messages: of the surplus the last one counts, others are heard, a flood that lasts is told once',
  async (t) => {
    const both: ObjectPoint[] = [LEVEL, { ...LEVEL, id: 'pt-calme', object: 'obj-calme' }];
    const { broker, tap, clock, watch, publish, states } = await begin(
      t,
      [{ maxPerS: 1 }, { id: 'obj-calme', topic: 'bat/calme' }],
      both,
    );
    const hasLeft = () => tap.left.includes('bat/cuve');
    let floods = 0;
    for (; !hasLeft(); floods += 1) {
      await wait({ clock, tap }, 100, () => tap.hearing > 0);
      const { length: ends } = tap.ends;
      await foreignFlood(
        broker,
        'bat/cuve',
        Array.from({ length: 10_000 }, (_, i) => (i % 2 ? '10' : '90')),
      );
      await until(() => hasLeft() || tap.ends.length > ends);
      // After a while it is tried again.
      if (!hasLeft()) await clock.advance(60_000);
    }
    const last = await connectAsync(broker.url);
    await until(async () => {
      // The broker drops it while what came before fills its queue.
      await last.publishAsync('bat/cuve', '95', { qos: 1 });
      return tap.last.get('bat/cuve') === '95';
    });
    await last.endAsync();
    await publish('bat/calme', '90');
    await wait({ clock, tap }, 0, () => states()[1] === 'raised');
    await clock.advance(2_000);
    t.equal(states()[0], 'raised', 'the last message of the flood');
    const told = watch.transitions.filter((transition) => transition.startsWith('pt-niveau')).length;
    t.ok(told > 10 && told < 30 * floods, `a burst and no more: ${told} of ${floods} floods`);
    t.same(watch.failures, [], 'a short flood is no fault');

    const again = await connectAsync(broker.url);
    for (let second = 0; second < 15; second += 1) {
      const heard = tap.messages;
      for (let i = 0; i < 10; i += 1) await again.publishAsync('bat/cuve', '10', { qos: 1 });
      await until(() => tap.messages >= heard + 10);
      await clock.advance(1_000);
    }
    await again.endAsync();
    t.match(watch.failures, [{ cause: 'object-flood', text: /obj-cuve/ }]);
    await clock.advance(10_000);
    t.equal(watch.failures.length, 2);
  },
);

t.test(
  'a breach between good values of one burst is an alarm, and what was passed over is told',
  async (t) => {
    const { broker, tap, clock, watch } = await begin(t, [{ maxPerS: 1 }]);
    const values = [...Array(21).fill('10'), '90', '10', '11'];
    await foreignFlood(broker, 'bat/cuve', values);
    await until(() => tap.messages === values.length);
    t.same(watch.transitions, [], 'the burst of 20 was judged');
    await clock.advance(1_000);
    t.same(watch.transitions, ['pt-niveau raised', 'pt-niveau cleared']);
    t.match(watch.events, [{ text: '90' }, { text: '11' }]);
    t.same(watch.faults, []);
    await clock.advance(6_000);
    await foreignFlood(broker, 'bat/cuve', values);
    await until(() => tap.messages === 2 * values.length);
    await clock.advance(20_000);
    t.match(watch.faults, [
      { cause: 'object-flood', detail: /obj-cuve.*1 messages per second; 3 were passed/ },
    ]);
    await clock.advance(600_000);
    t.match(watch.faults[1], { detail: / 1[0-9] were passed/ }, 'not more often than in ten minutes');
    t.same(watch.failures, []);
  },
);

t.test('while one topic floods without end, alarms of another topic of its broker come', async (t) => {
  const calm = { ...LEVEL, id: 'pt-calme', object: 'obj-calme' };
  const objects = [{}, { id: 'obj-calme', topic: 'bat/calme' }];
  const { broker, tap, clock, watch, publish, states } = await begin(t, objects, [LEVEL, calm]);
  const flood = foreignFloodWithoutEnd(broker, 'bat/cuve', '10');
  t.teardown(() => flood.stop());
  await wait({ clock, tap }, 0, () => tap.left.includes('bat/cuve'));
  t.equal(tap.subscriptions, 2, 'it has a connection of its own');
  const client = await connectAsync(broker.url);
  for (const value of Array.from({ length: 10 }, (_, i) => (i % 2 ? '10' : '90')))
    await client.publishAsync('bat/calme', value, { qos: 1 });
  await client.endAsync();
  const ofCalm = () => watch.transitions.filter((one) => one.startsWith('pt-calme')).length;
  await until(() => ofCalm() === 10);
  t.same(tap.ends, [], 'no connection was lost');
  await broker.kill();
  await flood.stop();
  await wait({ clock, tap }, 100, () => tap.ends.at(-1) === 'equipment-port-closed');
  const { subscriptions } = tap;
  await broker.restart();
  await wait({ clock, tap }, 100, () => tap.subscriptions > subscriptions);
  await publish('bat/cuve', '95');
  await wait({ clock, tap }, 200, () => states()[0] === 'raised');
});

t.test('what of a burst is not judged when the source ends is judged then', async (t) => {
  const { broker, tap, watch } = await begin(t, [{ maxPerS: 1 }]);
  const values = [...Array(21).fill('10'), '90', '10'];
  await foreignFlood(broker, 'bat/cuve', values);
  await until(() => tap.messages === values.length);
  await watch.room.stop();
  t.same(watch.transitions, ['pt-niveau raised', 'pt-niveau cleared']);
});

t.test('a retained message that is taken back is no value', async (t) => {
  const { watch, publish, states } = await begin(t);
  await publish('bat/cuve', '90', true);
  await publish('bat/cuve', '', true);
  t.same(states(), ['raised', 'cleared']);
  t.same(watch.transitions, ['pt-niveau raised']);
});

t.test('a change of the configuration loses no state that the objects do not repeat', async (t) => {
  const { tap, clock, watch, entry, publish, states } = await begin(t);
  await publish('bat/cuve', '90');
  await publish('bat/cuve', '90');
  const second = { ...OBJECT, id: 'obj-2', topic: 'bat/2' };
  const configuration = { cameras: [], localBrokers: [entry], objects: [OBJECT, second] };
  const anew = async (level: ObjectPoint) => {
    const { subscriptions } = tap;
    await watch.room.apply({ ...configuration, points: [level, SILENCE] });
    await wait({ clock, tap }, 0, () => tap.subscriptions > subscriptions);
  };
  await anew({ ...LEVEL, name: 'Niveau haut' });
  await clock.advance(30_000);
  t.same(states(), ['raised', 'cleared']);
  await anew({ ...LEVEL, limit: 95 });
  await clock.advance(30_000);
  t.same(states(), ['unknown', 'cleared'], 'a changed rule waits for the next value');
  await publish('bat/cuve', '89');
  t.same(watch.transitions, ['pt-niveau raised', 'pt-niveau cleared']);
  const { subscriptions } = tap;
  await watch.room.apply({
    ...configuration,
    points: [{ ...LEVEL, limit: 95, severity: 'critical' }, SILENCE],
  });
  await clock.advance(1_000);
  t.equal(tap.subscriptions, subscriptions, 'what concerns no object disturbs none');
});
