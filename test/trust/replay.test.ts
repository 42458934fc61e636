import t from 'tap';
import { requireRisingVersion, takeOnce } from '../../agent/trust/replay.ts';
import { openFor, temporaryFolder } from '../store/support.ts';
import { NOW_S } from './support.ts';

t.test('an order is taken once, over starts of the box', async (t) => {
  const folder = temporaryFolder(t);
  const claims = { jti: 'order-0001', exp: NOW_S };
  const first = openFor(folder).store;
  takeOnce(first.journal, claims);
  t.throws(() => takeOnce(first.journal, claims), { code: 'order-replayed', message: /order-0001/ });
  first.close();
  const second = openFor(folder).store;
  t.throws(() => takeOnce(second.journal, { ...claims, exp: NOW_S + 1000 }), { code: 'order-replayed' });
  takeOnce(second.journal, { ...claims, jti: 'order-0002' });
  second.close();
});

t.test('versions of the configuration rise strictly', async (t) => {
  requireRisingVersion(1, 0);
  requireRisingVersion(9, 5);
  for (const version of [5, 4, 0]) {
    t.throws(() => requireRisingVersion(version, 5), {
      code: 'order-older-version',
      message: /above 5, came/,
    });
  }
});
