import t, { type Test } from 'tap';
import type { ClockTrust } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { openStore } from '../../agent/store/open-store.ts';
import { MAX_MISSIONS, Missions } from '../../agent/viewing/missions.ts';
import { Recorder } from '../health/recorder.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';

const HOUR_MS = 3_600_000;
const SPAN_MS = 60_000;
const log = createLog('error', { write: () => undefined });

/** The missions of a box whose agent can be started anew and whose machine can be started anew. */
class Scene {
  readonly clock = new TestClock();
  readonly recorder = new Recorder(this.clock);
  trust: ClockTrust = 'synced';
  missions: Missions;
  changes = 0;
  #bootId = 'boot-1';
  readonly #store;

  constructor(folder: string) {
    this.#store = openStore(folder, {
      ...{ clock: this.clock, log, clockTrust: () => this.trust },
      sign: () => Buffer.alloc(64),
    });
    this.missions = this.#make();
  }

  static async start(t: Test): Promise<Scene> {
    const scene = new Scene(t.testdir());
    t.teardown(async () => {
      await scene.missions.stop();
      scene.#store.close();
    });
    await scene.missions.start(new AbortController().signal);
    return scene;
  }

  get told(): unknown[] {
    return this.recorder.of('event', 'mission').map(({ fields }) => fields.transition);
  }

  announce(id: string, inMs: number, forMs: number): void {
    const startMs = this.clock.wallMs() + inMs;
    const decision = { by: 'Opérateur 12', signer: 'kid', why: 'manifestation' };
    this.missions.announce({
      id,
      cameras: ['cam-a'],
      priority: 9,
      startMs,
      endMs: startMs + forMs,
      ...decision,
    });
  }

  /** @param machine also the machine is started anew */
  async restart(awayMs: number, machine: boolean): Promise<void> {
    await this.missions.stop();
    this.clock.standStill(awayMs);
    if (machine) this.#bootId += '+';
    this.missions = this.#make();
    await this.missions.start(new AbortController().signal);
  }

  #make(): Missions {
    const machine = { bootId: this.#bootId, uptimeMs: () => this.clock.monotonicMs() };
    return new Missions({
      ...{ clock: this.clock, log, machine, reporter: this.recorder, store: this.#store },
      clockTrust: () => this.trust,
      changed: () => {
        this.changes += 1;
      },
    });
  }
}

t.test(
  'mission: announced, begun at its start, ended at its end, each an event with who and why',
  async (t) => {
    const scene = await Scene.start(t);
    scene.announce('mission-1', SPAN_MS, 2 * SPAN_MS);
    t.same([scene.told, scene.missions.begun()], [['announced'], []]);
    await scene.clock.advance(SPAN_MS);
    t.match(scene.missions.begun(), [{ cameras: ['cam-a'], priority: 9, leftMs: 2 * SPAN_MS }]);
    await scene.clock.advance(2 * SPAN_MS);
    t.same([scene.told, scene.missions.begun()], [['announced', 'begun', 'ended'], []]);
    t.match(scene.recorder.of('event', 'mission')[0]?.fields, {
      ...{
        mission: 'mission-1',
        by: 'Opérateur 12',
        why: 'manifestation',
        cameras: 'cam-a',
        camera_count: 1,
      },
    });
  },
);

t.test('mission: begins by a clock that can be believed and ends whatever the wall clock does', async (t) => {
  const scene = await Scene.start(t);
  scene.trust = 'untrusted';
  scene.announce('mission-1', 0, 3 * SPAN_MS);
  await scene.clock.advance(2 * SPAN_MS);
  t.same(scene.missions.begun(), []);
  scene.trust = 'synced';
  await scene.clock.advance(1000);
  t.equal(scene.missions.begun().length, 1);
  scene.clock.jumpWall(-30 * 24 * HOUR_MS);
  await scene.clock.advance(2 * SPAN_MS);
  t.same(scene.missions.begun(), []);
});

t.test(
  'mission: it outlives a restart of the agent and of the machine, and is never longer for it',
  async (t) => {
    const folder = t.testdir();
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            awayMs: fc.integer({ min: 0, max: SPAN_MS }),
            runsMs: fc.integer({ min: 0, max: SPAN_MS }),
            machine: fc.boolean(),
          }),
          { maxLength: 4 },
        ),
        fc.uuid(),
        async (steps, name) => {
          const scene = new Scene(`${folder}/${name}`);
          await scene.missions.start(new AbortController().signal);
          scene.announce('mission-1', 0, 2 * SPAN_MS);
          let passedMs = 0;
          let holds = true;
          for (const { awayMs, runsMs, machine } of steps) {
            await scene.restart(awayMs, machine);
            await scene.clock.advance(runsMs);
            passedMs += awayMs + runsMs;
            const left = scene.missions.begun()[0]?.leftMs ?? 0;
            holds &&= Math.abs(left - Math.max(0, 2 * SPAN_MS - passedMs)) <= 1000;
          }
          await scene.missions.stop();
          return holds;
        },
      ),
      { numRuns: 20 },
    );
    t.pass('held');
  },
);

t.test('mission: one that is over before the box could begin it never begins', async (t) => {
  const scene = await Scene.start(t);
  scene.announce('mission-1', 1000, SPAN_MS);
  await scene.restart(3 * SPAN_MS, true);
  t.same([scene.told, scene.missions.begun()], [['announced', 'ended'], []]);
});

t.test('mission: cancelled ends at once; out of bounds is refused; there are only so many', async (t) => {
  const scene = await Scene.start(t);
  scene.announce('mission-1', 0, SPAN_MS);
  t.equal(scene.missions.knows('mission-1'), true);
  scene.missions.cancel('mission-1', { by: 'Opérateur 3', signer: 'kid', why: 'annulée' });
  t.same([scene.missions.knows('mission-1'), scene.missions.begun()], [false, []]);
  t.match(scene.recorder.of('event', 'mission').at(-1)?.fields, {
    transition: 'cancelled',
    by: 'Opérateur 3',
  });
  for (const [inMs, forMs] of [
    [0, 0],
    [-2 * HOUR_MS, HOUR_MS],
    [0, 32 * 24 * HOUR_MS],
    [400 * 24 * HOUR_MS, HOUR_MS],
  ] as const)
    t.throws(() => scene.announce('mission-2', inMs, forMs), { code: 'order-out-of-bounds' });
  for (let i = 0; i < MAX_MISSIONS; i += 1) scene.announce(`mission-${i + 10}`, HOUR_MS, HOUR_MS);
  t.throws(() => scene.announce('mission-2', HOUR_MS, HOUR_MS), { code: 'order-out-of-bounds' });
});
