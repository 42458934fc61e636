import t from 'tap';
import { BOXES, hundredReturn } from '../bench/hundred.ts';

t.test(
  'system: a hundred boxes come back with a backlog, and the alarm of each goes before it',
  async (t) => {
    const { stored, told, copies, liveMs, behindLive } = await hundredReturn();
    t.same([stored, copies], [told, 0], 'the receiver has every event, once');
    t.ok(liveMs.every(Number.isFinite), 'each live alarm had its receipt');
    t.equal(behindLive.length, BOXES);
    t.ok(Math.min(...behindLive) > 0, `at least ${Math.min(...behindLive)} of the backlog came after it`);
  },
);
