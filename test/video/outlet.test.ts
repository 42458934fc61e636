import fc from 'fast-check';
import t from 'tap';
import { UplinkError } from '../../agent/base/errors.ts';
import type { Chunk, Gap } from '../../agent/video/destination.ts';
import { GopCache } from '../../agent/video/gop-cache.ts';
import { Outlet } from '../../agent/video/outlet.ts';
import { TestClock } from '../support/test-clock.ts';

const CREDIT = 10;

function chunk(number: number, key: boolean, frames: number): Chunk {
  const wallMs = 1_000 * number;
  const memory = { hold: () => undefined, release: () => undefined };
  const parts = [Buffer.alloc(frames)];
  return { parts, bytes: frames, frames, key, number, wallMs, durationMs: 1_000, ...memory };
}

type Step =
  | { readonly does: 'picture'; readonly key: boolean; readonly frames: number }
  | { readonly does: 'gone' | 'lost' | 'opened' | 'ended' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('picture' as const),
      key: fc.boolean(),
      frames: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constantFrom('gone' as const, 'lost', 'opened', 'ended') }),
  },
);

/** An outlet beside the model of what it may do. */
class Run {
  readonly sent: Chunk[] = [];
  readonly gaps: Gap[] = [];
  readonly all: Chunk[] = [];
  readonly cache = new GopCache<Chunk>(40);
  readonly channel: { format: 'mp4'; isOpen: boolean; beginsAnew: boolean; waitingBytes: number } & {
    send(chunk: Chunk): undefined;
  };
  readonly outlet: Outlet;
  dropped = 0;
  offered = 0;
  overCredit = false;
  /** Every stream begins with a key picture. */
  #begins = true;

  constructor(beginsAnew: boolean) {
    this.channel = {
      ...{ format: 'mp4', isOpen: true, beginsAnew, waitingBytes: 0 },
      send: (chunk) => this.#take(chunk),
    };
    const events = {
      offered: (bytes: number) => {
        this.offered += bytes;
      },
      sent: () => undefined,
      dropped: (frames: number) => {
        this.dropped += frames;
      },
      gap: (gap: Gap) => this.gaps.push(gap),
      changed: () => undefined,
    };
    this.outlet = new Outlet(
      { clock: new TestClock(), channel: this.channel, events },
      { creditBytes: CREDIT },
    );
    this.outlet.begin({ recent: () => this.cache.recent });
  }

  do(one: Step): void {
    if (one.does === 'picture') this.#picture(one.key || this.#begins, one.frames);
    else if (one.does === 'gone') this.channel.waitingBytes = 0;
    else if (one.does === 'ended') {
      this.#begins = true;
      this.cache.clear();
      this.outlet.streamEnded();
    } else this.#line(one.does === 'opened');
  }

  #picture(key: boolean, frames: number): void {
    this.#begins = false;
    const made = chunk(this.all.length + 1, key, frames);
    this.all.push(made);
    this.cache.take(made);
    this.outlet.take(made);
  }

  #line(open: boolean): void {
    if (open === this.channel.isOpen) return;
    this.channel.isOpen = open;
    this.channel.waitingBytes = 0;
    if (open) this.outlet.opened();
    else this.outlet.lost(new UplinkError('broker-closed', 'cut'));
  }

  #take(taken: Chunk): undefined {
    const waited = this.channel.waitingBytes;
    if (waited > 0 && waited + taken.bytes > CREDIT) this.overCredit = true;
    this.channel.waitingBytes += taken.bytes;
    this.sent.push(taken);
  }
}

t.test('outlet: it is measured while its channel is open, and each picture once', async (t) => {
  const run = new Run(true);
  const picture = (key: boolean) => run.do({ does: 'picture', key, frames: 3 });
  picture(true);
  run.do({ does: 'gone' });
  t.equal(run.offered, 3);
  run.do({ does: 'lost' });
  for (const key of [false, true, false]) picture(key);
  t.equal(run.offered, 3, 'what cannot go out uses nothing of the budget');
  run.do({ does: 'opened' });
  t.same([run.sent.length, run.offered], [3, 3], 'what the cache held is not the rate of the camera');
  run.do({ does: 'gone' });
  run.outlet.pause(new UplinkError('backbone-budget', 'short'));
  picture(false);
  t.same([run.sent.length, run.offered], [3, 6], 'paused: known by what it would need');
  run.outlet.resume();
  run.do({ does: 'gone' });
  picture(false);
  t.same([run.sent.length, run.offered], [7, 9]);
});

t.test('outlet: no picture goes without those it refers to, and every one is sent or counted', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const run = new Run(false);
      for (const one of steps) run.do(one);
      run.outlet.end();
      const numbers = run.sent.map(({ number }) => number);
      const decodable = run.sent.every(({ key, number }, at) => key || numbers[at - 1] === number - 1);
      const rising = numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0));
      const sum = (chunks: readonly Chunk[]) => chunks.reduce((total, { frames }) => total + frames, 0);
      const missing = sum(run.all) - sum(run.sent);
      const inGaps = run.gaps.reduce((total, { frames }) => total + frames, 0);
      const { frames, gaps, droppedFrames } = run.outlet.status;
      return (
        decodable &&
        rising &&
        !run.overCredit &&
        missing === run.dropped &&
        missing === inGaps &&
        frames === sum(run.sent) &&
        gaps === run.gaps.length &&
        droppedFrames === missing
      );
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test('outlet: each gap begins with a picture that was not sent and ends before one that was', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const run = new Run(false);
      for (const one of steps) run.do(one);
      run.outlet.end();
      const sent = new Set(run.sent.map(({ wallMs }) => wallMs));
      return run.gaps.every(({ fromWallMs, untilWallMs }) => {
        const within = run.all.filter(({ wallMs }) => wallMs >= fromWallMs && wallMs < untilWallMs);
        return within.length > 0 && within.every(({ wallMs }) => !sent.has(wallMs));
      });
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

t.test('outlet: a new connection that is a recording of its own begins with the last key picture', (t) => {
  const run = new Run(true);
  run.do({ does: 'picture', key: true, frames: 1 });
  run.do({ does: 'picture', key: false, frames: 1 });
  run.do({ does: 'lost' });
  run.do({ does: 'picture', key: false, frames: 1 });
  run.do({ does: 'opened' });
  t.same(
    run.sent.map(({ number }) => number),
    [1, 2, 1, 2, 3],
  );
  t.equal(run.dropped, 0);
  t.same(run.gaps, []);
  t.end();
});

t.test('cache: it begins with a key picture and stays within its bound, or is empty', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.boolean(), frames: fc.integer({ min: 1, max: 30 }) })),
      (chunks) => {
        const cache = new GopCache<Chunk>(50);
        return chunks.every(({ key, frames }, at) => {
          cache.take(chunk(at, key, frames));
          const { recent, bytes } = cache;
          const sum = recent.reduce((total, one) => total + one.bytes, 0);
          const fits = recent.length === 0 || (recent[0]?.key === true && recent.at(-1)?.number === at);
          return fits && sum === bytes && bytes <= 50 && recent.slice(1).every((one) => !one.key);
        });
      },
    ),
  );
  t.pass();
});
