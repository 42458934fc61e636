import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { observations } from '../../agent/reports/seen.ts';
import { temporaryFolder } from '../store/support.ts';
import { LOOK_MS, Watched } from './watched.ts';

const MINUTE = 60_000;
/** Two looks: what a kill and a look may blur. */
const BLUR = 2 * MINUTE;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** 1 June 2026, midnight in Paris. */
const JUNE = Date.UTC(2026, 4, 31, 22);
const DAY_1 = ['2026-06-01', '2026-06-01'] as const;
const NEVER = new AbortController().signal;

async function watched(t: Test, wallMs = JUNE): Promise<Watched> {
  const world = new Watched(temporaryFolder(t), wallMs);
  world.camera('cam-a', 'ok');
  await world.start();
  return world;
}

t.test(
  'availability: time down is told by side, from the last picture on, with its notice and repair',
  async (t) => {
    const world = await watched(t);
    await world.clock.advance(HOUR);
    const lastPictureMs = world.clock.monotonicMs();
    await world.clock.advance(4_000);
    world.camera('cam-a', 'down', { beganMs: lastPictureMs });
    await world.clock.advance(HOUR - 4_000);
    world.camera('cam-a', 'ok');
    await world.clock.advance(22 * HOUR);
    await world.stop();
    const line = world.line('cam-a', ...DAY_1);
    t.equal(line.countedMs, DAY);
    t.equal(line.downMs, HOUR + LOOK_MS, 'from the last picture to the look that finds it well');
    t.same([...line.downMsBySide.keys()], ['camera']);
    t.match(line.incidents, [{ cause: 'camera-unreachable', open: false, via: '' }]);
    t.equal(line.detectMs, LOOK_MS);
    t.equal(line.unknownMs, 0);
    t.ok((line.provenPercent ?? 0) > 95 && (line.provenPercent ?? 0) < 96);
  },
);

t.test(
  'availability: a segment has a line of its own, and what it explains is told as its consequence',
  async (t) => {
    const world = new Watched(temporaryFolder(t), JUNE);
    const see = (down: boolean) => {
      const side = down ? 'local-network' : 'none';
      const cause = down ? 'camera-unreachable' : 'none';
      const camera = { state: down ? 'down' : 'ok', cause, side, via: down ? 'seg-a' : undefined } as const;
      const cameras = ['cam-a', 'cam-b'].map((id) => ({ camera: id, law: {}, ...camera }));
      const segment = { id: 'seg-a', name: 'Halle', unknown: false, consequenceOf: undefined };
      const seen = observations(cameras, [{ ...segment, down, side }], { cause: 'none' });
      world.seen = new Map(seen.map((one) => [one.subject, one]));
    };
    see(false);
    await world.start();
    for (const down of [true, false, true, false]) {
      await world.clock.advance(HOUR);
      see(down);
    }
    await world.clock.advance(20 * HOUR);
    const day = { from: DAY_1[0], to: DAY_1[1] };
    t.match(await world.room.publish(day, NEVER), /4 elements/);
    const told = (kind: 'segmentAvailability' | 'cameraAvailability' | 'siteAvailability', key: string) =>
      world.recorder.of('event', kind, key).at(-1)?.fields;
    const line = { incidents: 2, down_s: 7200, down_local_network_s: 7200, down_camera_s: 0, repair_s: 3600 };
    t.match(told('segmentAvailability', 'seg-a'), { ...line, subject: 'seg-a', consequences: 0 });
    for (const id of ['cam-a', 'cam-b'])
      t.match(told('cameraAvailability', id), { ...line, subject: id, consequences: 2 });
    t.match(told('siteAvailability', 'collector'), { incidents: 0, down_s: 0, counted_s: 86_400 });
    await world.stop();
    t.same(
      world
        .report(...DAY_1)
        .lines.map(({ kind, subject }) => `${kind} ${subject}`)
        .toSorted(),
      ['box collector', 'camera cam-a', 'camera cam-b', 'segment seg-a'],
    );
  },
);

t.test('availability: a begin of longer ago than any notice takes is not believed', async (t) => {
  const world = await watched(t);
  await world.clock.advance(HOUR);
  const beganMs = world.clock.monotonicMs();
  await world.clock.advance(11 * MINUTE);
  world.camera('cam-a', 'down', { beganMs });
  await world.clock.advance(HOUR);
  await world.stop();
  const line = world.line('cam-a', ...DAY_1);
  t.match(line, { detectMs: undefined, incidents: [{ noticedMs: -1 }] });
  t.ok(line.downMs <= HOUR, `${line.downMs}`);
});

