import t, { type Test } from 'tap';
import { HOLD_MS } from '../../../agent/alarms/box/camera-judge.ts';
import type { AlarmPoint, BoxCamera } from '../../../agent/alarms/ports.ts';
import type { Code } from '../../../agent/base/codes.ts';
import type { TestClock } from '../../support/test-clock.ts';
import { TestClock as Clock } from '../../support/test-clock.ts';
import { type Rig, sourceBehaviour } from '../source-behaviour.ts';
import { ScriptedBox, Watch } from '../watch.ts';

/** Files and sensors are read so often. */
const READ_MS = 11_000;
const DAY_MS = 24 * 3600 * 1000;

const DISK: AlarmPoint = { id: 'pt-disque', name: 'Disque', kind: 'box-disk', belowMb: 1000 };

async function boxRig(_: Test, clock: TestClock): Promise<Rig> {
  const box = new ScriptedBox();
  const say = async (active: boolean) => {
    box.freeMb = active ? 500 : 5000;
    await clock.advance(READ_MS);
  };
  return {
    point: DISK.id,
    configuration: { points: [DISK], cameras: [] },
    cause: 'box-unreadable',
    box,
    greet: () => say(false),
    say,
    lose: async () => {
      box.broken = new Error('input/output error');
      await clock.advance(READ_MS);
    },
    comeBack: async (active) => {
      box.broken = undefined;
      await say(active);
    },
  };
}

sourceBehaviour('the box itself', boxRig);

interface Begun {
  readonly box: ScriptedBox;
  readonly clock: TestClock;
  readonly watch: Watch;
  readonly states: () => unknown[];
}

async function begin(
  t: Test,
  points: readonly AlarmPoint[],
  { folder = t.testdir(), box = new ScriptedBox(), clock = new Clock() } = {},
): Promise<Begun> {
  const watch = new Watch(folder, clock, () => undefined, undefined, box);
  t.teardown(() => watch.end());
  await watch.begin({ points, cameras: [] });
  await clock.advance(1_000);
  return { box, clock, watch, states: () => points.map(({ id }) => watch.shown(id).state) };
}

const point = (kind: string, more: object = {}) =>
  ({ id: `pt-${kind}`, name: kind, kind, ...more }) as AlarmPoint;

for (const [kind, more, bad, good, event] of [
  ['box-clock', {}, { trust: 'holdover' }, { trust: 'synced' }, { cause: 'clock-unsynchronised' }],
  ['box-clock', {}, { trust: 'untrusted' }, { trust: 'synced' }, { cause: 'clock-untrusted' }],
  [
    'box-video',
    {},
    { video: false },
    { video: true },
    { cause: 'video-process-down', category: 'equipment' },
  ],
  [
    'box-unknown-device',
    {},
    { found: { unknown: ['10.0.0.9 X'], moved: [] } },
    { found: { unknown: [], moved: [] } },
    { cause: 'device-unknown', category: 'tamper', text: '10.0.0.9 X' },
  ],
  [
    'camera-moved',
    {},
    { found: { unknown: [], moved: ['cam-a'] } },
    { found: { unknown: [], moved: [] } },
    { cause: 'camera-moved', text: 'cam-a' },
  ],
  ['box-store', {}, { durable: false }, { durable: true }, { cause: 'store-unavailable' }],
  [
    'box-store',
    {},
    { damaged: ['beffroi.db.damaged-1'] },
    { damaged: [] },
    { cause: 'store-damaged', text: 'beffroi.db.damaged-1' },
  ],
  [
    'box-outbox',
    { abovePercent: 50 },
    { percent: 51 },
    { percent: 20 },
    { cause: 'outbox-filling', text: '51 %' },
  ],
  [
    'box-temperature',
    { aboveC: 85 },
    { celsius: 85.5 },
    { celsius: 80 },
    { cause: 'box-hot', category: 'temperature', code_sia: 'KA', text: '85.5 °C' },
  ],
  ['box-disk-wear', { abovePercent: 80 }, { worn: 90 }, { worn: 80 }, { cause: 'disk-worn', text: '90 %' }],
  [
    'box-backbone',
    {},
    { line: { cause: 'backbone-slow', detail: 'main path: the broker answers after 900 ms' } },
    { line: { cause: 'none', detail: '' } },
    { cause: 'backbone-slow', code_sia: 'YC', text: 'main path: the broker answers after 900 ms' },
  ],
  [
    'box-disk',
    { belowMb: 1000 },
    { freeMb: 999.9 },
    { freeMb: 1100 },
    {
      cause: 'disk-nearly-full',
      category: 'equipment',
      code_sia: 'ET',
      code_contact_id: '1143',
      text: '999 MB',
    },
  ],
  [
    'box-certificate',
    { days: 30 },
    { ends: Date.UTC(2026, 0, 30) },
    { ends: Date.UTC(2027, 0, 1) },
    { cause: 'certificate-ending', text: '2026-01-30' },
  ],
  [
    'box-certificate',
    { days: 30 },
    { ends: Date.UTC(2025, 11, 30) },
    { ends: Date.UTC(2027, 0, 1) },
    { cause: 'certificate-expired' },
  ],
] as const) {
  t.test(`${kind}: ${JSON.stringify(bad)} is an alarm and ${JSON.stringify(good)} its end`, async (t) => {
    const { box, clock, watch, states } = await begin(t, [point(kind, more)]);
    t.same(states(), ['cleared']);
    Object.assign(box, bad);
    await clock.advance(READ_MS);
    Object.assign(box, good);
    await clock.advance(READ_MS);
    t.same(watch.transitions, [`pt-${kind} raised`, `pt-${kind} cleared`]);
    t.match(watch.events[0], { kind, source: 'collector', ...event });
    t.notOk('cause' in (watch.events[1] ?? {}));
  });
}

