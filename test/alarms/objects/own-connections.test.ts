import t from 'tap';
import {
  type Leave,
  OwnConnections,
  type OwnConnectionsNeeds,
} from '../../../agent/alarms/objects/own-connections.ts';
import { Surplus } from '../../../agent/alarms/objects/surplus.ts';
import { WatchedObject } from '../../../agent/alarms/objects/watched-object.ts';
import type { ObjectHandler } from '../../../agent/alarms/ports.ts';
import { DeviceError } from '../../../agent/base/errors.ts';
import { createLog } from '../../../agent/base/log.ts';
import { Recorder } from '../../health/recorder.ts';
import { TestClock } from '../../support/test-clock.ts';

const log = createLog('error', { write: () => undefined });
const NEVER = new Promise<never>(() => undefined);
const lost = () => new DeviceError('equipment-closed', 'mqtt-1: the connection was closed');

/** @param said takes what is judged, and what is passed over, in order */
function ownWith(
  listen: OwnConnectionsNeeds['listen'],
  said: string[] = [],
  clock = new TestClock(),
): OwnConnections {
  return new OwnConnections(
    {
      clock,
      log,
      listen,
      taken: {
        message: (_topic, payload) => said.push(`judged ${payload}`) > 0,
        tooLarge: () => undefined,
      },
      overtaken: (_topic, payload) => said.push(`passed over ${payload}`),
      newest: (_topic, payload) => said.push(`judged ${payload}`),
    },
    new AbortController().signal,
  );
}

/** What comes of a move on whose new connection this happens before it is lost. */
async function afterLoss(
  happens: (handler: ObjectHandler) => void,
  leave: Leave,
  said: string[] = [],
): Promise<unknown> {
  const own = ownWith(async (_topic, handler) => {
    happens(handler);
    throw lost();
  }, said);
  own.move('bat/cuve', leave);
  return await Promise.race([
    own.failed.catch((thrown: unknown) => thrown),
    own.ended.then(() => 'as before'),
  ]);
}

t.test(
  'a topic that is being let go when its own connection is lost is heard anew, with all others',
  async (t) => {
    const subscribed = (handler: ObjectHandler) => handler.subscribed([], () => NEVER);
    t.match(await afterLoss(subscribed, () => NEVER), { code: 'equipment-closed' });
  },
);

t.test('so is one that cannot be let go', async (t) => {
  const subscribed = (handler: ObjectHandler) => handler.subscribed([], () => NEVER);
  t.match(await afterLoss(subscribed, () => Promise.reject(lost())), { code: 'equipment-closed' });
});

t.test('one that the new connection has not subscribed to stays where it is heard', async (t) => {
  const left: string[] = [];
  const leave = async (topic: string) => void left.push(topic);
  t.equal(await afterLoss(() => undefined, leave), 'as before');
  t.equal(await afterLoss((handler) => handler.subscribed(['bat/cuve'], leave), leave), 'as before');
  t.same(left, []);
});

t.test('it is tried again with a message of a minute later, and not before', async (t) => {
  const clock = new TestClock();
  let tries = 0;
  const listen = async () => {
    tries += 1;
    throw lost();
  };
  const own = ownWith(listen, [], clock);
  for (const afterMs of [0, 59_999, 1, 59_999, 1]) {
    await clock.advance(afterMs);
    own.move('bat/cuve', () => NEVER);
    await own.ended;
  }
  t.equal(tries, 3);
});

t.test(
  'what waits while a topic is being let go is judged when the connection is lost meanwhile',
  async (t) => {
    const said: string[] = [];
    const happens = (handler: ObjectHandler) => {
      handler.subscribed([], () => NEVER);
      for (const value of ['1', '99']) handler.message('bat/cuve', Buffer.from(value), false);
    };
    t.match(await afterLoss(happens, () => NEVER, said), { code: 'equipment-closed' });
    t.same(said, ['passed over 1', 'judged 99']);
  },
);

t.test(
  'what the broker repeats because it kept it is older than what was heard before the move',
  async (t) => {
    const said: string[] = [];
    const left = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    let say: ObjectHandler['message'] = () => false;
    const own = ownWith(async (_topic, handler) => {
      handler.subscribed([], () => NEVER);
      say = handler.message;
      await ended.promise;
    }, said);
    own.move('bat/cuve', () => left.promise);
    say('bat/cuve', Buffer.from('kept'), true);
    left.resolve();
    await left.promise;
    say('bat/cuve', Buffer.from('new'), false);
    ended.resolve();
    await own.ended;
    t.same(said, ['judged new']);
  },
);

t.test('a flood that is over moves nothing', async (t) => {
  const clock = new TestClock();
  const surplus = new Surplus(clock);
  for (let n = 0; n < 300; n += 1) surplus.count();
  t.ok(surplus.isFlood);
  await clock.advance(10_000);
  t.notOk(surplus.isFlood, 'by itself');
  surplus.count();
  t.notOk(surplus.isFlood, 'nor with one more');
});

t.test('what comes over both connections while a topic moves is counted once', async (t) => {
  const clock = new TestClock();
  const reporter = new Recorder(clock);
  const { signal } = new AbortController();
  const nothing = () => undefined;
  const listener = {
    ...{ observed: () => false, isActive: () => false, lost: nothing, confirmed: nothing },
    ...{ held: nothing, failed: nothing, works: nothing },
  };
  const object = new WatchedObject(
    { clock, log, reporter, listener },
    {
      ...{ id: 'obj-cuve', name: 'Cuve', broker: 'mqtt-1', topic: 'bat/cuve' },
      ...{ silentAfterS: 3600, maxPerS: 1, measureEveryS: 60 },
    },
    [],
    signal,
  );
  const heard: ObjectHandler[] = [];
  const own = new OwnConnections(
    {
      clock,
      log,
      listen: (_topic, handler) => {
        heard.push(handler);
        return NEVER;
      },
      taken: {
        message: (_topic, payload, retained) => object.arrived(payload, retained),
        tooLarge: () => undefined,
      },
      overtaken: (_topic, payload) => object.overtaken(payload),
      newest: (_topic, payload) => object.newest(payload),
    },
    signal,
  );
  const messages = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, n) => Buffer.from(String(from + n)));
  for (const message of messages(1, 30)) object.arrived(message, false);
  const left = Promise.withResolvers<void>();
  own.move('bat/cuve', () => left.promise);
  heard[0]?.subscribed([], () => NEVER);
  for (const message of messages(31, 40)) {
    object.arrived(message, false);
    heard[0]?.message('bat/cuve', message, false);
  }
  left.resolve();
  await clock.advance(0);
  heard[0]?.message('bat/cuve', Buffer.from('41'), false);
  await clock.advance(10_000);
  object.tick();
  const [told] = reporter.of('event', 'fault');
  t.match(
    told?.fields,
    { cause: 'object-flood', detail: /; 20 were passed over/ },
    'of 41: 20 and the last were judged',
  );
});