t.test('availability: what a killed agent did not see is unknown, and proves nothing', async (t) => {
  const world = await watched(t);
  await world.clock.advance(6 * HOUR);
  world.kill();
  await world.restart('synced', world.clock.wallMs() + 6 * HOUR);
  await world.clock.advance(12 * HOUR);
  await world.stop();
  const line = world.line('cam-a', ...DAY_1);
  t.equal(line.countedMs, DAY);
  t.ok(Math.abs(line.unknownMs - 6 * HOUR) <= BLUR, `${line.unknownMs}`);
  t.ok(Math.abs((line.provenPercent ?? 0) - 75) < 0.3);
  t.equal(line.knownPercent, 100);
  t.same(line.incidents, []);
});

t.test('availability: a camera that was down before and after a kill has one incident', async (t) => {
  const world = await watched(t);
  await world.clock.advance(HOUR);
  world.camera('cam-a', 'down');
  await world.clock.advance(HOUR);
  world.kill();
  await world.restart('synced', world.clock.wallMs() + HOUR);
  await world.clock.advance(HOUR);
  world.camera('cam-a', 'ok');
  await world.clock.advance(HOUR);
  await world.stop();
  const [incident, ...more] = world.line('cam-a', ...DAY_1).incidents;
  t.same(more, []);
  t.ok(Math.abs((incident ? incident.untilMs - incident.fromMs : 0) - 3 * HOUR) <= BLUR);
});

t.test('availability: a fault that lasts into a month is read from where it began', async (t) => {
  const world = await watched(t, JUNE - DAY);
  await world.clock.advance(HOUR);
  const beganMs = world.clock.wallMs();
  world.camera('cam-a', 'down', { cause: 'camera-stalled' });
  await world.clock.advance(HOUR);
  world.camera('cam-a', 'down');
  await world.clock.advance(HOUR);
  world.kill();
  await world.restart('synced', JUNE - HOUR);
  await world.clock.advance(2 * HOUR);
  world.camera('cam-a', 'ok');
  await world.clock.advance(HOUR);
  await world.stop();
  const { incidents, repairMs, countedMs } = world.line('cam-a', ...DAY_1);
  t.match(incidents, [{ cause: 'camera-unreachable', open: false, noticedMs: -1 }]);
  t.ok(Math.abs((incidents[0]?.fromMs ?? 0) - beganMs) <= BLUR, 'with its first cause, before the restart');
  t.ok(Math.abs((repairMs ?? 0) - 24 * HOUR) <= BLUR, `${repairMs}`);
  t.equal(countedMs, 2 * HOUR, 'and counts in the month from its first day on');
  const may = world.line('cam-a', '2026-05-31', '2026-05-31');
  t.match(may.incidents, [{ open: true, repairMs: undefined }]);
});

t.test('availability: reports go back thirteen months, and what is older is forgotten', async (t) => {
  const world = await watched(t);
  await world.clock.advance(2 * HOUR);
  world.kill();
  await world.restart('synced', JUNE + 399 * DAY);
  await world.clock.advance(2 * HOUR);
  const kept = () =>
    world.store.timeline.of('cam-a', 0, JUNE + DAY).own.filter(({ state }) => state === 'ok');
  t.equal(kept().length, 1, 'after 399 days it is there');
  world.kill();
  await world.restart('synced', JUNE + 401 * DAY);
  await world.clock.advance(2 * HOUR);
  t.equal(kept().length, 0, 'after 401 it is not');
  await world.stop();
});

t.test(
  'availability: with a clock that cannot be believed nothing is dated, and all is dated when it can',
  async (t) => {
    const world = await watched(t);
    await world.clock.advance(2 * HOUR);
    await world.stop();
    // The box wakes in 1970, two hours later, and knows the time after three more.
    await world.restart('untrusted', 1_000_000);
    await world.clock.advance(HOUR);
    world.camera('cam-a', 'down');
    await world.clock.advance(HOUR);
    world.camera('cam-a', 'ok');
    await world.clock.advance(HOUR);
    t.equal(world.store.timeline.of('cam-a', 0, JUNE).own.length, 0, 'nothing in 1970');
    world.clock.jumpWall(JUNE + 7 * HOUR - world.clock.wallMs());
    world.trust = 'synced';
    await world.clock.advance(17 * HOUR);
    await world.stop();
    const line = world.line('cam-a', ...DAY_1);
    const [incident] = line.incidents;
    t.equal(Math.round(line.unknownMs / HOUR), 2);
    t.equal(Math.round(line.downMs / HOUR), 1);
    t.equal(Math.round(((incident?.fromMs ?? 0) - JUNE) / HOUR), 5, 'it is where it was');
    t.equal(line.countedMs, DAY);
  },
);

