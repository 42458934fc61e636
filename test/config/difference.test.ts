import { deepStrictEqual, equal } from 'node:assert/strict';
import type { Test } from 'tap';
import t from 'tap';
import {
  type Difference,
  describeDifference,
  differenceOf,
  type ListDifference,
} from '../../agent/config/difference.ts';
import { emptyConfiguration } from '../../agent/config/open.ts';
import type { OpenedConfiguration } from '../../agent/config/opened.ts';
import * as fc from '../support/properties.ts';

/** Tries the property on many configurations; the counterexample stands in the failure. */
function holds<T>(t: Test, property: fc.IProperty<T>): void {
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
}

const plain = { noNullPrototype: true };

const login = fc.record(
  {
    version: fc.integer({ min: 1, max: 3 }),
    user: fc.constantFrom('a', 'b'),
    password: fc.constantFrom('x', 'y'),
  },
  plain,
);

const camera = fc.record(
  {
    id: fc.integer({ min: 0, max: 8 }).map((n) => `cam-${n}`),
    name: fc.constantFrom('Parvis', 'Gymnase'),
    host: fc.constantFrom('10.0.0.1', '10.0.0.2'),
    enabled: fc.boolean(),
    regime: fc.constant('continuous' as const),
    priority: fc.constantFrom(5, 9),
    owner: fc.constantFrom('commune' as const, 'metropole' as const),
    transport: fc.constantFrom('tcp' as const, 'udp' as const),
    maxConnections: fc.constantFrom(2, 4),
    minFps: fc.constantFrom(0, 12),
    pictureCheck: fc.constantFrom('fixed' as const, 'off' as const),
    rtsp: fc.record(
      { port: fc.constantFrom(554, 8554), path: fc.constant('/live'), tls: fc.boolean() },
      plain,
    ),
    credentials: login,
  },
  {
    requiredKeys: [
      'id',
      'name',
      'host',
      'enabled',
      'regime',
      'priority',
      'owner',
      'transport',
      'maxConnections',
      'minFps',
      'pictureCheck',
    ],
    noNullPrototype: true,
  },
);

const point = fc.record(
  {
    id: fc.integer({ min: 0, max: 8 }).map((n) => `pt-${n}`),
    name: fc.constantFrom('Porte', 'Coffret'),
    camera: fc.constant('cam-0'),
    kind: fc.constant('digital-input' as const),
    inverted: fc.boolean(),
    topics: fc.constant([] as string[]),
    owner: fc.constantFrom('commune' as const, 'partner' as const),
    minDurationS: fc.constant(0),
    debounceMs: fc.constantFrom(0, 100),
    code: fc.constant('UA' as const),
    maintenanceSilences: fc.boolean(),
    severity: fc.constantFrom('major' as const, 'critical' as const),
  },
  plain,
);

const panel = fc.record(
  {
    id: fc.integer({ min: 0, max: 3 }).map((n) => `panel-${n}`),
    name: fc.constantFrom('Mairie', 'Gymnase'),
    listen: fc.constant({ host: '10.0.0.2', port: 10_000, tcp: true, udp: true }),
    timeWindow: fc.constant({ pastS: 40, futureS: 20 }),
    accounts: fc.constantFrom(
      [{ account: '12345A', supervisionS: 60 }],
      [{ account: '12345A', supervisionS: 60, key: Buffer.alloc(16, 1) }],
      [{ account: '12345A', supervisionS: 60, key: Buffer.alloc(16, 2) }],
    ),
  },
  plain,
);

const byId = { selector: ({ id }: { id: string }) => id, maxLength: 8 };

const configuration: fc.Arbitrary<OpenedConfiguration> = fc
  .record({
    cameras: fc.uniqueArray(camera, byId),
    panels: fc.uniqueArray(panel, byId),
    points: fc.uniqueArray(point, byId),
    probeIntervalS: fc.constantFrom(30, 60),
    fragmentMs: fc.constantFrom(200, 400),
  })
  .map(({ cameras, panels, points, probeIntervalS, fragmentMs }) => {
    const empty = emptyConfiguration();
    return {
      ...empty,
      cameras,
      panels,
      points,
      health: { ...empty.health, probeIntervalS },
      video: { ...empty.video, fragmentMs },
    };
  });

