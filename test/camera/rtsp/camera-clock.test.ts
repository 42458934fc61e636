import t from 'tap';
import { CameraClock } from '../../../agent/camera/rtsp/camera-clock.ts';
import { Timeline } from '../../../agent/camera/rtsp/timeline.ts';
import * as fc from '../../support/properties.ts';

const BOX = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

/** A camera whose reports take some time to come, and a box whose clock is right. */
class Scene {
  readonly clock = new CameraClock();
  nowMs = 0;
  aheadMs = 0;
  ppm = 0;

  /** One report, which took so long. @returns whether it was believed */
  says(lateMs: number, wrongByMs = 0): boolean {
    const saidMs = this.nowMs;
    this.nowMs += lateMs;
    const wallMs = BOX + saidMs * (1 + this.ppm / 1e6) + this.aheadMs + wrongByMs;
    return this.clock.take({ wallMs, receivedMonotonicMs: this.nowMs });
  }

  /** A report each five seconds. */
  run(reports: number, late: () => number = () => 1): void {
    for (let i = 0; i < reports; i += 1) {
      this.says(late());
      this.nowMs += 5000;
    }
  }

  reading(roundTripMs = 0) {
    return this.clock.reading({ monotonicMs: this.nowMs, wallMs: BOX + this.nowMs }, roundTripMs);
  }
}

t.test(
  'camera clock: offset and drift come out of reports that are late by anything up to 2 s',
  async (t) => {
    fc.assert(
      fc.property(
        fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
        fc.integer({ min: -200, max: 200 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 1900 })),
        (aheadMs, ppm, lates) => {
          const scene = new Scene();
          Object.assign(scene, { aheadMs, ppm });
          let count = 0;
          // One report in four is hardly late, as on any network that is not broken.
          scene.run(200, () => {
            count += 1;
            return count % 4 === 0 ? 0.5 : (lates.next().value ?? 0);
          });
          const reading = scene.reading();
          const trueMs = aheadMs + (scene.nowMs * ppm) / 1e6;
          return (
            reading !== undefined &&
            Math.abs(reading.offsetMs - trueMs) < 20 &&
            Math.abs((reading.driftPpm ?? Number.NaN) - ppm) < 10 &&
            reading.steps === 0
          );
        },
      ),
      { numRuns: 50 },
    );
    t.pass('held');
  },
);

t.test('camera clock: half the round trip is added, and is how sure it is', async (t) => {
  const scene = new Scene();
  t.equal(scene.reading(), undefined, 'before the first report');
  scene.run(3, () => 20);
  t.match(scene.reading(40), { offsetMs: 0, uncertaintyMs: 20, steps: 0 });
  t.notOk(scene.reading()?.driftPpm, 'not yet watched for long enough');
});

t.test('camera clock: reports that are wrong one by one move nothing', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1e12, max: 1e12 }), { minLength: 1, maxLength: 20 }),
      (wrongs) => {
        const scene = new Scene();
        scene.run(3);
        for (const wrong of wrongs) {
          if (Math.abs(wrong) <= 2100) continue; // may as well have been on its way
          if (scene.says(1, wrong)) return false;
          scene.run(1);
        }
        const reading = scene.reading();
        return reading !== undefined && Math.abs(reading.offsetMs) < 5 && reading.steps === 0;
      },
    ),
  );
  t.pass('held');
});

t.test('camera clock: one that is set is believed from the second report on, and counted', async (t) => {
  const scene = new Scene();
  scene.run(50);
  t.type(scene.reading()?.driftPpm, 'number');
  scene.aheadMs = 90_000;
  t.equal(scene.says(1), false);
  scene.nowMs += 5000;
  t.equal(scene.says(1), true);
  const { offsetMs = 0, steps, driftPpm } = scene.reading() ?? {};
  t.ok(Math.abs(offsetMs - 90_000) < 5);
  t.same([steps, driftPpm], [1, undefined], 'its drift is measured anew');
  scene.aheadMs = 0;
  scene.run(3);
  t.equal(scene.reading()?.steps, 2);
});

