import t from 'tap';
import { Meter } from '../../agent/video/meter.ts';
import * as fc from '../support/properties.ts';

const change = fc.record({
  frames: fc.integer({ min: -100, max: 100 }),
  bytes: fc.integer({ min: -5_000, max: 5_000 }),
  takes: fc.boolean(),
});

t.test(
  'meter: what is taken back is taken from the periods that follow, and none says less than nothing',
  async (t) => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const meter = new Meter(0);
        const said = { frames: 0, bytes: 0 };
        const total = { frames: 0, bytes: 0 };
        let nowMs = 0;
        const take = () => {
          nowMs += 1_000;
          const { droppedFrames, forwardedBytes } = meter.take('cam-1', {
            monotonicMs: nowMs,
            wallMs: nowMs,
          });
          said.frames += droppedFrames;
          said.bytes += forwardedBytes;
          return droppedFrames >= 0 && forwardedBytes >= 0;
        };
        const fits = changes.every(({ frames, bytes, takes }) => {
          const [dropped, forwarded] = [Math.max(frames, -total.frames), Math.max(bytes, -total.bytes)];
          meter.dropped(dropped);
          meter.forwarded(forwarded);
          total.frames += dropped;
          total.bytes += forwarded;
          return !takes || take();
        });
        if (!fits || !take()) return false;
        // Once more is counted than is owed, what was said is what was counted.
        const [owedFrames, owedBytes] = [said.frames - total.frames, said.bytes - total.bytes];
        meter.dropped(owedFrames + 1);
        meter.forwarded(owedBytes + 1);
        return (
          take() &&
          said.frames === total.frames + owedFrames + 1 &&
          said.bytes === total.bytes + owedBytes + 1
        );
      }),
      { numRuns: 1_000 },
    );
    t.pass();
  },
);