t.test('a value that swings about its limit raises one alarm', async (t) => {
  const points = [
    point('box-disk', { belowMb: 1000 }),
    point('box-temperature', { aboveC: 85 }),
    point('box-outbox', { abovePercent: 50 }),
  ];
  const { box, clock, watch } = await begin(t, points);
  for (const step of [1, -1, 1, -1, 1]) {
    box.freeMb = 1000 - step;
    box.celsius = 85 + step;
    box.percent = 50 + step;
    await clock.advance(READ_MS);
  }
  t.same(watch.transitions.sort(), points.map(({ id }) => `${id} raised`).sort());
});

t.test('what the machine does not tell is unknown, and no fault', async (t) => {
  const { box, clock, watch, states } = await begin(t, [point('box-temperature', { aboveC: 85 })]);
  box.celsius = undefined;
  await clock.advance(READ_MS + 11_000);
  t.same(states(), ['unknown']);
  t.same(watch.failures, []);
});

t.test('what cannot be read leaves what can be told as it is', async (t) => {
  const points = [DISK, point('box-video'), point('box-clock')];
  const { box, clock, watch, states } = await begin(t, points);
  box.broken = new Error('input/output error');
  await clock.advance(READ_MS);
  box.video = false;
  await clock.advance(600_000);
  t.same(states(), ['unknown', 'raised', 'cleared']);
  t.match(watch.failures, [{ cause: 'box-unreadable', text: /pt-disque: input\/output error/ }]);
  box.broken = undefined;
  await clock.advance(READ_MS);
  t.same(states(), ['cleared', 'raised', 'cleared']);
  t.equal(watch.failures.length, 2);
});

t.test('a lost link is an alarm after its time, also when the agent was killed meanwhile', async (t) => {
  const folder = t.testdir();
  const points = [point('box-link', { afterS: 60 })];
  const first = await begin(t, points, { folder });
  const { box, clock } = first;
  for (let i = 0; i < 5; i += 1) {
    box.link = false;
    await clock.advance(50_000);
    box.link = true;
    await clock.advance(2_000);
  }
  t.same(first.watch.transitions, [], 'short losses pass');
  box.link = false;
  await clock.advance(62_000);
  t.same(first.watch.transitions, ['pt-box-link raised']);
  t.match(first.watch.events[0], { cause: 'link-lost', category: 'communication', code_contact_id: '1350' });
  await first.watch.room.stop();
  const second = await begin(t, points, { folder, box, clock });
  await clock.pass(3_600_000);
  t.same(second.watch.transitions, ['pt-box-link raised']);
  t.same(second.states(), ['raised']);
  box.link = true;
  await clock.advance(2_000);
  t.same(second.watch.transitions, ['pt-box-link raised', 'pt-box-link cleared']);
});