t.test(
  'availability: a trusted clock that is set leaves the time before it unknown, and never doubles it',
  async (t) => {
    const world = await watched(t);
    await world.clock.advance(2 * HOUR);
    world.clock.jumpWall(3 * HOUR);
    await world.clock.advance(2 * HOUR);
    world.clock.jumpWall(-5 * HOUR);
    await world.clock.advance(2 * HOUR);
    await world.stop();
    const reopened = new Watched(world.folder, JUNE + 20 * HOUR);
    const read = reopened.store.timeline.of('cam-a', JUNE - DAY, JUNE + DAY).own;
    for (const [index, span] of read.entries())
      if (index > 0) t.ok(span.fromMs >= (read[index - 1]?.untilMs ?? 0), 'none holds the moment of another');
    const line = reopened.line('cam-a', ...DAY_1);
    t.ok(line.unknownMs >= 3 * HOUR - BLUR);
    reopened.store.close();
  },
);

t.test('availability: a process that stood still saw nothing meanwhile', async (t) => {
  const world = await watched(t);
  await world.clock.advance(HOUR);
  world.clock.standStill(HOUR);
  await world.clock.advance(22 * HOUR);
  await world.stop();
  t.ok(Math.abs(world.line('cam-a', ...DAY_1).unknownMs - HOUR) <= BLUR);
});

t.test(
  'availability: announced work does not count and is shown, and ends where it really ended',
  async (t) => {
    const world = await watched(t);
    const window = {
      ...{ id: 'win-1', subjects: ['cam-a'], by: 'Mme Noir', why: 'remplacement du mât' },
      ...{ startMs: JUNE + HOUR, endMs: JUNE + 5 * HOUR },
    };
    await world.clock.advance(HOUR);
    world.windows = [window];
    await world.clock.advance(30 * MINUTE);
    world.camera('cam-a', 'down');
    world.kill();
    await world.restart('synced', JUNE + 2 * HOUR);
    await world.clock.advance(HOUR);
    world.camera('cam-a', 'ok');
    await world.clock.advance(MINUTE);
    world.windows = [];
    await world.clock.advance(21 * HOUR - MINUTE);
    await world.stop();
    const report = world.report(...DAY_1);
    t.match(report.planned, [
      { id: 'win-1', subject: 'cam-a', fromMs: JUNE + HOUR, why: 'remplacement du mât' },
    ]);
    const line = world.line('cam-a', ...DAY_1);
    t.ok(Math.abs(line.plannedMs - 2 * HOUR) <= BLUR, `${line.plannedMs}`);
    t.same(line.incidents, [], 'what was announced is no incident');
    t.equal(line.provenPercent, 100);
    t.equal(line.countedMs + line.plannedMs, DAY);
  },
);

t.test('availability: only what is configured counts; a name outlives its camera', async (t) => {
  const world = await watched(t);
  world.camera('cam-b', 'ok');
  world.configure();
  await world.clock.advance(6 * HOUR);
  world.seen.delete('cam-b');
  world.configure();
  await world.clock.advance(18 * HOUR);
  const gone = world.line('cam-b', ...DAY_1);
  t.equal(gone.facts.name, 'Nom de cam-b');
  t.ok(Math.abs(gone.countedMs - 6 * HOUR) <= BLUR);
  t.equal(gone.provenPercent, 100);
  const report = world.report(...DAY_1);
  t.match(report.days, [{ day: '2026-06-01', configured: 2, connected: 2, cameras: ['cam-a', 'cam-b'] }]);
  t.same(
    report.places.map(({ id }) => id),
    ['cam-a'],
  );
  t.equal(report.days[0]?.hash, createHash('sha256').update('cam-a\ncam-b').digest('hex'));
  await world.clock.advance(DAY);
  await world.stop();
  t.throws(() => world.line('cam-b', '2026-06-02', '2026-06-02'), 'not in the report of a day without it');
});

t.test('availability: a camera taken away while the box was off is not missed from then on', async (t) => {
  const world = await watched(t);
  world.camera('cam-b', 'ok');
  world.configure();
  await world.clock.advance(HOUR);
  world.kill();
  world.seen.delete('cam-b');
  await world.restart('synced', JUNE + 2 * HOUR);
  await world.clock.advance(22 * HOUR);
  await world.stop();
  t.ok(Math.abs(world.line('cam-b', ...DAY_1).countedMs - HOUR) <= BLUR);
  t.equal(world.line('cam-a', ...DAY_1).countedMs, DAY);
});

