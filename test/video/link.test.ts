import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { DeviceError } from '../../agent/base/errors.ts';
import { createLog } from '../../agent/base/log.ts';
import type { VideoCamera, VideoToAgent } from '../../agent/contract/video-link.ts';
import { MAX_LINE_BYTES } from '../../agent/contract/video-link-limits.ts';
import { LinkClient } from '../../agent/video/link-client.ts';
import { VideoLink } from '../../agent/video/link-server.ts';
import { PermitDesk } from '../../agent/video/permit-desk.ts';
import { TestClock } from '../support/test-clock.ts';
import { AgentEnd, cameraAt } from './plane.ts';

const log = createLog('error', { write: () => undefined });
const HELLO = { type: 'hello', pid: 1, run: randomUUID(), software: 'test', firstGap: 1 };

/** A folder whose path is short enough for a socket. */
async function socketIn(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'link-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return join(folder, 'video.sock');
}

async function agent(t: Test, at?: string) {
  const socketPath = at ?? (await socketIn(t));
  const end = new AgentEnd(socketPath);
  await end.start();
  t.teardown(() => end.stop());
  return { end, socketPath };
}

/** A peer that says what it likes. */
async function raw(t: Test, socketPath: string): Promise<Socket> {
  const socket = createConnection(socketPath);
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const say = (socket: Socket, message: object) => socket.write(`${JSON.stringify(message)}\n`);

/** The video process's end with nothing behind it. */
function client(t: Test, socketPath: string) {
  const desk = new PermitDesk();
  const lists: (readonly VideoCamera[])[] = [];
  const views: string[][] = [];
  const leases: string[] = [];
  const restarted: string[] = [];
  const looks: string[] = [];
  const standing: VideoToAgent[] = [];
  const link = new LinkClient(
    {
      ...{ clock: systemClock, log, random: Math.random, desk },
      orders: {
        setCameras: (list) => lists.push(list),
        setBackbone: () => undefined,
        setViews: (list) => views.push(list.map(({ view }) => view)),
        restart: (camera) => restarted.push(camera),
      },
      leases: {
        open: ({ camera }) => leases.push(`open ${camera.camera}`),
        hold: (standing, clock) => leases.push(`hold ${standing.join()} ${clock}`),
        agentLost: () => leases.push('agent lost'),
      },
      pictures: {
        look: (camera) => looks.push(camera),
        forgetAll: () => looks.push('forget all'),
      },
      standing: () => standing,
      alive: () => ({ type: 'alive', brokerConnected: true, rssMb: 1 }),
    },
    { socketPath, software: 'test' },
  );
  t.teardown(() => link.stop());
  return { link, desk, lists, views, leases, looks, restarted, standing };
}

const never = () => new AbortController().signal;

t.test('link: the socket is for the user of the agent alone', async (t) => {
  const { socketPath } = await agent(t);
  t.equal((await stat(socketPath)).mode & 0o777, 0o600);
});

t.test('link: a socket file that a killed agent left behind is taken over', async (t) => {
  const socketPath = await socketIn(t);
  await writeFile(socketPath, '');
  const { end } = await agent(t, socketPath);
  const { link } = client(t, socketPath);
  await link.start(never());
  await end.until(() => end.connections === 1);
  t.pass();
});

t.test('link: a second agent does not take the socket of the first', async (t) => {
  const { socketPath } = await agent(t);
  await t.rejects(new AgentEnd(socketPath).start(), { code: 'internal', message: /another agent/ });
});

t.test('link: a runtime folder whose path is too long for a socket is refused in words', async (t) => {
  const path = join(await socketIn(t), 'x'.repeat(100));
  await t.rejects(new AgentEnd(path).start(), { code: 'box-file-invalid', message: /at most 107 bytes/ });
});

t.test('link: what breaks the protocol ends the connection, and the next one is good', async (t) => {
  const { end, socketPath } = await agent(t);
  const bad: (string | Buffer)[] = [
    'rubbish\n',
    '{"type":"hello"}\n',
    `${JSON.stringify({ ...HELLO, extra: 1 })}\n`,
    `${JSON.stringify({ type: 'alive', brokerConnected: true, rssMb: 1 })}\n`,
    Buffer.alloc(MAX_LINE_BYTES + 1024, 0x20),
    Buffer.from([0xff, 0xfe, 0x0a]),
  ];
  for (const bytes of bad) {
    const socket = await raw(t, socketPath);
    const closed = once(socket, 'close');
    socket.write(bytes);
    socket.resume();
    await closed;
  }
  t.equal(end.connections, 0);
  const { link } = client(t, socketPath);
  await link.start(never());
  await end.until(() => end.connections === 1);
});

t.test('link: messages may come in any pieces', async (t) => {
  const { end, socketPath } = await agent(t);
  const socket = await raw(t, socketPath);
  const report = { type: 'stream', camera: 'cam-a', phase: 'failed', detail: 'é'.repeat(20) };
  const bytes = Buffer.from(`${JSON.stringify(HELLO)}\n${JSON.stringify(report)}\n`);
  for (const byte of bytes) {
    socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await end.until(() => end.streams.length === 1);
  t.equal(end.streams[0]?.detail, report.detail);
});

t.test('link: a newer video process takes the place of the older', async (t) => {
  const { end, socketPath } = await agent(t);
  const older = await raw(t, socketPath);
  const closed = once(older, 'close');
  say(older, HELLO);
  say(older, { type: 'permit-request', request: 1, camera: 'cam-a' });
  await once(older, 'data');
  t.same(end.held, ['cam-a']);
  const first = end.link.process;
  const newer = await raw(t, socketPath);
  say(newer, { ...HELLO, run: randomUUID() });
  await closed;
  t.not(end.link.process, first, 'and is another one, although its process id is the same');
  t.same(end.held, [], 'its permits came back');
  say(newer, { type: 'stream', camera: 'cam-a', phase: 'playing', detail: '' });
  await end.until(() => end.streams.length === 1);
  t.equal(end.link.connected, true);
});

t.test('link: a video process that falls silent is cut', async (t) => {
  const clock = new TestClock();
  const socketPath = await socketIn(t);
  const gone = Promise.withResolvers<void>();
  const here = Promise.withResolvers<void>();
  const silent = Promise.withResolvers<void>();
  const ignore = () => undefined;
  const link = new VideoLink(
    {
      ...{ clock, log },
      permits: { acquire: () => Promise.reject(new DeviceError('camera-latched', 'none')) },
      handlers: {
        ...{
          stream: ignore,
          measure: ignore,
          channel: ignore,
          destination: ignore,
          pause: ignore,
          reached: ignore,
          gap: ignore,
          eventTrack: ignore,
          cameraEvents: ignore,
          alive: ignore,
          picture: ignore,
        },
        connected: () => here.resolve(),
        silent: () => silent.resolve(),
        disconnected: () => gone.resolve(),
      },
    },
    { socketPath },
  );
  await link.start(never());
  t.teardown(() => link.stop());
  const socket = await raw(t, socketPath);
  say(socket, HELLO);
  await here.promise;
  await clock.advance(14_000);
  t.equal(link.connected, true);
  await clock.advance(3_000);
  await silent.promise;
  await gone.promise;
  t.equal(link.connected, false);
});

t.test(
  'link: the list of cameras reaches each video process that comes, once the agent knows it',
  async (t) => {
    const { end, socketPath } = await agent(t);
    const { link, lists, restarted } = client(t, socketPath);
    await link.start(never());
    await end.until(() => end.connections === 1);
    t.equal(end.link.restart('cam-a'), true);
    while (restarted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    t.same(lists, [], 'no empty list before the agent knows');
    end.link.setCameras([cameraAt('cam-a', 'rtsp://127.0.0.1/a')]);
    while (lists.length === 0) await new Promise((resolve) => setImmediate(resolve));
    t.same(lists, [[cameraAt('cam-a', 'rtsp://127.0.0.1/a')]]);
  },
);

t.test('permits: are granted, used and given back through the link', async (t) => {
  const { end, socketPath } = await agent(t);
  const { link, desk } = client(t, socketPath);
  await link.start(never());
  await end.until(() => end.connections === 1);
  end.refusalsLeft = 1;
  const permit = await desk.acquire('cam-a', 1, never());
  t.same(await Promise.all([permit.tryLogin(), permit.tryLogin()]), [true, true]);
  permit.loginRefused();
  t.equal(await permit.tryLogin(), false, 'the agent says when it is enough');
  permit.release();
  permit.release();
  const next = await desk.acquire('cam-a', 1, never());
  t.equal(await next.tryLogin(), false);
  t.same(end.logins, [{ camera: 'cam-a', outcome: 'refused' }]);
  t.same(end.held, ['cam-a']);
});

t.test('permits: without the agent a login is tried again only while none was refused', async (t) => {
  const { end, socketPath } = await agent(t);
  const { link, desk } = client(t, socketPath);
  await t.rejects(
    desk.acquire('cam-a', 1, never()),
    { code: 'camera-connection-limit' },
    'nothing was ever granted',
  );
  await link.start(never());
  await end.until(() => end.connections === 1);
  const before = await desk.acquire('cam-a', 1, never());
  before.loginAccepted();
  const unproven = await desk.acquire('cam-b', 1, never());
  await end.stop();
  await awayFrom(desk);
  t.equal(await unproven.tryLogin(), false, 'what was never accepted is not tried without the agent');
  before.release();
  const alone = await desk.acquire('cam-a', 1, never());
  t.equal(await alone.tryLogin(), true);
  await t.rejects(desk.acquire('cam-a', 2, never()), { code: 'camera-connection-limit' }, 'another login');
  alone.loginRefused();
  t.equal(await alone.tryLogin(), false, 'one refusal is all there is');
  alone.release();
  await t.rejects(desk.acquire('cam-a', 1, never()), { code: 'camera-connection-limit' });

  const back = new AgentEnd(socketPath);
  await back.start();
  t.teardown(() => back.stop());
  await back.until(() => back.connections === 1);
  const permit = await desk.acquire('cam-a', 1, never());
  t.same(
    back.logins,
    [{ camera: 'cam-a', outcome: 'refused' }],
    'the refusal that nobody counted is counted now',
  );
  t.equal(await permit.tryLogin(), true);
});

t.test(
  'permits: where the name of a camera led when it was judged holds also without the agent',
  async (t) => {
    const { end, socketPath } = await agent(t);
    const { link, desk } = client(t, socketPath);
    await link.start(never());
    await end.until(() => end.connections === 1);
    end.addresses = ['192.0.2.7', '2001:db8::7'];
    const first = await desk.acquire('cam-a', 1, never());
    t.same(first.addresses, ['192.0.2.7', '2001:db8::7']);
    end.addresses = ['192.0.2.8'];
    t.same((await desk.acquire('cam-a', 1, never())).addresses, ['192.0.2.8']);
    end.addresses = undefined;
    t.equal((await desk.acquire('cam-b', 1, never())).addresses, undefined);
    await end.stop();
    await awayFrom(desk);
    t.same((await desk.acquire('cam-a', 1, never())).addresses, ['192.0.2.8'], 'where it was last');
    t.equal((await desk.acquire('cam-b', 1, never())).addresses, undefined);
  },
);

/** Resolves when the desk knows that the agent is away. */
async function awayFrom(desk: PermitDesk): Promise<void> {
  for (;;) {
    const alone = await desk.acquire('cam-none', 1, never()).then(
      () => false,
      () => true,
    );
    if (alone) return;
  }
}

const gap = (destination: string, at: number): VideoToAgent => ({
  ...{ type: 'gap', camera: 'cam-a', destination, code: 'broker-closed' },
  ...{ fromWallMs: at * 1000, untilWallMs: at * 1000 + 500, frames: 12 },
});

t.test('link: a gap is told to each agent, under its number, until one says that it keeps it', async (t) => {
  const socketPath = await socketIn(t);
  const { link, restarted } = client(t, socketPath);
  await link.start(never());
  const agents: AgentEnd[] = [];
  const next = async () => {
    const end = new AgentEnd(socketPath);
    agents.push(end);
    await end.start();
    await end.until(() => end.connections === 1);
    return end;
  };
  t.teardown(() => Promise.all(agents.map((end) => end.stop())));
  const [first, second, third] = [gap('mqtt', 1), gap('mqtt', 2), gap('dst-a', 3)];
  const one = await next();
  for (const each of [first, second]) link.send(each);
  await one.until(() => one.gaps.length === 2);
  t.same(one.gapNumbers, [1, 2]);
  await one.stop();
  link.send(third);
  const two = await next();
  await two.until(() => two.gaps.length === 3);
  t.same(two.gapNumbers, [1, 2, 3], 'the one that died may have kept nothing');
  two.link.keptGaps(randomUUID(), 3);
  two.link.keptGaps(two.link.process ?? '', 2);
  two.link.restart('cam-a');
  while (restarted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await two.stop();
  const three = await next();
  await three.until(() => three.gaps.length === 1);
  t.match(three.gaps, [{ destination: 'dst-a' }]);
  t.same(three.gapNumbers, [3], 'what was kept by another start of the video process is not this one');
  link.send(gap('mqtt', 4));
  await three.until(() => three.gaps.length === 2);
  t.same(three.gapNumbers, [3, 4]);
});

t.test('link: gaps that end while no agent is there are told when one is, all of them', async (t) => {
  const socketPath = await socketIn(t);
  const { link } = client(t, socketPath);
  for (let at = 1; at <= 100; at += 1) link.send(gap('mqtt', at));
  link.send(gap('dst-a', 1));
  await link.start(new AbortController().signal);
  const end = new AgentEnd(socketPath);
  t.teardown(() => end.stop());
  await end.start();
  await end.until(() => end.gaps.some(({ destination }) => destination === 'dst-a'));
  const told = end.gaps.filter(({ destination }) => destination === 'mqtt');
  t.equal(
    told.reduce((sum, { frames }) => sum + frames, 0),
    1_200,
  );
  t.equal(told.length, 64, 'bounded');
  t.match(told[0], { fromWallMs: 1_000, untilWallMs: 1_500, frames: 12 });
  t.match(told.at(-1), { fromWallMs: 64_000, untilWallMs: 100_500, gaps: 37 }, 'the last says what it is');
  t.equal(told.filter(({ gaps }) => gaps !== undefined).length, 1, 'the others are exact');
  link.send(gap('mqtt', 101));
  await end.until(() => end.gaps.some(({ fromWallMs }) => fromWallMs === 101_000));
  t.equal(end.gaps.length, 66, 'each once');
});

t.test(
  'link: looks at pictures are asked for, answered with numbers, and forgotten when the agent goes',
  async (t) => {
    const { end, socketPath } = await agent(t);
    const { link, looks } = client(t, socketPath);
    t.equal(end.link.look('cam-a', false), false);
    await link.start(never());
    await end.until(() => end.connections === 1);
    t.equal(end.link.look('cam-a', true), true);
    while (looks.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const stream = {
      ...{ keyFrames: 1, repeatedKeyFrames: 0, repeatedInARow: 0 },
      ...{ otherFrames: 9, otherBytes: 900, bytesInARow: 900 },
    };
    link.send({
      ...{ type: 'picture', camera: 'cam-a', code: 'picture-undecodable', detail: 'why' },
      stream: { ...stream, sameAsBefore: false, width: 640, height: 360 },
    });
    await end.until(() => end.pictures.length === 1);
    t.match(end.pictures, [{ camera: 'cam-a', code: 'picture-undecodable', stream }]);
    await end.stop();
    while (looks.length === 1) await new Promise((resolve) => setImmediate(resolve));
    t.strictSame(looks, ['cam-a', 'forget all']);
  },
);
