import t from 'tap';
import type { AccessUnit } from '../../agent/camera/types.ts';
import { NO_COUNTERS } from '../../agent/camera/types.ts';
import { Watch } from '../health/watch.ts';
import { TestClock } from '../support/test-clock.ts';
import { streamBy } from './camera-streams.ts';
import { encode } from './encoded.ts';
import { Taker } from './taker.ts';

const FPS = 25;
/** x264 refreshes gradually, each second anew: a recovery point each time, and an IDR at the very beginning alone. */
const REFRESHED = encode({
  ...{ codec: 'h264', frames: 3 * FPS, fps: FPS },
  encoder: ['-c:v', 'libx264', '-bf', '0', '-x264-params', `intra-refresh=1:keyint=${FPS}`],
});
const SEI = 6;
const RECOVERY_POINT = 6;

const isRecoveryPoint = (nal: Buffer) => ((nal[0] ?? 0) & 0x1f) === SEI && nal[1] === RECOVERY_POINT;

/** What is measured, and what a destination gets, of a camera that sends these pictures within a second. */
async function sending(units: readonly AccessUnit[]) {
  const clock = new TestClock();
  const { stream, feed, meter } = streamBy(clock, async (_camera, _permit, handlers, signal) => {
    handlers.described(REFRESHED.track, () => NO_COUNTERS);
    for (const unit of units) handlers.accessUnit(unit);
    await clock.sleep(60_000, signal);
  });
  const taker = new Taker();
  feed.attach(taker);
  const stop = new AbortController();
  const running = stream.run(stop.signal);
  await clock.advance(1_000);
  const measure = meter.take('cam-1', { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() });
  stop.abort();
  await running;
  return { measure, frames: taker.frames };
}

t.test(
  'no key picture: a camera that refreshes gradually sends nothing with which decoding can begin, and is named after a minute',
  async (t) => {
    const { units } = REFRESHED;
    const later = units.slice(1, FPS + 1);
    t.same(
      units.flatMap(({ key }, index) => (key ? [index] : [])),
      [0],
      'one IDR, as the stream begins',
    );
    t.ok(
      later.some(({ nals }) => nals.some(isRecoveryPoint)),
      'the gradual refresh is one',
    );
    const joined = await sending(later);
    t.match(joined.measure, { frames: FPS, keyFrames: 0 });
    t.equal(joined.frames, 0, 'nothing can be forwarded');
    const whole = await sending(units.slice(0, FPS));
    t.match(whole.measure, { frames: FPS, keyFrames: 1 });
    t.equal(whole.frames, FPS);

    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    const { keyFrames } = joined.measure;
    await watch.seconds(58, { keyFrames });
    t.match(watch.state, { state: 'ok' }, 'a group of pictures may last for a minute');
    await watch.seconds(6, { keyFrames });
    t.match(watch.state, { state: 'degraded', cause: 'camera-no-key-picture', side: 'camera' });
    t.match(watch.state.detail, /no key picture \(IDR\) is sent/);
    await watch.seconds(6, { keyFrames: whole.measure.keyFrames });
    t.match(watch.state, { state: 'ok', cause: 'none' });
  },
);

t.test('no key picture: parameter sets that never come are as bad', async (t) => {
  const isSet = (nal: Buffer) => [7, 8].includes((nal[0] ?? 0) & 0x1f);
  const bare = REFRESHED.units.slice(0, FPS).map((unit) => ({
    ...unit,
    nals: unit.nals.filter((nal) => !isSet(nal)),
  }));
  const clock = new TestClock();
  const { stream, meter } = streamBy(clock, async (_camera, _permit, handlers, signal) => {
    handlers.described({ ...REFRESHED.track, parameterSets: {} }, () => NO_COUNTERS);
    for (const unit of bare) handlers.accessUnit(unit);
    await clock.sleep(60_000, signal);
  });
  const stop = new AbortController();
  const running = stream.run(stop.signal);
  await clock.advance(1_000);
  t.match(meter.take('cam-1', { monotonicMs: 1_000, wallMs: 1_000 }), { frames: FPS, keyFrames: 0 });
  stop.abort();
  await running;
});

t.test('no key picture: that of a sub-stream is the sub-stream that is down', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  for (let second = 0; second < 64; second += 1) {
    await watch.seconds(1);
    watch.measure({ profile: 'sub', keyFrames: 0 });
  }
  await watch.seconds(3);
  t.match(watch.state, { state: 'degraded', cause: 'camera-substream-down' });
  t.match(watch.state.detail, /camera-no-key-picture/);
  watch.measure({ profile: 'sub' });
  await watch.seconds(4);
  t.match(watch.state, { state: 'ok' });
});