const ok = (camera: string): BoxCamera => ({ camera, state: 'ok', cause: 'none' });
const down = (camera: string, cause: Code = 'camera-unreachable'): BoxCamera => ({
  camera,
  state: 'down',
  cause,
});
const unknown = (camera: string): BoxCamera => ({ camera, state: 'unknown', cause: 'none' });
const slow = (camera: string): BoxCamera => ({ camera, state: 'degraded', cause: 'camera-low-rate' });
const watched = (camera: string, more: object = {}) => ({
  ...point('camera-health', { camera, from: 'down', ...more }),
  id: `pt-${camera}`,
});
const CAMERAS = ['cam-a', 'cam-b', 'cam-c'];

t.test(
  'a camera that is down is an alarm with its cause; a degraded one where the point says so',
  async (t) => {
    const points = [
      watched('cam-a'),
      { ...watched('cam-a', { from: 'degraded' }), id: 'pt-pire' },
      watched('cam-b'),
    ];
    const { box, clock, watch, states } = await begin(t, points);
    box.list = [slow('cam-a'), unknown('cam-b')];
    await clock.advance(12_000);
    t.same(states(), ['cleared', 'raised', 'unknown']);
    box.list = [down('cam-a', 'camera-stalled'), ok('cam-b')];
    await clock.advance(1_000);
    t.same(states(), ['raised', 'raised', 'cleared']);
    box.list = [unknown('cam-a'), ok('cam-b')];
    await clock.advance(12_000);
    t.same(states(), ['unknown', 'unknown', 'cleared'], 'not cleared');
    box.list = [ok('cam-a'), ok('cam-b')];
    await clock.advance(1_000);
    t.same(watch.transitions, ['pt-pire raised', 'pt-cam-a raised', 'pt-cam-a cleared', 'pt-pire cleared']);
    t.match(watch.events.slice(0, 2), [
      { source: 'cam-a', camera: 'cam-a', cause: 'camera-low-rate' },
      { source: 'cam-a', camera: 'cam-a', cause: 'camera-stalled', category: 'equipment' },
    ]);
  },
);

t.test(
  'announced work raises nothing and clears nothing; a camera that is switched off has no word',
  async (t) => {
    const points = [
      watched('cam-a'),
      watched('cam-b'),
      { ...point('camera-health', { from: 'down' }), id: 'pt-all' },
    ];
    const { box, clock, watch, states } = await begin(t, points);
    box.list = [down('cam-a'), ok('cam-b')];
    await clock.advance(1_000);
    const worked = (camera: string): BoxCamera => ({
      camera,
      state: 'maintenance',
      cause: 'camera-unreachable',
    });
    box.list = [worked('cam-a'), { camera: 'cam-b', state: 'disabled', cause: 'none' }];
    await clock.advance(12_000);
    t.same(states(), ['unknown', 'unknown', 'unknown']);
    box.list = [down('cam-a'), worked('cam-b')];
    await clock.advance(1_000);
    t.same(states(), ['raised', 'unknown', 'raised'], 'what lasts after the work is there still');
    t.same(watch.transitions, ['pt-cam-a raised', 'pt-all raised'], 'and is no other alarm');
  },
);

t.test('one point may watch all cameras: it says how many and which', async (t) => {
  const { box, clock, watch } = await begin(t, [point('camera-health', { from: 'down' })]);
  box.list = [ok('cam-a'), down('cam-b', 'camera-login-refused'), down('cam-c')];
  await clock.advance(1_000);
  t.match(watch.events, [
    { source: 'collector', cause: 'camera-login-refused', text: '2 of 3: cam-b, cam-c', camera: undefined },
  ]);
  box.list = CAMERAS.map(ok);
  await clock.advance(1_000);
  t.same(watch.transitions, ['pt-camera-health raised', 'pt-camera-health cleared']);
});

