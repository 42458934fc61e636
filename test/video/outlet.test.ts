import t from 'tap';
import { UplinkError } from '../../agent/base/errors.ts';
import type { Chunk, Gap } from '../../agent/video/destination.ts';
import { GopCache } from '../../agent/video/gop-cache.ts';
import { type Channel, Outlet, type Sent } from '../../agent/video/outlet.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';

const CREDIT = 10;
const HOUR_MS = 3_600_000;

/** The clock of the camera says nothing of the times of gaps. @param setMs by how much that of the box was set */
function chunk(number: number, key: boolean, frames: number, setMs = 0): Chunk {
  const boxMonotonicMs = 1_000 * number;
  const memory = { hold: () => undefined, release: () => undefined };
  const parts = [Buffer.alloc(frames)];
  return {
    parts,
    bytes: frames,
    heldBytes: frames,
    frames,
    key,
    number,
    wallMs: 3_600_000 - 7 * number,
    boxWallMs: boxMonotonicMs + setMs,
    boxMonotonicMs,
    durationMs: 1_000,
    ...memory,
  };
}

type Step =
  | { readonly does: 'picture'; readonly key: boolean; readonly frames: number }
  | { readonly does: 'set'; readonly ms: number }
  | { readonly does: 'one-gone' | 'gone' | 'lost' | 'opened' | 'ended' | 'paused' | 'resumed' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('picture' as const),
      key: fc.boolean(),
      frames: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constantFrom(
        'one-gone' as const,
        ...(['gone', 'lost', 'opened', 'ended', 'paused', 'resumed'] as const),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('set' as const), ms: fc.constantFrom(HOUR_MS, -HOUR_MS) }),
  },
);

/** A connection that takes what it is given, and lets go of it when the test says so. */
class Line implements Channel {
  readonly format = 'mp4';
  readonly beginsAnew: boolean;
  isOpen = true;
  /** What has left, and what waits. */
  readonly left: Chunk[] = [];
  waiting: Chunk[] = [];
  overCredit = false;
  #unsent: Chunk[] = [];

  constructor(beginsAnew: boolean) {
    this.beginsAnew = beginsAnew;
  }

