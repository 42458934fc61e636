import t, { type Test } from 'tap';
import type { HealthLimits } from '../../agent/health/evidence.ts';
import { CAMERA, LIMITS, Watch } from './watch.ts';

const LEASED = { ...CAMERA, regime: 'leased' as const, owner: 'partner' as const };

async function watched(t: Test, limits: HealthLimits = LIMITS): Promise<Watch> {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start([LEASED], limits);
  await watch.clock.advance(1000);
  return watch;
}

t.test('health: a partner’s camera that describes its stream is well, without a picture', async (t) => {
  const watch = await watched(t);
  t.match(watch.state, {
    ...{ state: 'ok', owner: 'partner', reachable: 'yes', login: 'accepted', described: 'yes' },
    ...{ flowing: 'unknown', codec: 'h264' },
  });
});

t.test('health: it is asked at the regular pace and not more often', async (t) => {
  const watch = await watched(t);
  const { describes } = watch.network;
  await watch.clock.advance(300_000);
  t.ok(
    watch.network.describes - describes <= 11,
    `${watch.network.describes - describes} times in 5 minutes`,
  );
  t.ok(watch.network.describes - describes >= 8);
  t.match(watch.state, { state: 'ok' });
});

t.test('health: what keeps it from describing its stream is its cause', async (t) => {
  const watch = await watched(t);
  watch.network.described = 'camera-not-found';
  await watch.clock.advance(60_000);
  t.match(watch.state, { state: 'down', cause: 'camera-not-found', described: 'no', reachable: 'yes' });
  watch.network.rtsp = 'closed';
  await watch.clock.advance(60_000);
  t.match(watch.state, { state: 'down', cause: 'camera-port-closed' });
  watch.network.rtsp = 'open';
  watch.network.described = 'yes';
  await watch.clock.advance(60_000);
  t.match(watch.state, { state: 'ok' });
});

t.test('health: a login that DESCRIBE is refused is not tried again at each check', async (t) => {
  const watch = await watched(t);
  watch.network.described = 'camera-login-refused';
  await watch.clock.advance(60_000);
  t.match(watch.state, { state: 'down', cause: 'camera-login-refused' });
  const { describes } = watch.network;
  await watch.clock.advance(200_000);
  t.equal(watch.network.describes, describes);
  t.match(watch.state, { state: 'down', cause: 'camera-login-refused' });
});

t.test('health: while a lease is open its pictures count, and its end is no fault', async (t) => {
  const watch = await watched(t);
  const before = watch.states.length;
  watch.stream('connecting');
  watch.stream('described', { codec: 'h264' });
  watch.stream('playing');
  await watch.seconds(4);
  t.match(watch.state, { state: 'ok', flowing: 'yes' });
  watch.stream('stopped');
  await watch.clock.advance(60_000);
  t.match(watch.state, { state: 'ok', flowing: 'unknown', described: 'yes' });
  t.strictSame(watch.states.slice(before), [], 'the opening and the closing are no news');
});

t.test('health: a stream that fails while a lease is open is told with its cause', async (t) => {
  const watch = await watched(t);
  watch.stream('connecting');
  watch.stream('failed', { code: 'camera-busy', detail: 'too many clients' });
  await watch.clock.advance(10_000);
  t.match(watch.state, { state: 'down', cause: 'camera-busy' });
});

t.test('health: a clock that is off is told of a partner’s camera as well', async (t) => {
  const watch = await watched(t);
  watch.network.offset = { offsetMs: 60_000, uncertaintyMs: 5 };
  await watch.clock.advance(60_000);
  t.match(watch.state, { state: 'degraded', cause: 'camera-clock-offset' });
});
