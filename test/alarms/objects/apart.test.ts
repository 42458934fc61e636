import t from 'tap';
import { ApartTopics, type Leave } from '../../../agent/alarms/objects/apart.ts';
import type { ObjectHandler } from '../../../agent/alarms/ports.ts';
import { DeviceError } from '../../../agent/base/errors.ts';
import { createLog } from '../../../agent/base/log.ts';

const NEVER = new Promise<never>(() => undefined);
const lost = () => new DeviceError('equipment-closed', 'mqtt-1: the connection was closed');

/** What comes of a move on whose new connection this happens before it is lost. */
async function afterLoss(happens: (handler: ObjectHandler) => void, leave: Leave): Promise<unknown> {
  const apart = new ApartTopics(
    {
      log: createLog('error', { write: () => undefined }),
      listen: async (_topic, handler) => {
        happens(handler);
        throw lost();
      },
      taken: { message: () => true, tooLarge: () => undefined },
      passedOver: () => undefined,
    },
    new AbortController().signal,
  );
  apart.move('bat/cuve', leave);
  return await Promise.race([
    apart.failed.catch((thrown: unknown) => thrown),
    apart.ended.then(() => 'as before'),
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
