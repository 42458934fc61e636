import t from 'tap';
import type { ClockTrust } from '../../agent/base/clock.ts';
import { DAYS, type LeaseTerms } from '../../agent/contract/lease-terms.ts';
import type { LeaseOpening } from '../../agent/contract/video-link.ts';
import type { SigningKey } from '../../agent/trust/keys.ts';
import { signOrder } from '../../agent/trust/sign.ts';
import { LeaseDoubts } from '../../agent/viewing/lease-doubts.ts';
import { TestClock } from '../support/test-clock.ts';
import { leaseOrder, NOW_S, OTHER_PARTNER, PARTNER, termsOf, tried } from '../trust/lease-parts.ts';
import { OPERATOR, SITE } from '../trust/support.ts';
import {
  CONFIGURATIONS,
  FLAWS,
  FORGERIES,
  OPEN,
  Play,
  playStories,
  reached,
  SLACK_MS,
  type Step,
} from './model.ts';
import { World } from './world.ts';

/** A longer campaign is in model.long.ts. */
const RUNS = 20;

t.test(
  'leases: over orders, clocks, restarts and configurations a partner’s camera is open on a lease alone',
  async (t) => {
    await playStories(t, RUNS);
    t.ok(reached.opened >= RUNS, `${reached.opened} opened`);
    t.ok(reached.forged > 0, `${reached.forged} forged`);
    t.ok(reached.pictures >= RUNS, `${reached.pictures} messages of pictures`);
  },
);

t.test('leases: the stories are not vacuous: each rule alone closes what was open', async (t) => {
  const endings: Step[][] = [
    [{ do: 'wait', ms: 400_000 }],
    [{ do: 'jump', ms: 600_000 }],
    [{ do: 'trust', trust: 'untrusted' }],
    [
      { do: 'link', up: false },
      { do: 'wait', ms: 30_000 },
    ],
    [
      { do: 'link', up: true, silent: true },
      { do: 'wait', ms: 30_000 },
    ],
    [{ do: 'agent', how: 'kill' }],
    [{ do: 'agent', how: 'stop' }],
    [{ do: 'video', how: 'kill' }],
    [{ do: 'close', by: 'partner' }],
    [{ do: 'close', by: 'csu' }],
    [{ do: 'close', by: 'followup' }],
    ...Object.keys(CONFIGURATIONS)
      .filter((name) => name !== 'same')
      .map((name): Step[] => [{ do: 'configure', name }]),
  ];
  for (const ending of endings) {
    const world = await World.create();
    const play = new Play(world);
    await play.run([OPEN]);
    t.equal(world.pulled.size, 1, `open before ${JSON.stringify(ending)}`);
    await play.run(ending);
    await world.clock.advance(SLACK_MS);
    t.equal(world.pulled.size, 0, `closed by ${JSON.stringify(ending)}`);
    if (world.agentLives) t.same(world.room.status(), [], 'which the agent knows');
    await world.end();
  }
});

t.test('leases: one that becomes a partner’s is no longer shown in clear, view or not', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const play = new Play(world);
  const before = reached.clear;
  await play.run([
    { do: 'view', camera: 'cam-hall' },
    { do: 'configure', name: 'not leased' },
    { do: 'view', camera: 'cam-hall' },
  ]);
  await play.run([{ do: 'wait', ms: 300 }]);
  t.ok(reached.clear > before, 'it was');
  t.ok([...world.plain.values()].includes('cam-hall'));
  await play.run([{ do: 'configure', name: 'same' }]);
  await play.run([OPEN, { do: 'view', camera: 'cam-hall' }, { do: 'agent', how: 'kill' }]);
  await play.run([{ do: 'agent', how: 'start' }]);
  t.same([...world.plain.values()], ['cam-parvis'], 'and the one of the commune goes on');
});

t.test('leases: each flaw alone opens nothing where an order without it opens', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const play = new Play(world);
  for (const flaw of FLAWS) await play.run([{ do: 'open', minutes: 5, flaw }]);
  for (const how of FORGERIES) await play.run([{ do: 'forge', how }]);
  t.same(
    world.refusals.slice(-2),
    ['order-unknown-target', 'order-unknown-target'],
    'what is for another camera, or by another name, is named so',
  );
  t.equal(world.pulls, 0, `not with any of ${FLAWS.length} flaws nor ${FORGERIES.length} forgeries`);
  await play.run([OPEN, { do: 'close', by: 'csu' }]);
  t.equal(world.pulls, 1);
  for (const how of FORGERIES) await play.run([{ do: 'forge', how }]);
  t.equal(world.pulls, 1, 'nor after one that was opened');
});

