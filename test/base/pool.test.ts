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
      const pool = new BytePool({ leastFreeBytes: maxFree, freeShare: 0 });
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
  const pool = new BytePool({ leastFreeBytes: 2 ** 20, freeShare: 0 });
  const first = pool.take(20_000);
  first.release();
  t.equal(pool.take(20_400), first);
  for (const bytes of [4_097, 5_121, 100_001, 262_145, 700_000]) {
    t.ok(pool.take(bytes).buffer.length <= bytes * 1.25, `${bytes} bytes`);
  }
});

t.test('pool: a mistake in the count is an error and not a picture in the wrong place', async (t) => {
  const block = new BytePool({ leastFreeBytes: 2 ** 20, freeShare: 0 }).take(1);
  block.release();
  t.throws(() => block.release(), { code: 'internal' });
  t.throws(() => block.hold(), { code: 'internal' });
});

t.test('pool: what is kept follows what was in use, and is let go when less is used', async (t) => {
  const pool = new BytePool({ leastFreeBytes: 2 ** 16, freeShare: 0.5 });
  const takeAll = (count: number) => Array.from({ length: count }, () => pool.take(2 ** 16));
  for (const block of takeAll(64)) block.release();
  t.equal(pool.freeBytes, 32 * 2 ** 16, 'half of it, though nothing is in use');
  const again = takeAll(32);
  t.equal(pool.freeBytes, 0, 'used again');
  for (const block of again) block.release();
  for (let n = 0; n < 20_000; n += 1) pool.take(4_096).release();
  t.equal(pool.freeBytes <= 2 ** 16, true, 'two windows of takes later');
  t.equal(pool.mostFreeBytes, 2 ** 16);
});
