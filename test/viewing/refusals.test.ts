import t from 'tap';
import type { RegisterLine } from '../../agent/store/store.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { leaseOrder, PARTNER } from '../trust/lease-parts.ts';
import { OPERATOR } from '../trust/support.ts';
import { World } from './world.ts';

const LEASE_S = 4;

/** What stands in the detail of a line of the register. */
const toldOf = ({ detail }: RegisterLine) => JSON.parse(detail) as { refused?: number; detail: string };

/** Of a lease that is not there. */
function closing(nowS: number): object {
  const { typ, aud, jti } = leaseOrder();
  const command = { command: 'lease.close', camera: 'cam-hall', lease: 'no-lease-1', operator: 'c.weber' };
  return { typ, aud, jti, iat: nowS, exp: nowS + 300, ...command };
}

t.test(
  'refusals: refusals above ten in a minute are one line for each key, and none is missing',
  async (t) => {
    const world = await World.create();
    const nowS = Math.floor(world.clock.wallMs() / 1000);
    const times = { iat: nowS, exp: nowS + 300, start: nowS, end: nowS + LEASE_S };
    const refuse = async (count: number, order: () => object, key = PARTNER) => {
      for (let done = 0; done < count; done += 1) {
        await world.order(signOrder(order(), [key]));
        await world.clock.advance(100);
      }
    };
    const firstMs = world.clock.wallMs();
    await refuse(14, () => leaseOrder({ ...times, operator: 'nobody' }));
    await refuse(3, () =>
      leaseOrder({ ...times, operator: 'c.weber', reason: 'intervention', end: nowS + 5 * 3600 }),
    );
    await refuse(5, () => closing(nowS), OPERATOR);
    const lastMs = world.clock.wallMs();
    await world.clock.advance(61_000);
    const told = world.events('consignation').filter(({ action }) => action === 'lease.refused');
    t.equal(told.length, 12, 'ten and a sum for each of the two keys');
    t.equal(
      told.reduce((sum, { refused = 1 }) => sum + Number(refused), 0),
      22,
      'the partner misses none',
    );
    const [ofPartner, ofOperator] = told.slice(10);
    t.match(ofPartner, { who: PARTNER.kid, operator: 'c.weber', refused: 7, cause: 'lease-operator' });
    t.match(
      ofPartner?.detail,
      /^7 further orders refused from .*, naming nobody, c\.weber: 4 lease-operator, 3 channel-too-long$/,
    );
    t.match(ofOperator, { who: OPERATOR.kid, refused: 5, cause: 'order-unknown-channel' });
    t.ok(firstMs < Number(ofPartner?.refused_first) && Number(ofOperator?.refused_last) < lastMs);
    t.ok(Number(ofPartner?.refused_first) < Number(ofPartner?.refused_last));
    t.match(
      ofOperator?.detail,
      new RegExp(`from ${new Date(Number(ofOperator?.refused_first)).toISOString()} to `),
    );
    const lines = world.store.register.lines(1, 10_000);
    const ofChannels = lines.filter(({ action }) => action === 'lease.refused');
    t.equal(
      ofChannels.reduce((sum, line) => sum + (toldOf(line).refused ?? 1), 0),
      22,
      'nor does the register of the box',
    );
    const refused = world.events('refusal');
    t.equal(
      refused.reduce((sum, event) => sum + Number(event.refused), 0),
      22,
      'nor the CSU',
    );
    t.match(refused.at(-1), { refused_total: 22 });
    t.strictSame(
      refused.slice(10).map(({ signer, refused: count, cause }) => [signer, count, cause]),
      [
        [PARTNER.kid, 7, 'lease-operator'],
        [OPERATOR.kid, 5, 'order-unknown-channel'],
      ],
    );
    t.strictSame(
      lines
        .filter(({ action }) => action === 'order.refused')
        .slice(10)
        .map(({ who, result }) => [who, result]),
      [
        [PARTNER.kid, 'lease-operator'],
        [OPERATOR.kid, 'order-unknown-channel'],
      ],
    );
    await world.end();
  },
);

t.test(
  'refusals: refusals that are summed up are told when the agent stops, also of cameras that are not there',
  async (t) => {
    const world = await World.create();
    const nowS = Math.floor(world.clock.wallMs() / 1000);
    for (let number = 0; number < 13; number += 1)
      await world.order(
        signOrder(
          leaseOrder({ iat: nowS, exp: nowS + 60, start: nowS, end: nowS + 4, camera: `cam-${number}` }),
          [PARTNER],
        ),
      );
    await world.stopRoom();
    const refused = world.store.register.lines(1, 10_000).filter(({ action }) => action === 'lease.refused');
    t.equal(refused.length, 11);
    t.match(refused.at(-1), { who: PARTNER.kid, subject: /^cam-12 / });
    t.match(toldOf(refused.at(-1) as RegisterLine), { refused: 3, detail: /3 order-unknown-target/ });
    t.same(world.events(), [], 'which have no topic');
    await world.end();
  },
);