t.test('leases: while one is open the other end of the link is asked in good time', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  t.equal(world.watchedMs, Number.POSITIVE_INFINITY);
  const play = new Play(world);
  await play.run([OPEN]);
  t.equal(world.watchedMs, 5_000, 'of the 20 s of the convention');
  await play.run([
    { do: 'close', by: 'csu' },
    { do: 'wait', ms: 300 },
  ]);
  t.equal(world.watchedMs, Number.POSITIVE_INFINITY);
});

/** What became of the order that was given last. */
const outcome = (world: World) => world.events('command').at(-1);

t.test('leases: with the link to the centre lost none opens', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  await new Play(world).run([{ do: 'link', up: false }, OPEN]);
  t.match(outcome(world), { status: 'rejected', cause: 'lease-not-safe' });
  t.equal(world.pulls, 0);
});

t.test('leases: with a disk that refuses none opens', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  Object.defineProperty(world.store, 'durable', { value: false });
  const nowS = world.clock.wallMs() / 1000;
  const order = leaseOrder({ iat: nowS, exp: nowS + 60, start: nowS, end: nowS + 60 });
  await world.order(signOrder(order, [PARTNER]));
  t.match(outcome(world), { status: 'rejected', cause: 'lease-not-safe' });
  t.equal(world.pulls, 0);
});

t.test('leases: the agent ends one by its own monotonic clock, whatever its wall clock says', (t) => {
  const clock = new TestClock(NOW_S * 1000);
  const control = { link: () => ({ up: true, heardMs: clock.monotonicMs() }), watch: () => undefined };
  const doubts = new LeaseDoubts({ clock, clockTrust: () => 'synced', control });
  const open = (deadlineMs: number) => doubts.of({ lease: tried(), fingerprint: '', deadlineMs });
  t.equal(open(clock.monotonicMs() + 1), undefined);
  t.equal(open(clock.monotonicMs()), 'end');
  t.end();
});

t.test('leases: what the database knew that was lost opens nothing a second time', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const play = new Play(world);
  await play.run([OPEN, { do: 'close', by: 'csu' }, { do: 'agent', how: 'kill' }, { do: 'wait', ms: 2_000 }]);
  world.loseDatabase();
  await play.run([
    { do: 'agent', how: 'start' },
    { do: 'wait', ms: 300 },
  ]);
  await world.order(play.lastOrder);
  t.match(outcome(world), { status: 'rejected', cause: 'lease-not-safe' });
  t.equal(world.pulls, 1);
});

t.test('leases: no other partner closes one', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const play = new Play(world);
  await play.run([OPEN]);
  const [open] = world.room.status();
  const nowS = Math.floor(world.clock.wallMs() / 1000);
  const words = { camera: 'cam-hall', lease: open?.channel, operator: 'x', command: 'lease.close' };
  const claims = { typ: 'command', aud: SITE, jti: 'close-by-another', iat: nowS, exp: nowS + 60 };
  await world.order(signOrder({ ...claims, ...words }, [OTHER_PARTNER]));
  t.match(outcome(world), { status: 'rejected', cause: 'lease-wrong-partner' });
  t.equal(world.pulled.size, 1, 'it stands');
});

/** The test speaks to the video process as an agent that wants a lease open for ever. */
async function badAgent(
  world: World,
  terms: Partial<LeaseTerms> = {},
): Promise<{ open(): Promise<void>; hold(clock?: ClockTrust): void }> {
  await world.killAgent();
  const order = leaseOrder({ iat: NOW_S + 1, exp: NOW_S + 61, start: NOW_S, end: NOW_S + 301 });
  const camera = { camera: 'cam-hall', url: 'rtsp://cam-hall/', transport: 'tcp' as const };
  const opening: Omit<LeaseOpening, 'creditBytes'> = {
    ...{ lease: order.jti, jws: signOrder(order, [PARTNER]), terms: termsOf(terms), clock: 'synced' },
    camera: { ...camera, fragmentMs: 20, stallTimeoutMs: 5000, regime: 'leased' },
  };
  return {
    open: () => world.forge(opening),
    hold: (clock = 'synced') => world.keeper?.hold([order.jti], clock),
  };
}

t.test('leases: one that is signed for in a moment opens at its start, once, and not before', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const nowS = world.clock.wallMs() / 1000;
  const ahead = () =>
    signOrder(leaseOrder({ iat: nowS, exp: nowS + 60, start: nowS + 9, end: nowS + 69 }), [PARTNER]);
  const orders = [world.order(ahead()), world.order(ahead())];
  await world.clock.advance(8_900);
  t.equal(world.pulls, 0, 'not before');
  t.equal(world.watchedMs, 5_000, 'the other end of the link is asked by then');
  await world.clock.advance(200);
  await Promise.all(orders);
  t.equal(world.pulls, 1);
  t.match(world.room.status(), { length: 1 }, 'and one for one recipient');
  t.equal(world.events('command').filter(({ cause }) => cause === 'channel-open').length, 1);
  await world.clock.advance(60_000 - 500);
  t.equal(world.pulled.size, 1);
  await world.clock.advance(SLACK_MS);
  t.equal(world.pulled.size, 0, 'closed at its end');
});

