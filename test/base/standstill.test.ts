import t from 'tap';
import { Standstill } from '../../agent/base/standstill.ts';
import { TestClock } from '../support/test-clock.ts';

t.test('standstill: a process that stood still knows when it woke and how long it slept', async (t) => {
  const clock = new TestClock();
  const standstill = new Standstill(clock);
  await standstill.start();
  await clock.advance(10_000);
  t.equal(standstill.stoodMs(0), 0, 'ticks in time are none');
  clock.standStill(4_000);
  t.equal(standstill.stoodMs(10_000), 3_500, 'noticed before the tick that is late; a tick is not counted');
  t.equal(standstill.stoodMs(14_000), 0, 'who began afterwards is not concerned');
  await clock.advance(60_000);
  t.equal(standstill.stoodMs(10_000), 3_500);
  t.equal(standstill.stoodMs(15_000), 0);
  await standstill.stop();
  t.equal(clock.sleeping, 0);
});

t.test('standstill: a tick that is a little late is none', async (t) => {
  const clock = new TestClock();
  const standstill = new Standstill(clock);
  await standstill.start();
  clock.standStill(1_400);
  t.equal(standstill.stoodMs(0), 0);
  await standstill.stop();
});
