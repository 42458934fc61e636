import { setImmediate as round } from 'node:timers/promises';
import t from 'tap';
import { Rest } from '../../agent/base/rest.ts';

const TIMES = { leastMs: 20, perStreamMs: 2.5, mostMs: 50 };

t.test(
  'rest: the loop rests once after a round, however much was read in it, and not after a quiet one',
  async (t) => {
    const rests: number[] = [];
    const rest = new Rest(TIMES, (ms) => rests.push(ms));
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
  new Rest({ ...TIMES, leastMs: 1 }).read();
  await round();
  t.pass();
});

t.test('rest: it grows with the streams that are read, within bounds, and shrinks with them', async (t) => {
  const rests: number[] = [];
  const rest = new Rest(TIMES, (ms) => rests.push(ms));
  const ends: (() => void)[] = [];
  const streams: Promise<void>[] = [];
  const restWith = async (count: number) => {
    while (ends.length < count) streams.push(rest.during(() => new Promise<void>((end) => ends.push(end))));
    while (ends.length > count) ends.pop()?.();
    await round();
    rest.read();
    await round();
    return rests.at(-1);
  };
  t.same([await restWith(8), await restWith(16), await restWith(64)], [20, 40, 50]);
  t.equal(await restWith(0), 20);
  await Promise.all(streams);
  const failure = new Error('the stream broke');
  await t.rejects(
    rest.during(async () => Promise.reject(failure)),
    failure,
  );
});