t.test(
  'camera clock: one that is set by little is seen within two minutes, counted, and its drift measured anew',
  async (t) => {
    const stepMs = fc.integer({ min: 150, max: 1_900 }).chain((ms) => fc.constantFrom(ms, -ms));
    const lates = fc.infiniteStream(fc.integer({ min: 0, max: 60 }));
    fc.assert(
      fc.property(
        stepMs,
        fc.integer({ min: -100, max: 100 }),
        fc.integer({ min: 40, max: 400 }),
        lates,
        (ms, ppm, before, late) => {
          const scene = new Scene();
          Object.assign(scene, { aheadMs: 300, ppm });
          const next = () => late.next().value ?? 0;
          scene.run(before, next);
          if (scene.reading()?.steps !== 0) return false;
          scene.aheadMs += ms;
          scene.run(24, next);
          const seen = scene.reading();
          const trueMs = scene.aheadMs + (scene.nowMs * ppm) / 1e6;
          if (seen?.steps !== 1 || Math.abs(seen.offsetMs - trueMs) > 70) return false;
          scene.run(200, next);
          return (
            scene.reading()?.steps === 1 && Math.abs((scene.reading()?.driftPpm ?? Number.NaN) - ppm) < 40
          );
        },
      ),
      { numRuns: 200 },
    );
    t.pass('held');
  },
);

t.test('camera clock: reports that all come late for half a minute are no step', async (t) => {
  const scene = new Scene();
  scene.run(60);
  scene.run(5, () => 1_500);
  scene.run(60);
  t.match(scene.reading(), { steps: 0 });
});

t.test('camera clock: a first report that was wrong is no step of the clock', async (t) => {
  const scene = new Scene();
  scene.says(1, 8 * HOUR_MS);
  scene.run(3);
  t.match(scene.reading(), { steps: 0 });
  t.ok(Math.abs(scene.reading()?.offsetMs ?? Number.NaN) < 5);
});

t.test('camera clock: steps of the clock of the box, of any size, are none of the camera', async (t) => {
  const boxSteps = fc.array(fc.integer({ min: -5 * HOUR_MS, max: 5 * HOUR_MS }), {
    minLength: 1,
    maxLength: 5,
  });
  const small = fc.array(fc.integer({ min: -2000, max: 2000 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.oneof(boxSteps, small), fc.integer({ min: -100, max: 100 }), (steps, ppm) => {
      const scene = new Scene();
      Object.assign(scene, { aheadMs: 300, ppm });
      let steppedMs = 0;
      return steps.every((stepMs) => {
        scene.run(60);
        steppedMs += stepMs;
        const now = { monotonicMs: scene.nowMs, wallMs: BOX + scene.nowMs + steppedMs };
        const reading = scene.clock.reading(now, 0);
        const trueMs = 300 + (scene.nowMs * ppm) / 1e6 - steppedMs;
        return (
          reading?.steps === 0 &&
          Math.abs(reading.offsetMs - trueMs) < 5 &&
          Math.abs((reading.driftPpm ?? Number.NaN) - ppm) < 5
        );
      });
    }),
    { numRuns: 100 },
  );
  t.pass('held');
});

const report = (rtpTimestamp: number, wallMs: number) => ({ ssrc: 1, rtpTimestamp, wallMs });

t.test('timeline: one report that contradicts the others moves no picture, two that agree do', async (t) => {
  const timeline = new Timeline(90_000);
  timeline.unwrap(0);
  timeline.sawReport(report(0, BOX));
  timeline.sawReport(report(90_000, BOX - 5 * HOUR_MS));
  t.equal(timeline.wallMs(90_000), BOX + 1000);
  timeline.sawReport(report(180_000, BOX + 2000));
  timeline.sawReport(report(270_000, BOX + HOUR_MS));
  t.equal(timeline.wallMs(270_000), BOX + 3000, 'a doubt does not outlive a good report');
  timeline.sawReport(report(360_000, BOX + HOUR_MS + 1000));
  t.equal(timeline.wallMs(360_000), BOX + HOUR_MS + 1000);
});

t.test('timeline: after a jump of the time stamps nothing is said before the next report', async (t) => {
  const timeline = new Timeline(90_000);
  timeline.unwrap(0);
  timeline.sawReport(report(0, BOX));
  const jumped = timeline.unwrap(90_000 * 1000);
  t.equal(timeline.wallMs(jumped), undefined);
  timeline.sawReport(report(90_000 * 1000, BOX + 500));
  t.equal(timeline.wallMs(jumped), BOX + 500);
});

t.test('timeline: a report of an RTP time far from the pictures says nothing of them', async (t) => {
  const timeline = new Timeline(90_000);
  const first = timeline.unwrap(0x7000_0000);
  timeline.sawReport(report(0, BOX));
  t.equal(timeline.wallMs(first), undefined);
});
