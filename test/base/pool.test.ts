import t from 'tap';
import { type Block, BytePool } from '../../agent/base/pool.ts';
import { SlabPool } from '../../agent/base/slab-pool.ts';
import * as fc from '../support/properties.ts';

const POOLS = { 'memory of its own': () => new BytePool(), slabs: () => new SlabPool() };
const MIB = 2 ** 20;

/** Blocks in any order of steps, each filled with a mark of its own. */
class Holders {
  readonly pool: BytePool;
  /** As often as it is held. */
  readonly held: Block[] = [];
  readonly #marks = new Map<Block, { readonly mark: number; readonly bytes: number }>();
  #next = 1;

  constructor(pool: BytePool) {
    this.pool = pool;
  }

  take(bytes: number): void {
    const block = this.pool.take(bytes);
    this.#next = (this.#next % 250) + 1;
    block.buffer.fill(this.#next);
    this.#marks.set(block, { mark: this.#next, bytes });
    this.held.push(block);
  }

  hold(which: number): void {
    const block = this.held[which % this.held.length];
    block?.hold();
    if (block) this.held.push(block);
  }

  /** @returns whether it was left as it was until the end, and is as it should be after it */
  release(which: number): boolean {
    const [block] = this.held.splice(which % Math.max(1, this.held.length), 1);
    if (!block) return true;
    const isWhole = this.#isWhole(block);
    block.release();
    const isHeld = this.held.includes(block);
    return isWhole && block.held === isHeld && block.buffer.length > 0 === isHeld;
  }

  /** No byte of a block is one of another. */
  isSound(): boolean {
    return this.held.every((block) => this.#isWhole(block));
  }

  #isWhole(block: Block): boolean {
    const { mark, bytes } = this.#marks.get(block) ?? { mark: 0, bytes: -1 };
    return block.buffer.length === bytes && block.buffer.every((byte) => byte === mark);
  }
}

const bytes = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 40_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 190_000, max: 300_000 }) },
);
const step = fc.oneof(
  fc.record({ does: fc.constant('take' as const), bytes }),
  fc.record({ does: fc.constantFrom('hold' as const, 'release', 'release'), which: fc.nat(40) }),
);

for (const [name, make] of Object.entries(POOLS)) {
  t.test(
    `pool, ${name}: what is held is nobody else’s and as large as was asked; what nobody holds is free`,
    async (t) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
          const holders = new Holders(make());
          for (const one of steps) {
            if (one.does === 'take') holders.take(one.bytes);
            else if (one.does === 'hold') holders.hold(one.which);
            else if (!holders.release(one.which)) return false;
          }
          return holders.isSound();
        }),
        { numRuns: 200 },
      );
      t.pass();
    },
  );

  t.test(
    `pool, ${name}: a mistake in the count is an error and not a picture in the wrong place`,
    async (t) => {
      const block = make().take(1);
      block.release();
      t.throws(() => block.release(), { code: 'internal' });
      t.throws(() => block.hold(), { code: 'internal' });
      t.equal(block.buffer.length, 0);
    },
  );

  t.test(`pool, ${name}: memory goes back with the last holder and waits for no collector`, async (t) => {
    const pool = make();
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 1_000; n += 1) pool.take(n % 2 === 0 ? MIB : 50_000).release();
    t.ok(process.memoryUsage().arrayBuffers - before < 4 * MIB, 'of half a thousand megabytes');
  });
}

t.test('pool: who looks too late at memory of its own sees nothing of somebody else', async (t) => {
  const block = new BytePool().take(100);
  const part = block.buffer.subarray(10, 20);
  block.release();
  t.equal(part.length, 0);
});

/** Twenty cameras whose pictures are kept from one key picture to the next, and for a moment besides. */
function carry(
  pool: SlabPool,
  random: () => number,
): { readonly peakBytes: number; readonly slabBytes: number } {
  const cameras = Array.from({ length: 20 }, (_, i) => ({ at: i * 7, kept: [] as Block[] }));
  let [now, peakBytes, slabBytes] = [0, 0, 0];
  const drop = (blocks: readonly Block[]) => {
    for (const block of blocks) {
      now -= block.buffer.length;
      block.release();
    }
  };
  for (let picture = 0; picture < 200; picture += 1) {
    for (const camera of cameras) {
      camera.at += 1;
      const isKey = camera.at % 50 === 0;
      const block = pool.take(Math.round((isKey ? 100_000 : 10_000) * (0.5 + random())));
      now += block.buffer.length;
      if (isKey) drop(camera.kept.splice(0));
      camera.kept.push(block);
    }
    peakBytes = Math.max(peakBytes, now);
    slabBytes = Math.max(slabBytes, pool.slabBytes);
  }
  for (const { kept } of cameras) drop(kept);
  return { peakBytes, slabBytes };
}

t.test(
  'pool, slabs: twenty cameras take little more than their pictures, and nothing stays when they have gone',
  async (t) => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (numbers) => {
        const pool = new SlabPool();
        const { peakBytes, slabBytes } = carry(pool, () => numbers.next().value ?? 0);
        return slabBytes < 1.5 * peakBytes && pool.slabBytes <= MIB;
      }),
      { numRuns: 10 },
    );
    t.pass();
  },
);