  get waitingBytes(): number {
    return this.waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get oldest(): Chunk | undefined {
    return this.waiting[0];
  }

  get heldBytes(): number {
    return this.waiting.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  send(taken: Chunk): undefined {
    const waited = this.waitingBytes;
    if (waited + taken.bytes > CREDIT) this.overCredit = true;
    this.waiting.push(taken);
  }

  leave(count: number): void {
    this.left.push(...this.waiting.splice(0, count));
  }

  /** The first is leaving. */
  withdraw(): void {
    this.#unsent.push(...this.waiting.splice(1));
  }

  lose(): void {
    this.#unsent.push(...this.waiting.splice(0));
  }

  takeUnsent(): readonly Chunk[] {
    return this.#unsent.splice(0);
  }
}

/** An outlet beside the model of what it may do. */
class Run {
  readonly gaps: Gap[] = [];
  readonly all: Chunk[] = [];
  readonly cache = new GopCache<Chunk>(40);
  readonly channel: Line;
  readonly outlet: Outlet;
  readonly clock = new TestClock();
  dropped = 0;
  offered = 0;
  told = { bytes: 0, frames: 0 };
  /** Every stream begins with a key picture. */
  #begins = true;
  #setMs = 0;

  constructor(beginsAnew: boolean) {
    this.channel = new Line(beginsAnew);
    const events = {
      offered: (bytes: number) => {
        this.offered += bytes;
      },
      sent: ({ bytes, frames }: Sent) => {
        this.told = { bytes: this.told.bytes + bytes, frames: this.told.frames + frames };
      },
      unsent: ({ bytes, frames }: Sent) => {
        this.told = { bytes: this.told.bytes - bytes, frames: this.told.frames - frames };
      },
      dropped: (frames: number) => {
        this.dropped += frames;
      },
      gap: (gap: Gap) => this.gaps.push(gap),
      changed: () => undefined,
    };
    this.outlet = new Outlet({ clock: this.clock, channel: this.channel, events }, { creditBytes: CREDIT });
    this.outlet.begin({ recent: () => this.cache.recent });
  }

  do(one: Step): void {
    if (one.does === 'picture') this.#picture(one.key || this.#begins, one.frames);
    else if (one.does === 'set') this.#setMs += one.ms;
    else if (one.does === 'one-gone') this.channel.leave(1);
    else if (one.does === 'gone') this.channel.leave(Number.POSITIVE_INFINITY);
    else if (one.does === 'ended') {
      this.#begins = true;
      this.cache.clear();
      this.outlet.streamEnded();
    } else if (one.does === 'paused') this.outlet.pause(new UplinkError('backbone-budget', 'short'));
    else if (one.does === 'resumed') this.outlet.resume();
    else this.#line(one.does === 'opened');
  }

  #picture(key: boolean, frames: number): void {
    this.#begins = false;
    const made = chunk(this.all.length + 1, key, frames, this.#setMs);
    this.all.push(made);
    this.cache.take(made);
    this.outlet.take(made);
  }

  #line(open: boolean): void {
    if (open === this.channel.isOpen) return;
    this.channel.isOpen = open;
    this.channel.lose();
    if (open) this.outlet.opened();
    else this.outlet.lost(new UplinkError('broker-closed', 'cut'));
  }

  /** The pictures of a gap, by its begin and its length: no two have the same time of the box. */
  within({ fromWallMs, untilWallMs }: Gap): Chunk[] {
    const beginMs = this.all.find(({ boxWallMs }) => boxWallMs === fromWallMs)?.boxMonotonicMs ?? Number.NaN;
    const endMs = beginMs + untilWallMs - fromWallMs;
    return this.all.filter(({ boxMonotonicMs: ms }) => ms >= beginMs && ms < endMs);
  }

  /** What the destination is said to have had has left, or stands in a gap that was told. */
  get isTrue(): boolean {
    const { reached } = this.outlet.status;
    if (!reached) return !this.all.some((one) => this.sent.includes(one));
    const { from, until } = reached;
    const told = new Set(this.gaps.flatMap((gap) => this.within(gap)));
    return this.all
      .filter(({ boxMonotonicMs: ms }) => ms >= from.monotonicMs && ms < until.monotonicMs)
      .every((one) => told.has(one) || this.channel.left.includes(one));
  }

  /** Everything that has left or is leaving, in order. */
  get sent(): Chunk[] {
    return [...this.channel.left, ...this.channel.waiting];
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
  t.same([run.sent.length, run.offered], [3, 6], 'the recording has the last key picture already');
  picture(true);
  t.same([run.sent.length, run.offered], [4, 9]);
});

t.test('outlet: it says how it is, and since when it is so', async (t) => {
  const run = new Run(false);
  const states: [state: string, sinceMs: number][] = [];
  const beganMs = run.clock.wallMs();
  const says = () => [run.outlet.status.state, run.outlet.status.sinceWallMs - beganMs] as [string, number];
  const steps: Step[] = [
    { does: 'picture', key: true, frames: 1 },
    { does: 'gone' },
    { does: 'lost' },
    { does: 'picture', key: false, frames: 1 },
    { does: 'opened' },
  ];
  for (const one of steps) {
    await run.clock.advance(1000);
    run.do(one);
    states.push(says());
  }
  t.same(states, [
    ['flowing', 1000],
    ['flowing', 1000],
    ['failed', 3000],
    ['failed', 3000],
    ['waiting', 5000],
  ]);
  t.equal(run.outlet.status.lastError?.code, 'broker-closed', 'with its last error');
});

const sum = (chunks: readonly Chunk[]) => chunks.reduce((total, { frames }) => total + frames, 0);
const steps = fc.array(step, { maxLength: 60 });

/** Does the steps and ends; the one that is leaving at the end leaves. */
function ranThrough(all: readonly Step[], beginsAnew: boolean): Run {
  const run = new Run(beginsAnew);
  for (const one of all) run.do(one);
  run.outlet.end();
  return run;
}

t.test('outlet: no picture goes without those it refers to, and every one is sent or counted', async (t) => {
  fc.assert(
    fc.property(steps, (steps) => {
      const run = ranThrough(steps, false);
      const numbers = run.sent.map(({ number }) => number);
      const decodable = run.sent.every(({ key, number }, at) => key || numbers[at - 1] === number - 1);
      const rising = numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0));
      const missing = sum(run.all) - sum(run.sent);
      const inGaps = run.gaps.reduce((total, { frames }) => total + frames, 0);
      const { frames, bytes, gaps, droppedFrames } = run.outlet.status;
      return (
        decodable &&
        rising &&
        !run.channel.overCredit &&
        missing === run.dropped &&
        missing === inGaps &&
        frames === sum(run.sent) &&
        run.told.frames === frames &&
        run.told.bytes === bytes &&
        gaps === run.gaps.length &&
        droppedFrames === missing
      );
    }),
    { numRuns: 4_000 },
  );
  t.pass();
});

