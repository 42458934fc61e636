import t from 'tap';
import { Hearing } from '../../agent/alarms/hearing.ts';
import { TestClock } from '../support/test-clock.ts';

t.test('a state is as old as the last word where that counts, else as the loss', async (t) => {
  for (const fromLastWord of [true, false]) {
    const clock = new TestClock();
    const hearing = new Hearing(clock, []);
    hearing.all();
    await clock.advance(5_000);
    hearing.lost([], fromLastWord);
    await clock.advance(9_999);
    t.equal(hearing.isUnknown(15_000), false);
    t.equal(hearing.isUnknown(10_000), fromLastWord);
    await clock.advance(1);
    t.equal(hearing.isUnknown(15_000), fromLastWord);
    t.equal(hearing.isUnknown(10_000), true);
  }
});