t.test(
  'a camera that fails again and again is one alarm, until it has not failed for ten minutes',
  async (t) => {
    for (const [downS, upS] of [
      [70, 10],
      [90, 30],
      [50, 20],
      [5, 170],
    ] as const) {
      const points = [watched('cam-a', { minDurationS: 60 }), point('camera-network', { minDurationS: 60 })];
      const { box, clock, watch } = await begin(t, points);
      box.list = [ok('cam-a'), ok('cam-b'), ok('cam-c')];
      await clock.advance(1_000);
      const hour = 3600 / (downS + upS);
      for (let n = 0; n < hour; n += 1) {
        box.list = [down('cam-a', n % 2 ? 'camera-unreachable' : 'camera-stalled'), ok('cam-b'), ok('cam-c')];
        await clock.advance(downS * 1000);
        box.list = [ok('cam-a'), ok('cam-b'), ok('cam-c')];
        await clock.advance(upS * 1000);
      }
      const short = downS < 60 ? [] : ['pt-cam-a raised', 'pt-cam-a cleared'];
      const begun = watch.transitions.slice(0, -1);
      t.same(watch.transitions.slice(-1), ['pt-cam-a raised'], `${downS} s down, ${upS} s up: it lasts`);
      t.ok(begun.length <= 2 * short.length, `${begun.length} changes before it was known`);
      const sofar = watch.transitions.length;
      await clock.advance(600_000 - upS * 1000 - 2_000);
      t.equal(watch.transitions.length, sofar);
      await clock.advance(4_000);
      t.same(watch.transitions.slice(sofar), ['pt-cam-a cleared']);
    }
  },
);

t.test(
  'a camera that failed three times in an hour, or behind a network that flaps, does not flap itself',
  async (t) => {
    const points = [watched('cam-a', { minDurationS: 60 }), point('camera-network', { minDurationS: 60 })];
    const { box, clock, watch } = await begin(t, points);
    const swing = async (list: BoxCamera[], downMs: number, upMs: number) => {
      box.list = list;
      await clock.advance(downMs);
      box.list = CAMERAS.map(ok);
      await clock.advance(upMs);
    };
    const own = [down('cam-a', 'camera-stalled'), ok('cam-b'), ok('cam-c')];
    for (let n = 0; n < 4; n += 1) await swing(own, 20_000, 600_000);
    for (let n = 0; n < 4; n += 1)
      await swing(
        CAMERAS.map((camera) => down(camera)),
        50_000,
        20_000,
      );
    await swing(
      CAMERAS.map((camera): BoxCamera => ({ camera, state: 'maintenance', cause: 'none' })),
      9_000,
      9_000,
    );
    await swing(own, 5_000, 5_000);
    await swing(own, 5_000, 5_000);
    await swing(
      CAMERAS.map((camera): BoxCamera => ({ camera, state: 'maintenance', cause: 'none' })),
      9_000,
      9_000,
    );
    await swing(own, 5_000, 120_000);
    t.same(watch.transitions, ['pt-camera-network raised'], 'the network does');
    await clock.advance(600_000);
    t.same(watch.transitions.slice(1), ['pt-camera-network cleared']);
  },
);

t.test(
  'a network that fails again and again is one alarm, until it has not failed for ten minutes',
  async (t) => {
    for (const [downS, upS] of [
      [70, 10],
      [50, 20],
    ] as const) {
      const points = [watched('cam-a', { minDurationS: 60 }), point('camera-network', { minDurationS: 60 })];
      const { box, clock, watch } = await begin(t, points);
      for (let n = 0; n < 12; n += 1) {
        box.list = CAMERAS.map((camera) => down(camera));
        await clock.advance(downS * 1000);
        box.list = CAMERAS.map(ok);
        await clock.advance(upS * 1000);
      }
      const changes = watch.transitions.length;
      t.same(watch.transitions.slice(-1), ['pt-camera-network raised'], `${downS} s down: it lasts`);
      t.ok(changes <= 5, `${changes} changes before it was known`);
      await clock.advance(600_000 - upS * 1000 - 2_000);
      t.equal(watch.transitions.length, changes);
      await clock.advance(4_000);
      t.same(watch.transitions.slice(changes), ['pt-camera-network cleared']);
    }
  },
);