t.test(
  'outlet: recordings that begin anew send again what they had, and count each picture once',
  async (t) => {
    fc.assert(
      fc.property(steps, (steps) => {
        const run = ranThrough(steps, true);
        const missing = sum(run.all) - sum([...new Set(run.sent)]);
        const inGaps = run.gaps.reduce((total, { frames }) => total + frames, 0);
        const { frames, bytes, droppedFrames } = run.outlet.status;
        return (
          frames === sum([...new Set(run.sent)]) &&
          bytes === sum(run.sent) && // a byte a picture
          run.told.frames === frames &&
          run.told.bytes === bytes &&
          droppedFrames === missing &&
          inGaps === missing
        );
      }),
      { numRuns: 4_000 },
    );
    t.pass();
  },
);

t.test('outlet: each gap begins with a picture that was not sent and ends before one that was', async (t) => {
  fc.assert(
    fc.property(steps, fc.boolean(), (steps, beginsAnew) => {
      const run = ranThrough(steps, beginsAnew);
      const sent = new Set(run.sent);
      const lost = run.all.filter((one) => !sent.has(one));
      const within = (gap: Gap) => run.within(gap);
      return (
        run.gaps.every((gap) => within(gap)[0]?.boxWallMs === gap.fromWallMs) &&
        run.gaps.every((gap) => within(gap).every((one) => !sent.has(one))) &&
        lost.every((one) => run.gaps.filter((gap) => within(gap).includes(one)).length === 1)
      );
    }),
    { numRuns: 4_000 },
  );
  t.pass();
});

t.test('outlet: at no time is more said to have been had than what has left or was told', async (t) => {
  fc.assert(
    fc.property(steps, fc.boolean(), (steps, beginsAnew) => {
      const run = new Run(beginsAnew);
      return steps.every((one) => {
        run.do(one);
        return run.isTrue;
      });
    }),
    { numRuns: 1_000 },
  );
  t.pass();
});

t.test('outlet: what an earlier recording got is not lost when a new one has no place for it', (t) => {
  const run = new Run(true);
  run.do({ does: 'picture', key: true, frames: 2 });
  run.do({ does: 'one-gone' });
  run.do({ does: 'picture', key: false, frames: 9 });
  for (const does of ['one-gone', 'lost', 'opened'] as const) run.do({ does });
  t.match(run.outlet.status, { frames: 11, bytes: 13, droppedFrames: 0, gaps: 0, state: 'blocked' });
  run.do({ does: 'picture', key: false, frames: 1 });
  run.do({ does: 'picture', key: true, frames: 1 });
  t.match(run.gaps, [{ fromWallMs: 3_000, untilWallMs: 4_000, frames: 1 }]);
  t.end();
});

t.test('outlet: a key picture above the whole credit is never sent, and says so until one fits', (t) => {
  const run = new Run(false);
  run.do({ does: 'picture', key: true, frames: CREDIT + 1 });
  run.do({ does: 'picture', key: false, frames: 1 });
  t.same(run.sent, []);
  const lastError = {
    code: 'credit-too-small',
    detail: 'expected at most 10 bytes at once, came 11 of 11 pictures',
  };
  t.match(run.outlet.status, { state: 'blocked', lastError });
  run.do({ does: 'picture', key: true, frames: CREDIT });
  t.same(run.gaps, [
    { fromWallMs: 1_000, untilWallMs: 3_000, frames: CREDIT + 2, cause: 'credit-too-small' },
  ]);
  t.match(run.outlet.status, { state: 'flowing', frames: CREDIT });
  t.end();
});

t.test(
  'outlet: what waited as the connection was lost was not sent, and comes again when it is back',
  (t) => {
    const run = new Run(false);
    run.do({ does: 'picture', key: true, frames: 3 });
    run.do({ does: 'one-gone' });
    run.do({ does: 'picture', key: false, frames: 3 });
    run.do({ does: 'picture', key: false, frames: 3 });
    t.match(run.outlet.status, { frames: 9, bytes: 9, droppedFrames: 0 });
    run.do({ does: 'lost' });
    t.match(run.outlet.status, { frames: 3, bytes: 3, droppedFrames: 6, waitingBytes: 0 });
    run.do({ does: 'opened' });
    t.same(run.gaps, [], 'it goes on');
    run.do({ does: 'picture', key: true, frames: 1 });
    t.same(run.gaps, [{ fromWallMs: 2_000, untilWallMs: 4_000, frames: 6, cause: 'broker-closed' }]);
    run.do({ does: 'picture', key: false, frames: 2 });
    run.do({ does: 'lost' });
    t.match(run.outlet.status, { frames: 3, droppedFrames: 9 });
    run.do({ does: 'opened' });
    t.match(
      run.outlet.status,
      { frames: 6, droppedFrames: 6, state: 'flowing' },
      'the cache holds all of it',
    );
    t.equal(run.gaps.length, 1);
    t.end();
  },
);

