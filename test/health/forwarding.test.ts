import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createLog } from '../../agent/base/log.ts';
import { Forwarding } from '../../agent/health/forwarding.ts';
import type { Arrival } from '../../agent/health/gap-memory.ts';
import type { GapReport } from '../../agent/health/gap-sum.ts';
import { openStore, type SqliteStore } from '../../agent/store/open-store.ts';
import { UntoldGaps } from '../../agent/video/untold-gaps.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import { KeptMemory, keptIn } from './kept-memory.ts';
import { Recorder } from './recorder.ts';

const RUN = 'first';

class Scene {
  readonly clock = new TestClock();
  readonly recorder = new Recorder(this.clock);
  readonly memory = new KeptMemory();
  forwarding = this.#agent('one start of the machine');
  #ends = new AbortController();
  #number = 0;

  #agent(machine: string): Forwarding {
    const { clock, recorder: reporter } = this;
    return new Forwarding({ clock, reporter, ...keptIn(this.memory) }, { machine });
  }

  get events() {
    return this.recorder.of('event', 'gap').map(({ fields }) => fields);
  }

  async start(): Promise<void> {
    await this.forwarding.start(this.#ends.signal);
  }

  /** The agent is killed, and another one begins with what it had kept. */
  async dies(machine = 'one start of the machine'): Promise<void> {
    this.#ends.abort();
    this.#ends = new AbortController();
    this.forwarding = this.#agent(machine);
    await this.start();
  }

  /** A destination that has everything up to now; the machine started as the clock of the test did. */
  reached(camera: string, run: string, upS: { from: number; until: number; seen?: number }): void {
    const { from, until, seen = until } = upS;
    const wallMs = (s: number) => this.clock.wallMs() - this.clock.monotonicMs() + s * 1000;
    this.forwarding.onReached(
      {
        ...{ camera, destination: 'mqtt', fromWallMs: wallMs(from), untilWallMs: wallMs(until) },
        ...{ fromUpMs: from * 1000, untilUpMs: until * 1000, seenUpMs: seen * 1000 },
      },
      run,
    );
  }

  gap(more: Partial<GapReport> = {}): GapReport {
    const fromWallMs = this.clock.wallMs();
    const gap = {
      ...{ camera: 'cam-1', destination: 'mqtt', code: 'destination-slow' as const },
      ...{ fromWallMs, untilWallMs: fromWallMs + 400, frames: 10, ...more },
    };
    this.#number += 1;
    this.forwarding.onGap(gap, { run: RUN, number: this.#number });
    return gap;
  }
}

t.test(
  'gaps: the first is told at once with its exact times, those that follow as one, with each',
  async (t) => {
    const scene = new Scene();
    await scene.start();
    const first = scene.gap();
    t.match(scene.events, [
      {
        from: first.fromWallMs,
        until: first.untilWallMs,
        gaps: 1,
        spans: `${first.fromWallMs}+400`,
        frames: 10,
      },
    ]);
    await scene.clock.advance(3000);
    const second = scene.gap();
    await scene.clock.advance(3000);
    const third = scene.gap({ frames: 7 });
    t.equal(scene.events.length, 1);
    await scene.clock.advance(4000);
    t.equal(scene.events.length, 2);
    t.match(scene.events[1], {
      ...{ from: second.fromWallMs, until: third.untilWallMs, gaps: 2, frames: 17 },
      ...{ spans: `${second.fromWallMs}+400 ${third.fromWallMs}+400`, cause: 'destination-slow' },
    });
    await scene.clock.advance(30_000);
    scene.gap();
    t.equal(scene.events.length, 3, 'after a quiet pause the next is again told at once');
    await scene.forwarding.stop();
  },
);

t.test(
  'gaps: other cameras, destinations and causes are told by themselves; an end tells what was gathered',
  async (t) => {
    const scene = new Scene();
    await scene.start();
    scene.gap();
    scene.gap({ camera: 'cam-2' });
    scene.gap({ destination: 'local' });
    scene.gap({ code: 'broker-closed' });
    t.equal(scene.events.length, 4);
    scene.gap();
    t.equal(scene.events.length, 4);
    await scene.forwarding.stop();
    t.equal(scene.events.length, 5);
  },
);

t.test(
  'gaps: however many there are, none is uncounted and their messages are few and bounded',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 5000 }), frames: fc.nat(1000) }), {
          minLength: 1,
          maxLength: 300,
        }),
        async (gaps) => {
          const scene = new Scene();
          await scene.start();
          for (const { waitMs, frames } of gaps) {
            scene.gap({ frames });
            await scene.clock.advance(waitMs);
          }
          const tookMs = gaps.reduce((sum, { waitMs }) => sum + waitMs, 0);
          const toldInTime = scene.events.length;
          await scene.forwarding.stop();
          const sum = (key: string) => scene.events.reduce((all, fields) => all + Number(fields[key]), 0);
          return (
            sum('gaps') === gaps.length &&
            sum('frames') === gaps.reduce((all, { frames }) => all + frames, 0) &&
            toldInTime <= 2 + tookMs / 10_000
          );
        },
      ),
      { numRuns: 30 },
    );
    t.pass('held');
  },
);

