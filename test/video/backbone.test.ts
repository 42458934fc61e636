import t from 'tap';
import { createLog } from '../../agent/base/log.ts';
import type { BackboneOrder, VideoToAgent } from '../../agent/contract/video-link.ts';
import { Backbone, type Place } from '../../agent/video/backbone/backbone.ts';
import { type Demand, overflow } from '../../agent/video/backbone/plan.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';

const demand = fc.record({
  kind: fc.constantFrom('mqtt' as const, 'rtsp' as const),
  priority: fc.integer({ min: 1, max: 9 }),
  kbps: fc.integer({ min: 0, max: 9000 }),
  fixed: fc.boolean(),
});
const limit = fc.constantFrom(0, 1000, 5000, 20_000);
const budget = fc.record({ boxKbps: limit, brokerKbps: limit, serverKbps: limit });
const demands = fc
  .array(demand, { maxLength: 12 })
  .map((list) => list.map((one, order): Demand => ({ ...one, order, key: String(order) })));

t.test(
  'plan: what is let through fits, and nobody is held whom the higher ones leave room for',
  async (t) => {
    fc.assert(
      fc.property(demands, budget, (list, limits) => {
        const held = overflow(list, limits);
        const through = list.filter(({ key }) => !held.has(key));
        const isFull = (some: readonly Demand[], more?: Demand) => {
          const all = more ? [...some, more] : some;
          const sum = (kind?: string) =>
            all.filter((one) => !kind || one.kind === kind).reduce((kbps, one) => kbps + one.kbps, 0);
          const over = (need: number, max: number) => max > 0 && need > max;
          const kinds = more ? [more.kind] : (['mqtt', 'rtsp'] as const);
          const classes = kinds.some((kind) =>
            over(sum(kind), kind === 'mqtt' ? limits.brokerKbps : limits.serverKbps),
          );
          return classes || over(sum(), limits.boxKbps);
        };
        const goesFirst = (a: Demand, b: Demand) =>
          a.fixed !== b.fixed
            ? a.fixed
            : a.priority !== b.priority
              ? a.priority > b.priority
              : a.order < b.order;
        const nobodyInVain = list
          .filter(({ key }) => held.has(key))
          .every(
            (one) =>
              !one.fixed &&
              isFull(
                through.filter((other) => goesFirst(other, one)),
                one,
              ),
          );
        const paid = through.some(({ fixed }) => fixed); // who goes in any case may alone be too much
        return nobodyInVain && (paid || !isFull(through));
      }),
      { numRuns: 500 },
    );
    t.pass('held');
  },
);

/** Cameras of 1,000 kbit/s each, and a budget. */
class Scene {
  readonly clock = new TestClock();
  readonly told: Extract<VideoToAgent, { type: 'pause' }>[] = [];
  readonly paused = new Set<string>();
  readonly backbone: Backbone;
  readonly #places: Place[] = [];

  constructor() {
    this.backbone = new Backbone({
      clock: this.clock,
      log: createLog('error', { write: () => undefined }),
      report: (message) => {
        if (message.type === 'pause') this.told.push(message);
      },
    });
  }

  async start(...cameras: readonly string[]): Promise<void> {
    await this.backbone.start(new AbortController().signal);
    for (const camera of cameras) this.join(camera, 'mqtt');
  }

  budget(
    boxKbps: number,
    priorities: Record<string, number>,
    missions: BackboneOrder['missions'] = [],
  ): void {
    const cameras = Object.entries(priorities).map(([camera, priority]) => ({ camera, priority }));
    this.backbone.set({ budget: { boxKbps, brokerKbps: 0, serverKbps: 0 }, cameras, missions });
  }

  async seconds(count: number, kbps = 1000): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      for (const place of this.#places) place.offered((kbps * 1000) / 8);
      await this.clock.advance(1000);
    }
  }

  now(): string[] {
    return [...this.paused].sort();
  }

  join(camera: string, kind: 'mqtt' | 'rtsp', name = camera): void {
    const pause = (why: unknown) => (why ? this.paused.add(name) : this.paused.delete(name));
    this.#places.push(this.backbone.join({ camera, destination: kind, kind, pause }));
  }
}

const THREE = { 'cam-a': 5, 'cam-b': 3, 'cam-c': 5 };

t.test('budget: without one nobody is paused', async (t) => {
  const scene = new Scene();
  await scene.start(...Object.keys(THREE));
  scene.budget(0, THREE);
  await scene.seconds(30, 90_000);
  t.same([scene.now(), scene.told], [[], []]);
  await scene.backbone.stop();
});