t.test('outlet: gaps are measured, and not told by a clock that is set in them', (t) => {
  for (const ms of [HOUR_MS, -HOUR_MS]) {
    const run = new Run(false);
    run.do({ does: 'picture', key: true, frames: 1 });
    run.do({ does: 'gone' });
    run.do({ does: 'lost' });
    for (let i = 0; i < 3; i += 1) run.do({ does: 'picture', key: false, frames: 1 });
    run.do({ does: 'set', ms });
    for (let i = 0; i < 70; i += 1) run.do({ does: 'picture', key: false, frames: 1 });
    t.match(run.gaps, [{ fromWallMs: 2_000, untilWallMs: 62_000, frames: 60 }], 'nor split by it');
    run.do({ does: 'ended' });
    t.match(run.gaps[1], { fromWallMs: 62_000 + ms, untilWallMs: 75_000 + ms, frames: 13 });
  }
  t.end();
});

t.test('outlet: a gap of minutes is told in parts, and nothing of a part that was told is sent', (t) => {
  const run = new Run(false);
  run.do({ does: 'picture', key: true, frames: 1 });
  run.do({ does: 'lost' });
  for (let i = 0; i < 70; i += 1) run.do({ does: 'picture', key: i === 5, frames: 0 });
  t.equal(run.gaps.length, 1);
  const before = run.sent.length;
  run.do({ does: 'opened' });
  t.equal(run.sent.length, before, 'the last key picture stands in what was told');
  run.do({ does: 'picture', key: true, frames: 1 });
  t.equal(run.sent.length, before + 1);
  t.end();
});

t.test('outlet: nor is it sent when what waited before it is lost too', (t) => {
  for (const beginsAnew of [false, true]) {
    const run = new Run(beginsAnew);
    run.do({ does: 'picture', key: true, frames: 5 });
    run.do({ does: 'picture', key: false, frames: 5 });
    for (let number = 3; number <= 64; number += 1)
      run.do({ does: 'picture', key: number === 62, frames: 1 });
    t.match(run.gaps, [{ frames: 60 }], 'no credit was left for them');
    run.do({ does: 'lost' });
    run.do({ does: 'opened' });
    t.same(run.sent, [], 'the last key picture stands in what was told');
    run.do({ does: 'picture', key: true, frames: 1 });
    t.match(run.gaps, [{}, { frames: 10 }, { frames: 2 }]);
    t.equal(run.dropped, 72);
  }
  t.end();
});

t.test('outlet: a new connection that is a recording of its own begins with the last key picture', (t) => {
  const run = new Run(true);
  run.do({ does: 'picture', key: true, frames: 1 });
  run.do({ does: 'picture', key: false, frames: 1 });
  run.do({ does: 'gone' });
  run.do({ does: 'lost' });
  run.do({ does: 'picture', key: false, frames: 1 });
  run.do({ does: 'opened' });
  t.same(
    run.sent.map(({ number }) => number),
    [1, 2, 1, 2, 3],
  );
  t.equal(run.dropped, 0);
  t.same(run.gaps, []);
  t.match(run.outlet.status, { frames: 3, bytes: 5 }, 'each picture counts once, each byte as it goes');
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

t.test('outlet: what small pictures take in memory is what counts, and not their few bytes', (t) => {
  const line = new Line(false);
  const none = () => undefined;
  const events = { offered: none, sent: none, unsent: none, dropped: none, gap: none, changed: none };
  const outlet = new Outlet({ clock: new TestClock(), channel: line, events }, { creditBytes: CREDIT });
  for (let number = 1; number <= 5; number += 1) outlet.take({ ...chunk(number, true, 1), heldBytes: 4 });
  t.equal(line.heldBytes, 8);
  t.equal(outlet.status.state, 'blocked');
  t.end();
});
