import t from 'tap';
import { shortfall } from './shortfall.ts';

t.test('bench: what a camera or a destination does not send is lost', async (t) => {
  t.equal(shortfall({ a: 750, b: 745 }, 2, 30), 0, 'all came, but for a fragment on its way');
  t.equal(shortfall({ a: 750 }, 2, 30), 750, 'one was silent all the time');
  t.equal(shortfall({ a: 750, b: 500 }, 2, 30), 250, 'one was silent for ten seconds');
  t.equal(shortfall({ a: 762, b: 500 }, 2, 30), 250, 'and no other makes up for it');
  t.equal(shortfall({}, 40, 30), 30_000, 'nothing came');
});
