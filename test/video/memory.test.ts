import t from 'tap';
import type { Block, BytePool } from '../../agent/base/pool.ts';
import { SlabPool } from '../../agent/base/slab-pool.ts';
import { ReceivedUnit } from '../../agent/camera/rtsp/received-unit.ts';
import type { Chunk, Destination, Format, Source } from '../../agent/video/destination.ts';
import { Feed } from '../../agent/video/feed.ts';
import { MediaClock } from '../../agent/video/media-clock.ts';
import { clip } from '../support/clips.ts';
import * as fc from '../support/properties.ts';

/** A pool that spoils what nobody holds, and knows what is out. */
class SpoilingPool extends SlabPool {
  out = 0;
  taken = 0;

  override take(bytes: number): Block {
    this.out += 1;
    this.taken += 1;
    return super.take(bytes);
  }

  override giveBack(block: Block): void {
    this.out -= 1;
    block.buffer.fill(0xdd);
    super.giveBack(block);
  }
}

/** Keeps each chunk for so many others, as a slow connection does. */
class Keeper implements Destination {
  readonly id: string;
  readonly format: Format;
  readonly #delay: number;
  readonly #kept: { readonly chunk: Chunk; readonly bytes: Buffer }[] = [];
  spoilt = 0;

  constructor(id: string, format: Format, delay: number) {
    this.id = id;
    this.format = format;
    this.#delay = delay;
  }

  /** What the cache has comes first. */
  begin(source: Source): void {
    for (const chunk of source.recent(this.format)) this.take(chunk);
  }

  take(chunk: Chunk): void {
    chunk.hold();
    this.#kept.push({ chunk, bytes: Buffer.concat(chunk.parts) });
    if (this.#kept.length > this.#delay) this.#drop();
  }

  streamEnded(): void {}

  status(): never {
    throw new Error('nobody asks');
  }

  async end(): Promise<void> {
    while (this.#kept.length > 0) this.#drop();
  }

  #drop(): void {
    const first = this.#kept.shift();
    if (!first) return;
    if (!Buffer.concat(first.chunk.parts).equals(first.bytes)) this.spoilt += 1;
    first.chunk.release();
  }
}

/** Copies each packet in numbers of its own, as a destination that missed some does. */
class Numbering implements Destination {
  readonly id: string;
  readonly format = 'rtp';
  readonly packets: Buffer[] = [];
  readonly #shift: number;

  constructor(id: string, shift: number) {
    this.id = id;
    this.#shift = shift;
  }

  begin(): void {}
  streamEnded(): void {}
  status(): never {
    throw new Error('nobody asks');
  }
  async end(): Promise<void> {}

  take(chunk: Chunk): void {
    const { rtp } = chunk;
    if (!rtp) return;
    const renumbered = rtp.from((rtp.sequence + this.#shift) & 0xffff);
    const bytes = Buffer.concat(renumbered.parts);
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt16BE(at + 2))
      this.packets.push(Buffer.from(bytes.subarray(at, at + 4 + bytes.readUInt16BE(at + 2))));
    renumbered.release();
  }
}

const CLIP = clip('h264-small');
const [sps, pps] = CLIP.parameterSets as [Buffer, Buffer];

/** One picture of the clip in a block of the pool, as the camera room hands it over. */
function received(pool: BytePool, number: number): ReceivedUnit {
  return unitOf(pool, number, CLIP.units[number % CLIP.units.length] as (typeof CLIP.units)[number]);
}

type Coded = Pick<(typeof CLIP.units)[number], 'nals' | 'key'>;

function unitOf(pool: BytePool, number: number, { nals, key }: Coded): ReceivedUnit {
  const length = nals.reduce((sum, nal) => sum + 4 + nal.length, 0);
  const block = pool.take(length);
  let at = 0;
  const views = nals.map((nal) => {
    at = block.buffer.writeUInt32BE(nal.length, at);
    nal.copy(block.buffer, at);
    at += nal.length;
    return block.buffer.subarray(at - nal.length, at);
  });
  const bytes = block.buffer.subarray(0, length);
  const times = { rtpTime: number * 6000, receivedWallMs: number * 67, captureWallMs: undefined };
  const assembled = { block, bytes, nals: views, key, damaged: false };
  return new ReceivedUnit({ ...assembled, timestamp: 0, receivedMonotonicMs: number * 67 }, times);
}

t.test('memory: no picture is spoilt while anybody holds it, and every block comes back', async (t) => {
  const pulls = fc.array(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 3 });
  const keeper = fc.record({
    delay: fc.integer({ min: 0, max: 30 }),
    format: fc.constantFrom('mp4' as const, 'rtp'),
    /** Picture of each pull at which it begins. */
    from: fc.integer({ min: 0, max: 60 }),
  });
  const delays = fc.array(keeper, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      pulls,
      delays,
      fc.integer({ min: 0, max: 60_000 }),
      async (lengths, delays, cacheBytes) => {
        const pool = new SpoilingPool();
        const feed = new Feed(
          { clock: new MediaClock(0), pool, random: Math.random },
          { fragmentMs: 200, cacheBytes },
        );
        const keepers = delays.map(({ delay, format }, i) => new Keeper(`keeper-${i}`, format, delay));
        for (const length of lengths) {
          feed.streamBegins({ codec: 'h264', clockRate: 90_000, parameterSets: { sps, pps } });
          for (let number = 0; number < length; number += 1) {
            for (const [i, one] of keepers.entries()) if (delays[i]?.from === number) feed.attach(one);
            const unit = received(pool, number);
            feed.take(unit);
            unit.release();
          }
          feed.streamEnds();
        }
        await feed.end();
        return pool.out === 0 && keepers.every(({ spoilt }) => spoilt === 0);
      },
    ),
    { numRuns: 200 },
  );
  t.pass();
});