t.test(
  'availability: the month is told once when it is over, right across both changes of the clock',
  async (t) => {
    for (const [month, hours, startMs] of [
      ['2026-03', 743, Date.UTC(2026, 1, 28, 23)],
      ['2026-10', 745, Date.UTC(2026, 8, 30, 22)],
    ] as const) {
      const world = await watched(t, startMs - DAY);
      await world.clock.advance(DAY + 4 * HOUR);
      world.kill();
      // A month passes in steps, so that the test need not look at each second of it.
      await world.restart('synced', startMs + (hours - 2) * HOUR);
      await world.clock.advance(2 * HOUR + 11 * MINUTE);
      const told = world.recorder.of('event', 'cameraAvailability', 'cam-a').map(({ fields }) => fields);
      t.match(told.at(-1), {
        ...{ from: `${month}-01`, complete: true, subject: 'cam-a', counted_s: hours * 3600 },
      });
      t.equal((told.at(-1)?.until_ts as number) - (told.at(-1)?.from_ts as number), hours * HOUR);
      const before = told.length;
      world.kill();
      await world.restart();
      await world.clock.advance(HOUR);
      t.equal(world.recorder.of('event', 'cameraAvailability', 'cam-a').length, before, 'once');
      await world.stop();
    }
  },
);

t.test('availability: a report on order is bounded, and its messages keep their schema', async (t) => {
  const world = await watched(t);
  world.seen.set('collector', {
    ...{ subject: 'collector', track: 'health', state: 'ok', cause: 'none', side: 'none', via: undefined },
  });
  world.figures = [{ subject: 'cam-a', name: 'clock_off_ms', value: 840.4 }];
  world.configure();
  await world.clock.advance(HOUR);
  t.match(
    await world.room.publish({ from: '2026-06-01', to: '2026-06-01' }, NEVER),
    /2 elements, the period is not over/,
  );
  const site = world.recorder.of('event', 'siteAvailability').at(-1)?.fields;
  t.match(site, { connected_days: '1', connected_max: 1, target_camera_percent: 99, complete: false });
  const day = createHash('sha256').update('cam-a').digest('hex');
  const hash = createHash('sha256').update(`2026-06-01 ${day}\n`).digest('hex');
  t.equal(site?.connected_hash, hash);
  t.match(world.store.register.lines(1, 10).at(-1), {
    ...{ action: 'report.published', who: 'box', subject: '2026-06-01 2026-06-01', result: 'done' },
    detail: `connected cameras: ${hash}`,
  });
  const camera = world.recorder.of('event', 'cameraAvailability').at(-1)?.fields;
  t.match(camera, { clock_off_ms: 840, proven_percent: 100 });
  for (const [from, to] of [
    ['2026-06-02', '2026-06-01'],
    ['2026-06-02', '2026-06-30'],
    ['2024-01-01', '2024-01-31'],
    ['2025-01-01', '2026-06-01'],
  ] as const)
    await t.rejects(
      world.room.publish({ from, to }, NEVER),
      { code: 'order-out-of-bounds' },
      `${from} ${to}`,
    );
  await world.stop();
});

t.test('availability: while a long report is put together everything else goes on', async (t) => {
  const world = await watched(t);
  const cameras = Array.from({ length: 60 }, (_, n) => `cam-${n}`);
  for (const camera of cameras) world.camera(camera, 'ok');
  world.configure(false);
  await world.clock.advance(HOUR);
  let [turns, isOver] = [0, false];
  const others = (async () => {
    for (; !isOver; turns += 1) await turn();
  })();
  const day = { from: DAY_1[0], to: DAY_1[1] };
  const [first, second] = await Promise.all([world.room.publish(day, NEVER), world.room.publish(day, NEVER)]);
  isOver = true;
  await others;
  t.match([first, second], [/^report on .*: 61 elements/, /^report on .*: 61 elements/]);
  t.ok(turns >= 2 * cameras.length, `${turns} turns of others, one report after the other`);
  const order = new AbortController();
  const late = ['at work', 'behind it'].map((what) =>
    t.rejects(world.room.publish(day, order.signal), { message: 'late' }, `${what}: not gone on with`),
  );
  await turn();
  order.abort(new Error('late'));
  await Promise.all(late);
  const cut = world.room.publish(day, NEVER);
  const ended = t.rejects(cut, { name: 'AbortError' }, 'an agent that ends does not wait for it');
  await world.stop();
  await ended;
  t.equal(world.recorder.of('event', 'cameraAvailability', 'cam-1').length, 2, 'and half of one is not sent');
});