t.test('a box that is cut off from all its cameras says so once, and not once for each', async (t) => {
  const points = [point('camera-network'), ...CAMERAS.map((camera) => watched(camera))];
  const { box, clock, watch, states } = await begin(t, points);
  box.list = CAMERAS.map(ok);
  await clock.advance(1_000);
  box.list = [down('cam-a'), ok('cam-b'), ok('cam-c')];
  await clock.advance(4_000);
  box.list = [down('cam-a'), down('cam-b'), ok('cam-c')];
  await clock.advance(4_000);
  box.list = CAMERAS.map((camera) => down(camera));
  await clock.pass(3_600_000);
  t.same(states(), ['raised', 'unknown', 'unknown', 'unknown']);
  box.list = [ok('cam-a'), down('cam-b'), down('cam-c')];
  await clock.advance(5_000);
  box.list = [ok('cam-a'), ok('cam-b'), down('cam-c')];
  await clock.advance(5_000);
  t.same(watch.transitions, ['pt-camera-network raised', 'pt-camera-network cleared']);
  t.match(watch.events[0], { cause: 'camera-network-down', category: 'communication', text: '3 cameras' });
  await clock.advance(HOLD_MS);
  t.same(watch.transitions.slice(2), ['pt-cam-c raised'], 'the one that did not come back is told');
  t.same(states(), ['cleared', 'cleared', 'cleared', 'raised']);
});

t.test(
  'a segment with most of the cameras of a box is at fault itself, and not the whole network',
  async (t) => {
    const points = [
      point('camera-network'),
      { ...point('camera-network', { segment: 'seg-a' }), id: 'pt-seg-a' },
      ...CAMERAS.map((camera) => watched(camera)),
    ];
    const { box, clock, watch, states } = await begin(t, points);
    box.groups = [{ id: 'seg-a', cameras: ['cam-a', 'cam-b'] }];
    box.list = CAMERAS.map(ok);
    await clock.advance(1_000);
    box.list = [down('cam-a'), down('cam-b'), ok('cam-c')];
    await clock.advance(60_000);
    t.same(watch.transitions, ['pt-seg-a raised']);
    t.match(watch.events[0], { cause: 'camera-network-down', text: '2 cameras' });
    t.same(states(), ['unknown', 'raised', 'unknown', 'unknown', 'cleared']);
    box.list = CAMERAS.map((camera) => down(camera));
    await clock.advance(60_000);
    t.same(watch.transitions.slice(1), ['pt-camera-network raised'], 'then all of it is cut off');
    box.list = CAMERAS.map(ok);
    await clock.advance(2_000);
    t.same(states(), ['cleared', 'cleared', 'cleared', 'cleared', 'cleared']);
  },
);

t.test('cameras that answer and lose their pictures together are one alarm of what they share', async (t) => {
  const points = [point('camera-network'), ...CAMERAS.map((camera) => watched(camera))];
  const { box, clock, watch, states } = await begin(t, points);
  box.list = CAMERAS.map(ok);
  await clock.advance(2_000);
  box.list = [down('cam-a', 'camera-port-closed'), down('cam-b', 'camera-stalled'), ok('cam-c')];
  await clock.advance(60_000);
  t.same(watch.transitions, ['pt-camera-network raised']);
  t.match(watch.events[0], { cause: 'camera-network-down', text: '2 of 3 cameras: cam-a, cam-b' });
  t.same(states(), ['raised', 'unknown', 'unknown', 'cleared']);
  box.list = [down('cam-a', 'camera-port-closed'), ok('cam-b'), ok('cam-c')];
  await clock.advance(HOLD_MS + 2_000);
  t.same(
    watch.transitions.slice(1),
    ['pt-camera-network cleared', 'pt-cam-a raised'],
    'it did not come back',
  );
});

t.test('cameras that lose their pictures one after the other are one alarm from the beginning', async (t) => {
  const points = [point('camera-network'), ...CAMERAS.map((camera) => watched(camera))];
  const { box, clock, watch } = await begin(t, points);
  box.nowMs = () => clock.monotonicMs();
  box.list = CAMERAS.map(ok);
  await clock.advance(2_000);
  box.list = [down('cam-a', 'camera-port-closed'), ok('cam-b'), ok('cam-c')];
  await clock.advance(8_000);
  box.list = [down('cam-a', 'camera-port-closed'), down('cam-b', 'camera-stalled'), ok('cam-c')];
  await clock.advance(60_000);
  t.same(watch.transitions, ['pt-camera-network raised']);
});