const BEFORE_ITS_START = [
  { key: PARTNER, command: 'lease.close', by: 'order', detail: 'closed by x before its start' },
  { key: OPERATOR, command: 'lease.close', by: 'order', detail: 'closed by x before its start' },
  {
    ...{ key: OPERATOR, command: 'lease.followup', by: 'followup' },
    detail: 'closed by the follow-up of x before its start',
  },
] as const;

t.test('leases: one that waits for its start is closed by partner or CSU, and never opens', async (t) => {
  for (const { key, command, by, detail } of BEFORE_ITS_START) {
    const world = await World.create();
    const nowS = world.clock.wallMs() / 1000;
    const claims = { iat: nowS, exp: nowS + 60 };
    const order = leaseOrder({ ...claims, start: nowS + 9, end: nowS + 69 });
    const words = { camera: 'cam-hall', lease: order.jti, operator: 'x' };
    const give = (jti: string, signer: SigningKey, more: object) =>
      world.order(signOrder({ typ: 'command', aud: SITE, ...claims, jti, ...words, ...more }, [signer]));
    const close = (jti: string, signer: SigningKey) => give(jti, signer, { command: 'lease.close' });
    const opening = world.order(signOrder(order, [PARTNER]));
    await close('close-by-another', OTHER_PARTNER);
    t.match(outcome(world), { status: 'rejected', cause: 'lease-wrong-partner' });
    const isFollowup = command === 'lease.followup';
    await give('close-in-time', key, { command, ...(isFollowup ? { done: 'appel annulé' } : {}) });
    await opening;
    const ends = world
      .events('command')
      .filter(({ status }) => status === 'successful' || status === 'failed');
    t.match(ends, [
      { command_id: 'close-in-time', status: 'successful' },
      { command_id: order.jti, status: 'failed', cause: 'channel-closed' },
    ]);
    await close('close-again', key);
    t.match(outcome(world), { status: 'rejected', cause: 'order-unknown-channel' });
    await world.clock.advance(10_000);
    t.equal(world.pulls, 0, 'it never opens');
    for (const told of ['channel', 'consignation'] as const) {
      const lines = world.events(told).filter(({ action }) => action !== 'lease.refused');
      const of = { channel: order.jti, who: key.kid, bytes: 0 };
      t.match(lines, [
        { ...of, action: 'lease.closed', closed_by: by, operator: 'c.weber', detail },
        ...(isFollowup ? [{ ...of, action: 'lease.followup', detail: 'appel annulé' }] : []),
      ]);
    }
    await new Play(world).run([OPEN]);
    t.equal(world.pulled.size, 1, 'the next one does');
    await world.end();
  }
});

t.test('leases: one that is closed while it is being opened says so at once', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const nowS = world.clock.wallMs() / 1000;
  const claims = { iat: nowS, exp: nowS + 60 };
  const order = leaseOrder({ ...claims, start: nowS, end: nowS + 60 });
  const opening = world.order(signOrder(order, [PARTNER]));
  while ([...world.room.status()].length === 0) await undefined; // no longer: the video process is to be at work
  const words = { camera: 'cam-hall', lease: order.jti, operator: 'x', command: 'lease.close' };
  await world.order(
    signOrder({ typ: 'command', aud: SITE, ...claims, jti: 'close-at-once', ...words }, [PARTNER]),
  );
  await opening;
  const failed = world.events('command').filter(({ status }) => status === 'failed');
  t.match(failed, [{ command_id: order.jti, cause: 'channel-closed', detail: /before it was open: order/ }]);
});

t.test('leases: the next video process opens no lease that the one before had open', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const agent = await badAgent(world);
  await agent.open();
  t.equal(world.pulls, 1);
  await agent.open();
  t.equal(world.pulls, 1, 'nor does the same one twice');
  await world.killVideo();
  await world.clock.advance(2_000);
  await world.startVideo();
  await agent.open();
  t.equal(world.pulls, 1);
});

