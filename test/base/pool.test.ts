import fc from 'fast-check';
import t from 'tap';
import { type Block, BytePool } from '../../agent/base/pool.ts';

t.test('pool: what is held is nobody else’s, is large enough, and comes back for use', async (t) => {
  const step = fc.oneof(
    fc.record({ does: fc.constant('take' as const), bytes: fc.integer({ min: 0, max: 300_000 }) }),
    fc.record({ does: fc.constantFrom('hold' as const, 'release'), which: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 0, max: 500_000 }), (steps, maxFree) => {
      const pool = new BytePool(maxFree);
      const held: Block[] = [];
      for (const one of steps) {
        if (one.does === 'take') {
          const block = pool.take(one.bytes);
          if (held.includes(block) || block.buffer.length < one.bytes) return false;
          held.push(block);
          continue;
        }
        const block = held[one.which % Math.max(1, held.length)];
        if (!block) continue;
        if (one.does === 'hold') held.push(block);
        else held.splice(held.indexOf(block), 1);
        if (one.does === 'hold') block.hold();
        else block.release();
        if (pool.freeBytes > maxFree) return false;
      }
      return true;
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

t.test('pool: a block is used again, and at most a fifth of it is unused', async (t) => {
  const pool = new BytePool(2 ** 20);
  const first = pool.take(20_000);
  first.release();
  t.equal(pool.take(20_400), first);
  for (const bytes of [4_097, 5_121, 100_001, 262_145, 700_000]) {
    t.ok(pool.take(bytes).buffer.length <= bytes * 1.25, `${bytes} bytes`);
  }
});

t.test('pool: a mistake in the count is an error and not a picture in the wrong place', async (t) => {
  const block = new BytePool(2 ** 20).take(1);
  block.release();
  t.throws(() => block.release(), { code: 'internal' });
  t.throws(() => block.hold(), { code: 'internal' });
});
