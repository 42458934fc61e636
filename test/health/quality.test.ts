import t from 'tap';
import { QUALITY_LIMITS, type QualityNumber } from '../../agent/contract/quality.ts';
import { QualityHour } from '../../agent/health/quality/hour.ts';
import { KeptHours } from '../../agent/health/quality/kept.ts';
import { labelOf } from '../../agent/health/quality/label.ts';
import { TestClock } from '../support/test-clock.ts';
import { CAMERA, LIMITS, MEASURE, Watch } from './watch.ts';

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

t.test("quality: what the box did not read in time is told, and is not the camera's", async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.seconds(30, { rtpLost: 40, rtpUnread: 40, framesDamaged: 3 });
  await watch.seconds(60);
  t.match(qualityOf(watch), { label: 'good', worst: 'none', loss_percent: 0, damaged_percent: 0 });
  watch.clock.jumpWall(HOUR_MS);
  await watch.seconds(1);
  const full = watch.recorder.of('state', 'quality').find(({ fields }) => fields.complete)?.fields;
  t.match(full, { ...{ rtp_lost: 1200, rtp_unread: 1200 }, frames_damaged: 90, frames_damaged_unread: 90 });
  await watch.seconds(70, { rtpLost: 40, rtpUnread: 10, framesDamaged: 3 });
  t.match(qualityOf(watch), { label: 'poor', worst: 'loss_percent', frames_damaged_unread: 0 });
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

t.test(
  'quality: the hour that runs goes on after a power cut and after a restart, and is told full',
  async (t) => {
    const first = new Watch();
    await first.start();
    await first.well();
    await first.seconds(360, { rtpLost: 2, rtpUnread: 1, jitterMs: 40, keyIntervalMs: 2_000 });
    const told = qualityOf(first);
    first.cut();
    const second = new Watch(first.folder, first.clock);
    await second.start();
    await second.well();
    const [again] = second.recorder.of('state', 'quality');
    t.match(again?.fields, { complete: false, hour: told.hour, label: 'fair', key_interval_ms: 2_000 });
    const [watched, lost] = [Number(again?.fields.watched_s), Number(again?.fields.rtp_lost)];
    t.ok(
      watched >= 290 && watched <= 303,
      'what was kept five minutes before at most; the gap is not watched',
    );
    t.ok(lost >= 580 && lost <= 606, 'the numbers are of the time that is told');
    t.equal(again?.fields.rtp_unread, lost / 2);
    await second.seconds(100);
    await second.stop();
    const third = new Watch(first.folder, first.clock);
    await third.start();
    await third.well();
    const after = Number(third.recorder.of('state', 'quality')[0]?.fields.watched_s);
    t.ok(after >= watched + 100, 'what was ordered to end has kept all of it');
    await third.stop();
    first.clock.jumpWall(HOUR_MS);
    const fourth = new Watch(first.folder, first.clock);
    await fourth.start();
    await fourth.well();
    await fourth.seconds(10);
    const [full, ...more] = fourth.recorder.of('state', 'quality').map(({ fields }) => fields);
    t.match(full, { complete: true, hour: told.hour, rtp_lost: lost }, 'its end came while the box was off');
    t.ok(Number(full?.watched_s) > watched + 100);
    t.same(more, [], 'nothing of it counts in the hour after');
    await fourth.end();
  },
);

t.test(
  'quality: running hours are kept in one write each five minutes; what cannot be read begins anew',
  async (t) => {
    const values: string[] = [];
    const memory = {
      get: () => values.at(-1),
      set: (_room: string, _key: string, value: string) => void values.push(value),
      delete: () => undefined,
      entries: () => [],
    };
    const clock = new TestClock();
    const kept = new KeptHours(memory, clock);
    const hours = new Map(
      Array.from({ length: 64 }, (_, n) => [`cam-${n}`, new QualityHour(clock.wallMs())]),
    );
    for (const camera of hours.keys()) t.equal(kept.take(camera), undefined);
    for (let second = 0; second < 7_200; second += 1) {
      await clock.advance(1_000);
      for (const hour of hours.values()) {
        hour.watched(1_000, true);
        hour.take(MEASURE);
      }
      if (kept.isDue) kept.keep(new Map([...hours].map(([id, hour]) => [id, hour.kept])));
    }
    t.equal(values.length, 24, '64 cameras, two hours');
    t.ok(String(values.at(-1)).length < 8_000);
    t.equal(new KeptHours(memory, clock).take('cam-63')?.watchedMs, 7_200_000);
    for (const torn of [
      '',
      'x',
      '[]',
      'null',
      '{"cam-63":[1,2]}',
      '{"cam-63":null}',
      values[0]?.slice(0, -9),
    ]) {
      values.push(torn ?? '');
      t.equal(new KeptHours(memory, clock).take('cam-63'), undefined, `${torn}`.slice(0, 20));
    }
  },
);
