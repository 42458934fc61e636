import t from 'tap';
import { Forwarding } from '../../agent/health/forwarding.ts';
import type { GapReport } from '../../agent/health/gap-sum.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import { Recorder } from './recorder.ts';

class Scene {
  readonly clock = new TestClock();
  readonly recorder = new Recorder(this.clock);
  readonly forwarding = new Forwarding({ clock: this.clock, reporter: this.recorder });

  get events() {
    return this.recorder.of('event', 'gap').map(({ fields }) => fields);
  }

  async start(): Promise<void> {
    await this.forwarding.start(new AbortController().signal);
  }

  gap(more: Partial<GapReport> = {}): GapReport {
    const fromWallMs = this.clock.wallMs();
    const gap = {
      ...{ camera: 'cam-1', destination: 'mqtt', code: 'destination-slow' as const },
      ...{ fromWallMs, untilWallMs: fromWallMs + 400, frames: 10, ...more },
    };
    this.forwarding.onGap(gap);
    return gap;
  }
}

t.test(
  'gaps: the first is told at once with its exact times, those that follow as one, with each',
  async (t) => {
    const scene = new Scene();
    await scene.start();
    const first = scene.gap();
    t.match(scene.events, [
      {
        from: first.fromWallMs,
        until: first.untilWallMs,
        gaps: 1,
        spans: `${first.fromWallMs}+400`,
        frames: 10,
      },
    ]);
    await scene.clock.advance(3000);
    const second = scene.gap();
    await scene.clock.advance(3000);
    const third = scene.gap({ frames: 7 });
    t.equal(scene.events.length, 1);
    await scene.clock.advance(4000);
    t.equal(scene.events.length, 2);
    t.match(scene.events[1], {
      ...{ from: second.fromWallMs, until: third.untilWallMs, gaps: 2, frames: 17 },
      ...{ spans: `${second.fromWallMs}+400 ${third.fromWallMs}+400`, cause: 'destination-slow' },
    });
    await scene.clock.advance(30_000);
    scene.gap();
    t.equal(scene.events.length, 3, 'after a quiet pause the next is again told at once');
    await scene.forwarding.stop();
  },
);

t.test(
  'gaps: other cameras, destinations and causes are told by themselves; an end tells what was gathered',
  async (t) => {
    const scene = new Scene();
    await scene.start();
    scene.gap();
    scene.gap({ camera: 'cam-2' });
    scene.gap({ destination: 'local' });
    scene.gap({ code: 'broker-closed' });
    t.equal(scene.events.length, 4);
    scene.gap();
    t.equal(scene.events.length, 4);
    await scene.forwarding.stop();
    t.equal(scene.events.length, 5);
  },
);

t.test(
  'gaps: however many there are, none is uncounted and their messages are few and bounded',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 5000 }), frames: fc.nat(1000) }), {
          minLength: 1,
          maxLength: 300,
        }),
        async (gaps) => {
          const scene = new Scene();
          await scene.start();
          for (const { waitMs, frames } of gaps) {
            scene.gap({ frames });
            await scene.clock.advance(waitMs);
          }
          const tookMs = gaps.reduce((sum, { waitMs }) => sum + waitMs, 0);
          const toldInTime = scene.events.length;
          await scene.forwarding.stop();
          const sum = (key: string) => scene.events.reduce((all, fields) => all + Number(fields[key]), 0);
          return (
            sum('gaps') === gaps.length &&
            sum('frames') === gaps.reduce((all, { frames }) => all + frames, 0) &&
            toldInTime <= 2 + tookMs / 10_000
          );
        },
      ),
      { numRuns: 30 },
    );
    t.pass('held');
  },
);

t.test('gaps: one that floods still fits its message', async (t) => {
  const scene = new Scene();
  await scene.start();
  scene.gap();
  const last = Array.from({ length: 5000 }, (_, i) =>
    scene.gap({ untilWallMs: scene.clock.wallMs() + i }),
  ).at(-1);
  await scene.clock.advance(10_000);
  t.match(scene.events[1], { gaps: 5000, frames: 50_000, until: last?.untilWallMs });
  t.ok(
    String(scene.events[1]?.spans).endsWith(`+4999x4921`),
    'the last of the list says that it is the rest',
  );
  await scene.forwarding.stop();
});

t.test('gaps: what no video process was there to send is told when the next one sends', async (t) => {
  const scene = new Scene();
  const reached = (camera: string, run: string, fromWallMs: number, untilWallMs: number) =>
    scene.forwarding.onReached({ camera, destination: 'mqtt', fromWallMs, untilWallMs }, run);
  reached('cam-viewed', 'first', 1_000, 90_000);
  await scene.clock.advance(10_000);
  for (const untilWallMs of [5_000, 6_000, 7_000]) {
    reached('cam-1', 'first', 1_000, untilWallMs);
    reached('cam-silent', 'first', 1_000, 2_000);
    await scene.clock.advance(4_000);
  }
  scene.forwarding.onVideoAway();
  await scene.clock.advance(2_000);
  reached('cam-1', 'second', 9_500, 9_700);
  t.match(scene.events, [
    {
      camera: 'cam-1',
      destination: 'mqtt',
      from: 7_000,
      until: 9_500,
      cause: 'video-process-down',
      frames: 0,
    },
  ]);
  reached('cam-1', 'second', 9_500, 10_700);
  reached('cam-silent', 'second', 9_500, 9_700);
  reached('cam-viewed', 'second', 95_000, 96_000);
  t.equal(scene.events.length, 1, 'once; nothing of one that was silent before, or of one that had ended');
});

t.test('gaps: several that are known only as one are counted, and marked in the list', async (t) => {
  const scene = new Scene();
  await scene.start();
  scene.gap();
  const exact = scene.gap();
  const joined = scene.gap({ gaps: 37, untilWallMs: scene.clock.wallMs() + 9_000, frames: 444 });
  const setBack = scene.gap({ untilWallMs: scene.clock.wallMs() - 5_000 });
  await scene.clock.advance(10_000);
  t.match(scene.events[1], {
    ...{ gaps: 39, frames: 464, until: joined.untilWallMs, side: 'backbone' },
    spans: `${exact.fromWallMs}+400 ${joined.fromWallMs}+9000x37 ${setBack.fromWallMs}+0`,
  });
  await scene.forwarding.stop();
});
