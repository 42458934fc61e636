import fc from 'fast-check';
import t from 'tap';
import { type Block, BytePool } from '../../agent/base/pool.ts';

t.test(
  'pool: what is held is nobody else’s and as large as was asked; what nobody holds is free',
  async (t) => {
    const step = fc.oneof(
      fc.record({ does: fc.constant('take' as const), bytes: fc.integer({ min: 1, max: 300_000 }) }),
      fc.record({ does: fc.constantFrom('hold' as const, 'release'), which: fc.nat(20) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const pool = new BytePool();
        const held: Block[] = [];
        for (const one of steps) {
          if (one.does === 'take') {
            const block = pool.take(one.bytes);
            if (block.buffer.length !== one.bytes || block.buffer.buffer.byteLength !== one.bytes)
              return false;
            held.push(block);
            continue;
          }
          const block = held[one.which % Math.max(1, held.length)];
          if (!block) continue;
          if (one.does === 'hold') held.push(block);
          else held.splice(held.indexOf(block), 1);
          if (one.does === 'hold') block.hold();
          else block.release();
          if (block.buffer.length > 0 !== held.includes(block)) return false;
        }
        return true;
      }),
      { numRuns: 1_000 },
    );
    t.pass();
  },
);

t.test('pool: memory goes back with the last holder and waits for no collector', async (t) => {
  const pool = new BytePool();
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < 1_000; n += 1) pool.take(2 ** 20).release();
  t.ok(process.memoryUsage().arrayBuffers - before < 2 ** 22, 'of a thousand megabytes');
  const view = pool.take(100);
  const part = view.buffer.subarray(10, 20);
  view.release();
  t.equal(part.length, 0, 'and who looks too late sees nothing of somebody else');
});

t.test('pool: a mistake in the count is an error and not a picture in the wrong place', async (t) => {
  const block = new BytePool().take(1);
  block.release();
  t.throws(() => block.release(), { code: 'internal' });
  t.throws(() => block.hold(), { code: 'internal' });
});