t.test('gaps: one that floods still fits its message', async (t) => {
  const scene = new Scene();
  await scene.start();
  scene.gap();
  const last = Array.from({ length: 5000 }, (_, i) =>
    scene.gap({ untilWallMs: scene.clock.wallMs() + i }),
  ).at(-1);
  await scene.clock.advance(10_000);
  t.match(scene.events[1], { gaps: 5000, frames: 50_000, until: last?.untilWallMs });
  t.ok(
    String(scene.events[1]?.spans).endsWith(`+4999x4921`),
    'the last of the list says that it is the rest',
  );
  await scene.forwarding.stop();
});

/** Wall time of a moment of the machine. */
const wallMsAt = ({ clock }: Scene, upS: number) => clock.wallMs() - clock.monotonicMs() + upS * 1000;

t.test('gaps: what no video process was there to send is told when the next one sends', async (t) => {
  const scene = new Scene();
  await scene.start();
  scene.reached('cam-removed', 'first', { from: 0, until: 0 });
  await scene.clock.advance(10_000);
  for (const until of [12, 16, 20]) {
    scene.reached('cam-1', 'first', { from: 1, until });
    scene.reached('cam-silent', 'first', { from: 1, until: 2 });
    scene.reached('cam-blocked', 'first', { from: 1, until: 3, seen: until });
    await scene.clock.advance(4_000);
  }
  scene.forwarding.onVideoAway();
  await scene.clock.advance(2_000);
  scene.reached('cam-1', 'second', { from: 23.5, until: 24 });
  const gap = { destination: 'mqtt', cause: 'video-process-down', frames: 0, at_most: true };
  t.match(scene.events, [
    { ...gap, camera: 'cam-1', from: wallMsAt(scene, 20), until: wallMsAt(scene, 23.5) },
  ]);
  scene.reached('cam-1', 'second', { from: 23.5, until: 25 });
  scene.reached('cam-silent', 'second', { from: 23.5, until: 24 });
  scene.reached('cam-removed', 'second', { from: 23.5, until: 24 });
  t.equal(scene.events.length, 1, 'once; nothing of one that was silent before, or of one that had ended');
  scene.reached('cam-blocked', 'second', { from: 23.5, until: 24 });
  t.match(
    scene.events[1],
    { ...gap, camera: 'cam-blocked', from: wallMsAt(scene, 3) },
    'from where it had everything, though pictures came',
  );
  await scene.forwarding.stop();
});

t.test('gaps: one in which the clock was set is as long as it was, and ends after it begins', async (t) => {
  for (const stepMs of [3_600_000, -3_600_000]) {
    const scene = new Scene();
    await scene.start();
    scene.reached('cam-1', 'first', { from: 1, until: 5 });
    const from = wallMsAt(scene, 5);
    scene.forwarding.onVideoAway();
    scene.clock.jumpWall(stepMs);
    scene.reached('cam-1', 'second', { from: 8, until: 9 });
    t.match(scene.events, [{ from, until: from + 3_000, spans: `${from}+3000` }]);
    await scene.forwarding.stop();
  }
});

