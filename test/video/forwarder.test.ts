import fc from 'fast-check';
import t from 'tap';
import { Forwarder } from '../../agent/video/forwarder.ts';
import { Meter } from '../../agent/video/meter.ts';

t.test(
  'forwarder: after a refusal nothing goes before the next key frame, and every frame is counted',
  async (t) => {
    const chunk = fc.record({
      key: fc.boolean(),
      frames: fc.integer({ min: 1, max: 9 }),
      taken: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 60 }), (chunks) => {
        const sent: number[] = [];
        let taken = false;
        const publishNow = (_: string, payload: Buffer) => {
          if (taken) sent.push(payload.readUInt32BE());
          return taken;
        };
        const meter = new Meter(0);
        const forwarder = new Forwarder({ publishNow }, 'topic', meter);
        for (const [index, { key, frames, ...more }] of chunks.entries()) {
          taken = more.taken;
          const payload = Buffer.alloc(4);
          payload.writeUInt32BE(index);
          forwarder.forward({ payload, frames, key });
        }
        const { droppedFrames, forwardedBytes } = meter.take('cam-a', 1000);
        const dropped = chunks
          .filter((_, index) => !sent.includes(index))
          .reduce((sum, c) => sum + c.frames, 0);
        const afterGapIsKey = sent.every(
          (at, n) => chunks[at]?.key || at === (n === 0 ? 0 : (sent[n - 1] ?? 0) + 1),
        );
        return afterGapIsKey && droppedFrames === dropped && forwardedBytes === sent.length * 4;
      }),
    );
    t.pass();
  },
);
