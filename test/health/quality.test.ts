import t from 'tap';
import { QUALITY_LIMITS, type QualityNumber } from '../../agent/contract/quality.ts';
import { labelOf } from '../../agent/health/quality/label.ts';
import { CAMERA, LIMITS, Watch } from './watch.ts';

const qualityOf = (watch: Watch) => watch.recorder.last('quality', CAMERA.id);
const HOUR_MS = 3_600_000;
const NAMES = Object.keys(QUALITY_LIMITS) as QualityNumber[];
const BEST = Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<QualityNumber, number>;

t.test('quality: the label is that of the worst number, at its limit still the better one', async (t) => {
  t.same(labelOf(BEST), { label: 'good', worst: 'none' });
  t.same(labelOf({ ...BEST, rate_short_percent: undefined }), { label: 'good', worst: 'none' });
  for (const name of NAMES) {
    const { good, fair } = QUALITY_LIMITS[name];
    const graded = (value: number) => labelOf({ ...BEST, [name]: value });
    t.match(graded(good), { label: 'good' }, name);
    t.match(graded(good + 0.01), { label: 'fair', worst: name }, name);
    t.match(graded(fair), { label: 'fair' }, name);
    t.match(graded(fair + 0.01), { label: 'poor', worst: name }, name);
  }
});

t.test('quality: each full hour is told with its numbers, all of them measured on packets', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start([{ ...CAMERA, minFps: 20 }]);
  await watch.well();
  await watch.seconds(70);
  t.match(qualityOf(watch), { label: 'good', complete: false, hour: Date.UTC(2026, 0, 1), width: 1920 });
  await watch.seconds(30, { rtpLost: 2, framesDamaged: 1, jitterMs: 40, keyIntervalMs: 2_000 });
  await watch.seconds(10, { frames: 25, clockOffsetMs: 5, clockUncertaintyMs: 2, clockDriftPpm: 31.44 });
  watch.clock.jumpWall(HOUR_MS);
  await watch.seconds(1);
  const full = watch.recorder.of('state', 'quality').find(({ fields }) => fields.complete)?.fields;
  t.match(full, {
    ...{ hour: Date.UTC(2026, 0, 1), label: 'poor', worst: 'damaged_percent', fps: 25, kbps: 4000 },
    ...{ rtp_lost: 60, rtp_received: 45_200, loss_percent: 0.13, frames_damaged: 30, interruptions: 0 },
    ...{ key_interval_ms: 2_000, gop_frames: 25, clock_drift_ppm: 31.4, rate_short_percent: 0 },
    ...{ codec: 'h264', width: 1920, height: 1080, missing_percent: 0 },
  });
  t.ok(Math.abs(Number(full?.jitter_ms) - 12.1) < 1);
  await watch.seconds(70);
  t.match(
    qualityOf(watch),
    { label: 'good', hour: Date.UTC(2026, 0, 1) + HOUR_MS, rtp_lost: 0 },
    'begins anew',
  );
});

t.test('quality: pictures that do not come count, but not those that nobody was to see', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.seconds(90);
  watch.stream('failed', { code: 'camera-closed' });
  await watch.seconds(20, { frames: 0 });
  t.match(qualityOf(watch), { label: 'poor', worst: 'missing_percent', interruptions: 1 });
  const startMs = watch.clock.wallMs();
  watch.planned = { window: 'w', startMs, endMs: startMs + HOUR_MS };
  await watch.seconds(600, { frames: 0 });
  watch.planned = undefined;
  watch.room.onVideo(false);
  await watch.clock.advance(600_000);
  watch.clock.jumpWall(HOUR_MS);
  await watch.seconds(1);
  const full = watch.recorder.of('state', 'quality').find(({ fields }) => fields.complete)?.fields;
  t.ok(Number(full?.watched_s) < 120, 'neither work nor our own absence is time without pictures');
  await watch.room.apply([{ ...CAMERA, enabled: false }], LIMITS);
  t.equal(watch.recorder.of('clear', 'quality').length, 1);
});