t.test('gaps: what agent and video process died in is told by the next agent, and marked', async (t) => {
  const scene = new Scene();
  await scene.start();
  for (let up = 5; up <= 18; up += 1) {
    scene.reached('cam-1', 'first', { from: 1, until: up });
    if (up === 6) scene.reached('cam-late', 'first', { from: 5, until: 6 });
    await scene.clock.advance(1_000);
  }
  await scene.dies();
  t.same(scene.events, []);
  scene.reached('cam-1', 'first', { from: 1, until: 22 });
  t.same(scene.events, [], 'the same video process has missed nothing');
  await scene.clock.advance(1_000);
  await scene.dies();
  scene.reached('cam-1', 'second', { from: 31, until: 32 });
  t.match(scene.events, [{ cause: 'video-process-down', at_most: true, until: wallMsAt(scene, 31) }]);
  const lateMs = wallMsAt(scene, 22) - Number(scene.events[0]?.from);
  t.ok(lateMs >= 0 && lateMs <= 11_000, `begun ${lateMs} ms before it did`);
  await scene.dies();
  scene.reached('cam-1', 'second', { from: 31, until: 33 });
  t.equal(scene.events.length, 1, 'once');
  await scene.clock.advance(1_000);
  await scene.dies('the machine was off');
  scene.reached('cam-1', 'third', { from: 3, until: 4 });
  t.equal(scene.events.length, 1, 'its clock says that no time has passed, and the other begins anew');
  await scene.clock.advance(1_000);
  await scene.dies('and off again');
  scene.clock.jumpWall(60_000);
  scene.reached('cam-1', 'fourth', { from: 3, until: 4 });
  t.match(scene.events[1], { at_most: true, from: wallMsAt(scene, -56), until: wallMsAt(scene, 3) });
  await scene.forwarding.stop();
});

t.test(
  'gaps: what agent and video process died in is told also where others were being gathered',
  async (t) => {
    const scene = new Scene();
    await scene.start();
    for (let up = 1; up <= 13; up += 1) {
      await scene.clock.advance(1_000);
      scene.reached('cam-1', 'first', { from: 0, until: up });
      if (up === 5 || up === 6) scene.gap();
    }
    t.equal(scene.events.length, 1);
    await scene.dies();
    t.equal(scene.events.length, 2, 'what was gathered');
    const away = () => scene.events.filter(({ cause }) => cause === 'video-process-down');
    t.same(away(), []);
    scene.reached('cam-1', 'second', { from: 15, until: 16 });
    t.match(away(), [{ at_most: true, until: wallMsAt(scene, 15) }]);
    await scene.forwarding.stop();
  },
);

t.test(
  'gaps: one of an earlier start of the machine stays so, however many agents come before it is told',
  async (t) => {
    const scene = new Scene();
    await scene.start();
    scene.reached('cam-1', 'first', { from: 1, until: 500 });
    await scene.clock.advance(1_000);
    await scene.dies('the machine was off');
    scene.clock.jumpWall(600_000);
    scene.gap({ destination: 'other' });
    await scene.dies('the machine was off');
    scene.reached('cam-1', 'second', { from: 3, until: 4 });
    t.match(
      scene.events.filter(({ cause }) => cause === 'video-process-down'),
      [{ at_most: true, until: wallMsAt(scene, 3) }],
    );
    await scene.forwarding.stop();
  },
);

t.test('gaps: several that are known only as one are counted, and marked in the list', async (t) => {
  const scene = new Scene();
  await scene.start();
  scene.gap();
  const exact = scene.gap();
  const joined = scene.gap({ gaps: 37, untilWallMs: scene.clock.wallMs() + 9_000, frames: 444 });
  const setBack = scene.gap({ untilWallMs: scene.clock.wallMs() - 5_000 });
  await scene.clock.advance(10_000);
  t.match(scene.events[1], {
    ...{ gaps: 39, frames: 464, until: joined.untilWallMs, side: 'backbone', at_most: true },
    spans: `${exact.fromWallMs}+400 ${joined.fromWallMs}+9000x37 ${setBack.fromWallMs}+0`,
  });
  await scene.forwarding.stop();
});

type Step =
  | { readonly do: 'gap'; readonly destination: string; readonly frames: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'kill' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('gap' as const),
    destination: fc.constantFrom('mqtt', 'dst-1'),
    frames: fc.integer({ min: 1, max: 100 }),
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 900, 4_000, 11_000, 70_000) }),
  fc.record({ do: fc.constant('kill' as const) }),
);

/** A video process that goes on, and agents on a real store, of which each dies with one of its writes. */
class Mortals {
  readonly #clock = new TestClock();
  readonly #store: SqliteStore;
  readonly #untold = new UntoldGaps();
  readonly #lives: number[];
  readonly events: Record<string, number>[] = [];
  #agent: Forwarding | undefined;
  #ends = new AbortController();

