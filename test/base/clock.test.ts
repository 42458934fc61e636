import t from 'tap';
import { clockTrust, HOLDOVER_MS } from '../../agent/base/clock.ts';
import { RepeatedFault } from '../../agent/base/repeated.ts';
import { TestClock } from '../support/test-clock.ts';

t.test('clock: synced, then 24 h of holdover on the monotonic clock, then untrusted', async (t) => {
  t.equal(clockTrust(true, undefined, 0), 'synced');
  t.equal(clockTrust(false, undefined, 0), 'untrusted');
  t.equal(clockTrust(false, 1000, 1000 + HOLDOVER_MS - 1), 'holdover');
  t.equal(clockTrust(false, 1000, 1000 + HOLDOVER_MS), 'untrusted');
});

t.test(
  'repeated fault: told at first, then once per interval with its count, then at recovery',
  async (t) => {
    const clock = new TestClock();
    const fault = new RepeatedFault(clock, 1000);
    t.same(fault.happened('a'), { count: 1, first: true });
    t.equal(fault.happened('a'), undefined);
    await clock.advance(1000);
    t.same(fault.happened('a'), { count: 3, first: false });
    t.same(fault.happened('b'), { count: 1, first: true });
    t.equal(fault.recovered(), 1);
    t.equal(fault.recovered(), 0);
  },
);