t.test('memory: a picture is put into packets once, in however many numbers it is sent', (t) => {
  const pool = new SpoilingPool();
  const feed = new Feed(
    { clock: new MediaClock(0), pool, random: Math.random },
    { fragmentMs: 200, cacheBytes: 0 },
  );
  const [as, shifted] = [new Numbering('as-it-is', 0), new Numbering('shifted', 1000)];
  for (const one of [as, shifted]) feed.attach(one);
  feed.streamBegins({ codec: 'h264', clockRate: 90_000, parameterSets: { sps, pps } });
  for (let number = 0; number < 40; number += 1) {
    const unit = received(pool, number);
    const before = pool.taken;
    feed.take(unit);
    if (pool.taken - before > 1) t.fail('expected one block for the packets of a picture');
    unit.release();
  }
  t.equal(as.packets.length, shifted.packets.length);
  t.ok(as.packets.length > 40);
  for (const [at, packet] of as.packets.entries()) {
    const other = shifted.packets[at] ?? Buffer.alloc(0);
    const number = (packet.readUInt16BE(6) + 1000) & 0xffff;
    if (other.readUInt16BE(6) !== number) t.fail(`expected number ${number}, came ${other.readUInt16BE(6)}`);
    other.writeUInt16BE(packet.readUInt16BE(6), 6);
    if (!other.equals(packet)) t.fail('expected the same packet but for its number');
  }
  feed.streamEnds();
  t.equal(pool.out, 0);
  t.end();
});

t.test(
  'memory: pictures of a few bytes take a block and objects each, and the cache counts that',
  async (t) => {
    const cacheBytes = 2 ** 20;
    const pool = new SpoilingPool();
    const clock = new MediaClock(0);
    const feed = new Feed({ clock, pool, random: Math.random }, { fragmentMs: 200, cacheBytes });
    for (const format of ['mp4', 'rtp'] as const) feed.attach(new Keeper(format, format, 0));
    feed.streamBegins({ codec: 'h264', clockRate: 90_000, parameterSets: { sps, pps } });
    const dust = { nals: [Buffer.from([0x41, 0x9a])], key: false };
    let most = 0;
    for (let number = 0; number < 5_000; number += 1) {
      const unit = number === 0 ? received(pool, 0) : unitOf(pool, number, dust);
      feed.take(unit);
      unit.release();
      most = Math.max(most, pool.out);
    }
    t.ok(most * 1024 <= cacheBytes + 2 ** 18, `${most} blocks were in use at once`);
    t.ok(most > 100, 'the pictures were taken');
    feed.streamEnds();
    await feed.end();
    t.equal(pool.out, 0);
  },
);
