import t from 'tap';
import type { OpenView } from '../../agent/contract/viewing.ts';
import { type ChannelReport, ViewKeeper } from '../../agent/video/views.ts';
import { fuzzStories } from '../support/fuzz.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import { camera, mediaOf, parts } from './parts.ts';
import { AgentEnd, cameraAt } from './plane.ts';

const VIEW_MS = 2_500;
/** What a closing may take. */
const LOOK_MS = 100;
const STORIES = 50;

/** The keeper of views with an engine that only remembers which cameras it was told to let out. */
function keeper(clock: TestClock) {
  const reports: ChannelReport[] = [];
  let viewed: ReadonlySet<string> = new Set();
  const engine = {
    setViewed: (cameras: ReadonlySet<string>) => {
      viewed = cameras;
    },
    sent: () => ({ bytes: 7, frames: 1 }),
  };
  const views = new ViewKeeper({ clock, engine, report: (message) => reports.push(message) });
  return { views, reports, isOpen: () => viewed.has('cam-a') };
}

const oneView = (leftMs: number): OpenView => ({ view: 'view-0000001', camera: 'cam-a', leftMs });

type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'jump'; readonly ms: number }
  | { readonly do: 'extend'; readonly leftMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
  fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -1e9, max: 1e9 }) }),
  fc.record({ do: fc.constant('extend' as const), leftMs: fc.integer({ min: 0, max: 30_000 }) }),
);

t.test(
  'views: one closes at its end by the monotonic clock alone, whatever the wall clock does',
  async (t) => {
    const rule = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const clock = new TestClock();
      const { views, isOpen } = keeper(clock);
      await views.start(new AbortController().signal);
      let endMs = VIEW_MS;
      views.setViews([oneView(VIEW_MS)]);
      let holds = isOpen();
      for (const one of steps) {
        if (one.do === 'jump') clock.jumpWall(one.ms);
        else if (one.do === 'wait') await clock.advance(one.ms);
        else if (one.do === 'extend' && isOpen()) {
          endMs = clock.monotonicMs() + one.leftMs;
          views.setViews([oneView(one.leftMs)]);
        }
        const leftMs = endMs - clock.monotonicMs();
        holds &&= leftMs > 0 ? isOpen() : leftMs > -LOOK_MS || !isOpen();
      }
      await views.stop();
      return holds;
    });
    await fuzzStories(t, 'views and clocks', rule, STORIES);
  },
);

t.test(
  'views: the video process closes one at its end while no agent is there, and tells it when one is',
  async (t) => {
    const { plane, subscriber } = await parts(t);
    const [viewed, other] = [await camera(t, {}), await camera(t, {})];
    const { link } = plane.agent;
    link.setCameras([cameraAt('cam-a', viewed.url, { delivery: 'on-demand' }), cameraAt('cam-b', other.url)]);
    await plane.agent.phase('cam-a', 'playing');
    const heard = (id: string) => mediaOf(subscriber, id).length;
    link.setViews([oneView(VIEW_MS)]);
    await subscriber.message(() => heard('cam-a') > 0);
    const overMs = performance.now() + VIEW_MS + LOOK_MS;
    await plane.agent.stop();
    for (let before = -1; before !== heard('cam-a') || performance.now() < overMs; ) {
      before = heard('cam-a');
      const from = heard('cam-b');
      await subscriber.message(() => heard('cam-b') >= from + 5);
    }
    const back = new AgentEnd(plane.socketPath);
    t.teardown(() => back.stop());
    await back.start();
    await back.until(() => back.channels.some(({ open }) => !open));
    const last = heard('cam-a');
    const report = back.channels.find(({ open }) => !open);
    t.match(report, { channel: 'view-0000001', camera: 'cam-a' });
    t.ok((report?.bytes ?? 0) > 0 && (report?.frames ?? 0) > 0 && (report?.closedWallMs ?? 0) > 0);
    const from = heard('cam-b');
    await subscriber.message(() => heard('cam-b') >= from + 5);
    t.equal(heard('cam-a'), last, 'and nothing of the view comes after it');
  },
);