t.test(
  'leases: the video process closes at the hard end by its own clock, whatever an agent says',
  async (t) => {
    const world = await World.create();
    t.teardown(() => world.end());
    const agent = await badAgent(world);
    await agent.open();
    const openS = async (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        agent.hold();
        await world.clock.advance(1_000);
        world.clock.jumpWall(-1_000); // by wall time it never ends
      }
      return world.pulled.size;
    };
    t.equal(await openS(290), 1, 'open within its time');
    t.equal(await openS(12), 0, 'closed after it');
    const { length } = world.published;
    await world.pictures();
    t.equal(world.published.length, length);
  },
);

t.test('leases: the video process closes by hours, wall clock and doubt of it by itself', async (t) => {
  const endings: Record<string, (world: World) => ClockTrust> = {
    'the hours are over': (world) => {
      world.clock.jumpWall(120_000);
      return 'synced';
    },
    'the end is past by the wall clock': (world) => {
      world.clock.jumpWall(301_000);
      return 'synced';
    },
    'the clock went back behind its start': (world) => {
      world.clock.jumpWall(-90_000);
      return 'synced';
    },
    'the clock is not believed': () => 'untrusted',
  };
  for (const [title, ending] of Object.entries(endings)) {
    const world = await World.create();
    const hours = title.includes('hours') ? { hours: [{ days: [...DAYS], from: '08:00', to: '10:02' }] } : {};
    const agent = await badAgent(world, hours);
    await agent.open();
    agent.hold();
    await world.clock.advance(1_000);
    t.equal(world.pulled.size, 1, 'open before');
    await world.pictures();
    const { length } = world.published;
    t.ok(length > 0);
    agent.hold(ending(world));
    await world.pictures();
    t.equal(world.published.length, length, 'no picture goes out, before anybody has looked');
    await world.clock.advance(1_000);
    t.equal(world.pulled.size, 0, title);
    await world.end();
  }
});

t.test('leases: who may no longer see is cut off at once, and not at the next look', async (t) => {
  for (const cut of ['an agent that names it no more', 'an agent that is away'] as const) {
    const world = await World.create();
    const agent = await badAgent(world);
    await agent.open();
    t.equal(world.pulled.size, 1);
    if (cut === 'an agent that is away') world.keeper?.agentLost();
    else world.keeper?.hold([], 'synced');
    await world.clock.advance(0);
    t.equal(world.pulled.size, 0, cut);
    await world.end();
  }
});

t.test('leases: one whose agent goes while it is being opened does not touch the camera', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const agent = await badAgent(world);
  const opened = agent.open();
  world.keeper?.agentLost();
  await opened;
  t.same(world.refusals, ['lease-none']);
  t.equal(world.pulls, 0);
});

t.test('leases: a video process that stops opens no more', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const agent = await badAgent(world);
  await world.keeper?.stop();
  await agent.open();
  t.same(world.refusals, ['lease-none']);
  t.equal(world.pulls, 0);
});

t.test('leases: of a picture nothing is kept that is not on its way', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  await new Play(world).run([OPEN]);
  for (let group = 0; group < 3; group += 1) await world.pictures();
  t.ok(world.published.length > 5);
  t.ok(world.held <= 1, `${world.held} are held: the one that waits for its successor`);
});

t.test(
  'leases: the agent closes at the hard end by its own clock, whatever the video process says or hears',
  async (t) => {
    const world = await World.create();
    t.teardown(() => world.end());
    await new Play(world).run([OPEN]);
    world.deaf = true;
    for (let second = 0; second < 290; second += 1) {
      await world.clock.advance(1_000);
      world.clock.jumpWall(-1_000); // by wall time it never ends
    }
    t.ok(world.room.mayPull('cam-hall'), 'open within its time');
    for (let second = 0; second < 12; second += 1) {
      await world.clock.advance(1_000);
      world.clock.jumpWall(-1_000);
    }
    t.notOk(world.room.mayPull('cam-hall'), 'closed after it');
    t.same(world.room.status(), []);
  },
);

t.test('leases: what the recipient did not get stands beside what it got, for the partner too', async (t) => {
  const world = await World.create();
  t.teardown(() => world.end());
  const play = new Play(world);
  await play.run([OPEN]);
  await world.pictures();
  await world.pictures(); // the last fragment of a group waits for the next group
  world.brokerUp = false;
  await world.pictures();
  world.brokerUp = true;
  await play.run([{ do: 'close', by: 'partner' }]);
  await world.clock.advance(SLACK_MS);
  const [closed] = world.events().filter(({ action }) => action === 'lease.closed');
  const { frames, lost_frames } = closed as { frames: number; lost_frames: number };
  t.ok(frames > 0 && lost_frames > 0, `${frames} and ${lost_frames}`);
  const [line] = world.events('consignation').filter(({ action }) => action === 'lease.closed');
  t.match(JSON.parse(String(line?.line_detail)), { frames, lost_frames }, 'in the register');
  t.match(line, { frames, lost_frames });
});