type Entry = { readonly id: string };

/** What a room has after it did what the difference says. */
function worked<T extends Entry>(before: readonly T[], difference: ListDifference<T>): Map<string, T> {
  const entries = new Map(before.map((entry) => [entry.id, entry]));
  for (const { id } of difference.removed) entries.delete(id);
  for (const entry of difference.added) entries.set(entry.id, entry);
  for (const { after } of difference.changed) entries.set(after.id, after);
  return entries;
}

const mapped = <T extends Entry>(entries: readonly T[]) => new Map(entries.map((entry) => [entry.id, entry]));

/** Every id that stands in one of the three lists. */
function touched<T extends Entry>({ added, removed, changed }: ListDifference<T>): string[] {
  return [...added, ...removed, ...changed.map(({ after }) => after)].map(({ id }) => id);
}

t.test('config: who does what the difference says has the new configuration', async (t) => {
  holds(
    t,
    fc.property(configuration, configuration, (before, after) => {
      const difference = differenceOf(before, after);
      deepStrictEqual(worked(before.cameras, difference.cameras), mapped(after.cameras));
      deepStrictEqual(worked(before.panels, difference.panels), mapped(after.panels));
      deepStrictEqual(worked(before.points, difference.points), mapped(after.points));
    }),
  );
});

t.test('config: an unchanged camera stands in no list, and nothing stands in two', async (t) => {
  holds(
    t,
    fc.property(configuration, configuration, (before, after) => {
      const { cameras } = differenceOf(before, after);
      const old = mapped(before.cameras);
      const same = after.cameras.filter(
        (entry) => JSON.stringify(sorted(entry)) === JSON.stringify(sorted(old.get(entry.id))),
      );
      const ids = touched(cameras);
      equal(
        same.some(({ id }) => ids.includes(id)),
        false,
      );
      equal(new Set(ids).size, ids.length);
    }),
  );
});

t.test('config: a changed camera names exactly the aspects that differ', async (t) => {
  holds(
    t,
    fc.property(configuration, configuration, (before, after) => {
      for (const { before: old, after: now, aspects } of differenceOf(before, after).cameras.changed) {
        const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])] as (keyof typeof now)[];
        const differing = keys.filter(
          (key) => JSON.stringify(sorted(old[key])) !== JSON.stringify(sorted(now[key])),
        );
        deepStrictEqual([...aspects].sort(), differing.sort());
      }
    }),
  );
});

t.test('config: nothing differs from itself, in whatever order it stands', async (t) => {
  holds(
    t,
    fc.property(configuration, (same) => {
      const turned = {
        ...same,
        cameras: [...same.cameras].reverse(),
        panels: [...same.panels].reverse(),
        points: [...same.points].reverse(),
      };
      // Node clones a Buffer to another class.
      const clone = {
        ...structuredClone({ ...turned, panels: [] }),
        panels: turned.panels.map((one) => ({ ...one })),
      };
      const difference: Difference = differenceOf(same, clone);
      equal(
        describeDifference(difference),
        'cameras +0 -0 ~0, segments +0 -0 ~0, mediaServers +0 -0 ~0, partners +0 -0 ~0, panels +0 -0 ~0, modules +0 -0 ~0, ups +0 -0 ~0, localBrokers +0 -0 ~0, objects +0 -0 ~0, points +0 -0 ~0, settings ~0',
      );
    }),
  );
});

t.test('config: against nothing, every camera is added and every setting is new', async (t) => {
  holds(
    t,
    fc.property(configuration, (first) => {
      const difference = differenceOf(undefined, first);
      deepStrictEqual(difference.cameras, { added: first.cameras, removed: [], changed: [] });
      deepStrictEqual([...difference.health].sort(), Object.keys(first.health).sort());
    }),
  );
});

/** The value with its keys in order, so that equal values have equal JSON. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.entries(value)
    .map(([key, inner]) => [key, sorted(inner)] as const)
    .sort(([a], [b]) => a.localeCompare(b));
}