  /** @param lives after how many writes each agent dies */
  constructor(folder: string, lives: readonly number[]) {
    const log = createLog('error', { write: () => undefined });
    const needs = { clock: this.#clock, clockTrust: () => 'synced' as const, log };
    this.#store = openStore(folder, { ...needs, sign: () => Buffer.alloc(64) });
    this.#lives = [...lives];
  }

  async play(steps: readonly Step[]): Promise<void> {
    await this.#begin();
    for (const step of steps) {
      if (step.do === 'wait') await this.#clock.advance(step.ms);
      else if (step.do === 'kill') this.#ends.abort();
      else this.#gap(step);
      while (this.#ends.signal.aborted) await this.#begin();
    }
    await this.#agent?.stop();
    while (this.#ends.signal.aborted) {
      await this.#begin(); // as it stopped it died
      await this.#agent?.stop();
    }
    const all = this.#store.outbox.next(0, 10_000);
    this.events.push(...all.map(({ payload }) => JSON.parse(payload) as Record<string, number>));
    this.#store.close();
  }

  /** It is told again what the video process does not know to be kept. */
  async #begin(): Promise<void> {
    const ends = new AbortController();
    this.#ends = ends;
    const { memory, outbox } = this.#store;
    let left = this.#lives.shift() ?? Number.POSITIVE_INFINITY;
    const transaction = (work: () => void) => {
      if (ends.signal.aborted) return;
      this.#store.transaction(work);
      left -= 1;
      if (left <= 0) ends.abort();
    };
    const event = (_: string, entity: string, fields: object) => {
      const topic = `csu/v1/57463-mairie/${entity}/event/gap`;
      outbox.append(() => ({ topic, payload: JSON.stringify(fields), id: '', class: 'technical' }));
    };
    const kept = ({ number }: Arrival) => {
      if (!ends.signal.aborted) this.#untold.kept(number);
    };
    const needs = { clock: this.#clock, reporter: { event, measure: () => undefined } };
    this.#agent = new Forwarding({ ...needs, memory, transaction, kept }, { machine: 'one' });
    await this.#agent.start(ends.signal);
    const { first, underWay } = this.#untold;
    for (const [index, { type: _, ...gap }] of [...underWay].entries())
      this.#agent.onGap(gap, { run: RUN, number: first + index });
  }

  #gap({ destination, frames }: Extract<Step, { do: 'gap' }>): void {
    const fromWallMs = this.#clock.wallMs();
    const gap = { camera: 'cam-1', destination, fromWallMs, untilWallMs: fromWallMs + 400, frames };
    this.#untold.keep({ type: 'gap', ...gap, code: 'destination-slow' });
    const number = this.#untold.first + this.#untold.underWay.length;
    for (const { type: _, ...one } of this.#untold.take()) this.#agent?.onGap(one, { run: RUN, number });
  }
}

t.test('gaps: wherever agents die, none is lost and none is told twice', async (t) => {
  let runs = 0;
  const parent = mkdtempSync('/dev/shm/gaps-'); // in memory: the disk would take most of the time
  t.teardown(() => rmSync(parent, { recursive: true }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 }),
      async (steps, lives) => {
        runs += 1;
        const folder = join(parent, `run-${runs}`);
        mkdirSync(folder, { recursive: true });
        const mortals = new Mortals(folder, lives);
        await mortals.play(steps);
        const gaps = steps.filter((one) => one.do === 'gap');
        const sum = (key: string) => mortals.events.reduce((all, fields) => all + (fields[key] ?? 0), 0);
        return (
          sum('gaps') === gaps.length && sum('frames') === gaps.reduce((all, { frames }) => all + frames, 0)
        );
      },
    ),
    { numRuns: 40 },
  );
  t.pass(`${runs} stories`);
});

t.test('gaps: those that are joined reach to the end of the last, also where the clock was set back', (t) => {
  const untold = new UntoldGaps();
  const gap = {
    type: 'gap',
    camera: 'cam-1',
    destination: 'mqtt',
    frames: 1,
    code: 'destination-slow',
  } as const;
  const at = [...Array.from({ length: 64 }, (_, number) => 10_000 + number), 5_000];
  for (const fromWallMs of at) untold.keep({ ...gap, fromWallMs, untilWallMs: fromWallMs + 1 });
  const told = [...untold.take()];
  t.equal(told.length, 64);
  t.match(told.at(-1), { gaps: 2, frames: 2, fromWallMs: 10_063, untilWallMs: 10_064 });
  t.end();
});
