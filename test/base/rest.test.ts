import { setImmediate as round } from 'node:timers/promises';
import t from 'tap';
import { Rest } from '../../agent/base/rest.ts';

t.test(
  'rest: the loop rests once after a round, however much was read in it, and not after a quiet one',
  async (t) => {
    const rests: number[] = [];
    const rest = new Rest(20, (ms) => rests.push(ms));
    rest.read();
    rest.read();
    t.same(rests, [], 'not before the round has ended');
    await round();
    t.same(rests, [20]);
    await round();
    t.same(rests, [20]);
    rest.read();
    await round();
    t.same(rests, [20, 20]);
  },
);

t.test('rest: it ends by itself', async (t) => {
  new Rest(1).read();
  await round();
  t.pass();
});