t.test('budget: that of one class of destinations pauses nobody of the other', async (t) => {
  const scene = new Scene();
  await scene.start('cam-a', 'cam-b');
  for (const camera of ['cam-a', 'cam-b']) scene.join(camera, 'rtsp', `${camera} at the server`);
  scene.backbone.set({
    budget: { boxKbps: 0, brokerKbps: 0, serverKbps: 1500 },
    cameras: [
      { camera: 'cam-a', priority: 2 },
      { camera: 'cam-b', priority: 7 },
    ],
    missions: [],
  });
  await scene.seconds(5);
  t.same(scene.now(), ['cam-a at the server']);
  t.match(scene.told, [
    { camera: 'cam-a', destination: 'rtsp', paused: true, limit: 'class', kind: 'rtsp', budgetKbps: 1500 },
  ]);
  await scene.backbone.stop();
});

t.test('budget: the lowest priority pauses, of equal ones the last, and each is told why', async (t) => {
  const scene = new Scene();
  await scene.start(...Object.keys(THREE));
  scene.budget(2500, THREE);
  await scene.seconds(5);
  t.same(scene.now(), ['cam-b']);
  t.match(scene.told, [
    { camera: 'cam-b', paused: true, limit: 'box', priority: 3, budgetKbps: 2500, neededKbps: 3000 },
  ]);
  scene.budget(1500, THREE);
  await scene.seconds(1);
  t.same(scene.now(), ['cam-b', 'cam-c']);
  t.same([...scene.backbone.standing()].length, 2, 'an agent that comes back is told both');
  await scene.backbone.stop();
});

t.test(
  'budget: who was paused comes back when there has been room for ten seconds, and not before',
  async (t) => {
    const scene = new Scene();
    await scene.start(...Object.keys(THREE));
    scene.budget(2500, THREE);
    await scene.seconds(5);
    t.same(scene.now(), ['cam-b']);
    await scene.seconds(30, 840); // 2,520 of 2,500
    t.same(scene.now(), ['cam-b']);
    await scene.seconds(8, 800);
    t.same(scene.now(), ['cam-b'], 'there is room, but not for long enough');
    await scene.seconds(10, 800);
    t.same(scene.now(), []);
    t.equal(scene.told.at(-1)?.paused, false);
    await scene.backbone.stop();
  },
);

t.test('budget: a lone camera that needs nearly all of it comes back after a spike', async (t) => {
  const scene = new Scene();
  await scene.start('cam-a');
  scene.budget(10_000, { 'cam-a': 5 });
  await scene.seconds(10, 9500);
  t.same(scene.now(), [], 'it fits');
  await scene.seconds(1, 15_000);
  t.same(scene.now(), ['cam-a'], 'a spike');
  await scene.seconds(16, 9500);
  t.same(scene.now(), [], 'and it is back');
  await scene.seconds(60, 9500);
  t.equal(scene.told.length, 2, 'for good');
  await scene.backbone.stop();
});

t.test('budget: a rate about the limit does not make a channel come and go each second', async (t) => {
  const scene = new Scene();
  await scene.start(...Object.keys(THREE));
  scene.budget(3000, THREE);
  for (let i = 0; i < 60; i += 1) await scene.seconds(1, i % 2 === 0 ? 900 : 1110);
  t.ok(scene.told.length <= 12, `${scene.told.length} changes in a minute`);
  await scene.backbone.stop();
});

t.test(
  'mission: its camera takes the place of another at once, and gives it back at its end by the monotonic clock',
  async (t) => {
    const scene = new Scene();
    await scene.start(...Object.keys(THREE));
    scene.budget(2500, THREE);
    await scene.seconds(5);
    t.same(scene.now(), ['cam-b']);
    scene.budget(2500, THREE, [{ cameras: ['cam-b'], priority: 9, leftMs: 20_000 }]);
    t.same(scene.now(), ['cam-c'], 'at once');
    scene.clock.jumpWall(3_600_000);
    await scene.seconds(19);
    t.same(scene.now(), ['cam-c'], 'the wall clock ends nothing');
    await scene.seconds(2);
    t.same(scene.now(), ['cam-b'], 'nobody had to tell');
    await scene.backbone.stop();
  },
);

t.test('mission: it lowers no priority', async (t) => {
  const scene = new Scene();
  await scene.start(...Object.keys(THREE));
  scene.budget(2500, THREE, [{ cameras: ['cam-a'], priority: 1, leftMs: 1e9 }]);
  await scene.seconds(5);
  t.same(scene.now(), ['cam-b']);
  await scene.backbone.stop();
});

t.test('budget: a leased channel goes first and is never paused', async (t) => {
  const scene = new Scene();
  await scene.start('cam-a');
  scene.budget(2500, { 'cam-a': 9 });
  for (let i = 0; i < 6; i += 1) {
    scene.backbone.leased((2000 * 1000) / 8);
    await scene.seconds(1);
  }
  t.same(scene.now(), ['cam-a']);
  await scene.backbone.stop();
});
