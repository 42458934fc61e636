import t from 'tap';
import { RECOVERY_MS } from '../../agent/health/verdict.ts';
import * as fc from '../support/properties.ts';
import { CAMERA, Watch } from './watch.ts';

/** What may happen to a camera, and to our view of it. */
type Step =
  | { readonly does: 'wait'; readonly ms: number }
  | { readonly does: 'flow'; readonly seconds: number; readonly lost: number }
  | {
      readonly does: 'phase';
      readonly phase: 'connecting' | 'described' | 'playing' | 'stalled' | 'failed' | 'stopped';
    }
  | {
      readonly does: 'network';
      readonly rtsp: 'open' | 'closed' | 'unreachable';
      readonly onvif: 'open' | 'unreachable';
    }
  | { readonly does: 'video'; readonly running: boolean }
  | { readonly does: 'clock'; readonly offsetMs: number }
  | { readonly does: 'stand'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constant('wait' as const), ms: fc.constantFrom(100, 900, 2000, 6000, 35_000) }),
  fc.record({
    does: fc.constant('flow' as const),
    seconds: fc.integer({ min: 1, max: 5 }),
    lost: fc.constantFrom(0, 0, 60),
  }),
  fc.record({
    does: fc.constant('phase' as const),
    phase: fc.constantFrom('connecting', 'described', 'playing', 'stalled', 'failed', 'stopped'),
  }),
  fc.record({
    does: fc.constant('network' as const),
    rtsp: fc.constantFrom('open', 'closed', 'unreachable'),
    onvif: fc.constantFrom('open', 'unreachable'),
  }),
  fc.record({ does: fc.constant('video' as const), running: fc.boolean() }),
  fc.record({ does: fc.constant('clock' as const), offsetMs: fc.constantFrom(0, 900, 5000) }),
  fc.record({ does: fc.constant('stand' as const), ms: fc.constantFrom(500, 5000) }),
);

async function take(watch: Watch, one: Step): Promise<void> {
  if (one.does === 'wait') await watch.clock.advance(one.ms);
  if (one.does === 'flow') await watch.seconds(one.seconds, { rtpLost: one.lost });
  if (one.does === 'phase') watch.stream(one.phase, one.phase === 'failed' ? { code: 'camera-closed' } : {});
  if (one.does === 'network') Object.assign(watch.network, { rtsp: one.rtsp, onvif: one.onvif });
  if (one.does === 'video') watch.room.onVideo(one.running);
  if (one.does === 'clock') watch.network.offset = { offsetMs: one.offsetMs, uncertaintyMs: 10 };
  if (one.does === 'stand') watch.clock.standStill(one.ms);
  await watch.clock.advance(0);
}

/** Runs a history; notes when measures with pictures came. */
async function run(steps: readonly Step[]): Promise<{ watch: Watch; flowsMs: number[] }> {
  const watch = new Watch();
  const flowsMs: number[] = [];
  const measure = watch.measure.bind(watch);
  watch.measure = (more = {}) => {
    flowsMs.push(watch.clock.wallMs());
    measure(more);
  };
  await watch.start();
  for (const one of steps) await take(watch, one);
  await watch.end();
  return { watch, flowsMs };
}

t.test('whatever happens to a camera, its reports are honest and never repeated', async (t) => {
  const rule = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    const { watch, flowsMs } = await run(steps);
    const reports = watch.recorder.of('state', 'cameraHealth', CAMERA.id);
    for (const [index, { fields, wallMs }] of reports.entries()) {
      const before = reports[index - 1];
      if (JSON.stringify(before?.fields) === JSON.stringify(fields))
        throw new RangeError('the same report twice');
      const begins = before === undefined || before.fields.state !== fields.state;
      if (begins && fields.since !== wallMs) throw new RangeError(`since ${fields.since}, told at ${wallMs}`);
      if (!begins && fields.since !== before.fields.since) throw new RangeError('since moved within a state');
      const isUp = fields.state === 'ok' || fields.state === 'degraded';
      const flowed = flowsMs.some((flowMs) => flowMs <= wallMs && flowMs >= wallMs - 3500);
      if (begins && isUp && !flowed) throw new RangeError('up while nothing flows');
      if (fields.state === 'down' && fields.cause === 'none') throw new RangeError('down without a cause');
      if (isUp && fields.flowing === 'no') throw new RangeError('up, and told that nothing flows');
    }
  });
  await t.resolves(fc.assert(rule, { numRuns: 60 }));
});

t.test(
  'whatever happened before, a camera whose pictures come is told up, and a stall is told down',
  async (t) => {
    const rule = fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const watch = new Watch();
      await watch.start();
      for (const one of steps) await take(watch, one);
      watch.stream('playing');
      await watch.seconds(Math.ceil(RECOVERY_MS / 1000) + 3);
      const up = watch.state.state;
      await watch.clock.advance(3000);
      watch.stream('stalled', { code: 'camera-stalled' });
      await watch.clock.advance(1500);
      const { state } = watch.state;
      await watch.end();
      return (up === 'ok' || up === 'degraded') && state === 'down';
    });
    await t.resolves(fc.assert(rule, { numRuns: 40 }));
  },
);