t.test(
  'a cut that lasts over a start of the agent is one alarm, whoever is seen first after it',
  async (t) => {
    const folder = t.testdir();
    const points = [point('camera-network'), ...CAMERAS.map((camera) => watched(camera))];
    const first = await begin(t, points, { folder });
    const { clock } = first;
    first.box.list = CAMERAS.map(ok);
    await clock.advance(1_000);
    first.box.list = [ok('cam-a'), down('cam-b'), down('cam-c')];
    await clock.advance(2_000);
    t.same(first.watch.transitions, ['pt-camera-network raised']);
    await first.watch.room.stop();
    const box = new ScriptedBox();
    box.list = CAMERAS.map(unknown);
    const { watch, states } = await begin(t, points, { folder, box, clock });
    box.list = [ok('cam-a'), unknown('cam-b'), unknown('cam-c')];
    await clock.advance(3_000);
    box.list = [ok('cam-a'), down('cam-b'), unknown('cam-c')];
    await clock.advance(3_000);
    box.list = [ok('cam-a'), down('cam-b'), down('cam-c')];
    await clock.advance(HOLD_MS + 2_000);
    t.same(watch.transitions, ['pt-camera-network raised']);
    t.same(states(), ['raised', 'cleared', 'unknown', 'unknown']);
  },
);

t.test('one camera that does not answer is told after the others had time to fall silent too', async (t) => {
  const points = [point('camera-network'), ...CAMERAS.map((camera) => watched(camera))];
  const { box, clock, watch } = await begin(t, points);
  box.list = [down('cam-a'), ok('cam-b'), down('cam-c', 'camera-login-refused')];
  await clock.advance(2_000);
  t.same(watch.transitions, ['pt-cam-c raised'], 'another cause waits for nothing');
  await clock.advance(HOLD_MS);
  t.same(watch.transitions, ['pt-cam-c raised', 'pt-cam-a raised']);
});

t.test('an alarm of before the cut is neither cleared by it nor raised again after it', async (t) => {
  const points = [point('camera-network'), ...CAMERAS.map((camera) => watched(camera))];
  const { box, clock, watch, states } = await begin(t, points);
  box.list = [down('cam-a'), ok('cam-b'), ok('cam-c')];
  await clock.advance(HOLD_MS + 2_000);
  box.list = CAMERAS.map((camera) => down(camera));
  await clock.advance(60_000);
  t.same(states(), ['raised', 'unknown', 'unknown', 'unknown']);
  box.list = [down('cam-a'), ok('cam-b'), ok('cam-c')];
  await clock.advance(60_000);
  t.same(states(), ['cleared', 'raised', 'cleared', 'cleared']);
  t.same(watch.transitions, ['pt-cam-a raised', 'pt-camera-network raised', 'pt-camera-network cleared']);
});

t.test('a clock that cannot be believed judges no certificate', async (t) => {
  const { box, clock, watch, states } = await begin(t, [point('box-certificate', { days: 30 })]);
  box.trust = 'untrusted';
  box.ends = Date.UTC(2025, 11, 30);
  for (let look = 0; look < 3; look += 1) await clock.advance(READ_MS);
  t.same(states(), ['unknown']);
  t.same(watch.transitions, []);
  box.trust = 'synced';
  await clock.advance(READ_MS);
  t.same(watch.transitions, ['pt-box-certificate raised']);
});

t.test('two days of clock jumps change nothing but the certificate', async (t) => {
  const points = [point('box-certificate', { days: 30 }), point('box-link', { afterS: 60 })];
  const { box, clock, watch } = await begin(t, points);
  box.link = false;
  clock.jumpWall(-365 * DAY_MS);
  await clock.advance(READ_MS);
  clock.jumpWall(365 * DAY_MS);
  await clock.advance(10_000);
  t.same(watch.transitions, []);
});
