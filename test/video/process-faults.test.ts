import { once } from 'node:events';
import t from 'tap';
import { ForeignSubscriber, Mosquitto } from '../support/mosquitto.ts';
import { Relay } from '../support/relay.ts';
import { until } from '../support/until.ts';
import { decodedFrames } from './encoded.ts';
import { camera, frames, measured, mediaOf, parts, received, samples } from './parts.ts';
import { AgentEnd, cameraAt, VideoPlane } from './plane.ts';

/** Pictures of less than a fragment of 2 s: nothing of them goes out until the stream ends. */
const HALF_FRAGMENT = 20;

t.test('video: forwarding goes on while the agent is away, and a new agent is told what is', async (t) => {
  const { plane, subscriber } = await parts(t);
  const gst = await camera(t, {});
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url)]);
  await plane.agent.phase('cam-a', 'playing');
  await plane.agent.stop();
  t.same(plane.agent.held, [], 'the agent has its permits back');
  const before = subscriber.messages.length;
  await subscriber.count(before + 10, () => true);
  await gst.cut();
  await until(() => gst.connections > 1); // pulled again without the agent
  await subscriber.count(subscriber.messages.length + 10, () => true);

  const next = new AgentEnd(plane.socketPath);
  t.teardown(() => next.stop());
  await next.start();
  await next.phase('cam-a', 'playing');
  await next.until(() => next.measures.some((measure) => measure.frames > 0));
  t.same(next.held, ['cam-a'], 'the open connection counts at the new agent');
  t.equal(
    decodedFrames(Buffer.concat(mediaOf(subscriber))).length,
    frames(Buffer.concat(mediaOf(subscriber))),
  );
});

t.test('video: a broker that comes back gets the pictures from a key frame on', async (t) => {
  const broker = await Mosquitto.start(t.testdir());
  t.teardown(() => broker.stop());
  const line = await Relay.start(() => broker.port);
  t.teardown(() => line.stop());
  const plane = await VideoPlane.start(`mqtt://127.0.0.1:${line.port}`);
  t.teardown(() => plane.stop());
  const gst = await camera(t, {});
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url)]);
  await plane.agent.phase('cam-a', 'playing');
  line.cut();
  await plane.agent.until(() => plane.agent.measures.some(({ droppedFrames }) => droppedFrames > 0));
  const subscriber = await ForeignSubscriber.start(broker, ['csu/v1/#']);
  t.teardown(() => subscriber.stop());
  await line.mend();
  await subscriber.count(10, () => true);
  const file = Buffer.concat(mediaOf(subscriber));
  t.equal(file.toString('latin1', 4, 8), 'ftyp');
  t.equal(decodedFrames(file).length, frames(file));
  t.equal(gst.connections, 1, 'the camera noticed nothing');
});

t.test('video: a stalled camera is reported so, and pulled again', async (t) => {
  const { plane } = await parts(t);
  const gst = await camera(t, {});
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { stallTimeoutMs: 500 })]);
  await plane.agent.phase('cam-a', 'playing');
  await gst.stall();
  await plane.agent.phase('cam-a', 'stalled', 'camera-stalled');
  await gst.resume();
  await plane.agent.phase('cam-a', 'playing');
  t.ok(gst.connections >= 2);
});

t.test('video: a camera that is away is reported so, and its return is noticed', async (t) => {
  const { plane, subscriber } = await parts(t);
  const gst = await camera(t, {});
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url)]);
  await plane.agent.phase('cam-a', 'playing');
  await gst.kill();
  await plane.agent.phase('cam-a', 'failed', 'camera-port-closed');
  await camera(t, { port: gst.port });
  await plane.agent.phase('cam-a', 'playing');
  await subscriber.count(subscriber.messages.length + 5, () => true);
  const file = Buffer.concat(mediaOf(subscriber));
  t.equal(decodedFrames(file).length, frames(file), 'one valid file over the outage');
});

t.test('video: refused logins are told to the agent, and none follows without its leave', async (t) => {
  const { plane } = await parts(t);
  const gst = await camera(t, { user: 'admin', password: 'right' });
  plane.agent.refusalsLeft = 1;
  const credentials = { version: 1, user: 'admin', password: 'wrong' };
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { credentials })]);
  await plane.agent.phase('cam-a', 'failed', 'camera-latched');
  t.same(plane.agent.logins, [{ camera: 'cam-a', outcome: 'refused' }]);
});

t.test('video: SIGTERM ends it politely, with the pictures that it still held', async (t) => {
  const { plane, subscriber } = await parts(t);
  const gst = await camera(t, { frames: HALF_FRAGMENT });
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { fragmentMs: 2_000 })]);
  await measured(plane.agent, HALF_FRAGMENT);
  t.equal(await plane.end('SIGTERM'), 0);
  t.match(plane.log, /video plane stopped/);
  t.same(plane.agent.held, []);
  await received(subscriber, HALF_FRAGMENT);
  const sent = gst.sent.slice(0, HALF_FRAGMENT).map(({ nals }) => nals);
  t.same((await samples(Buffer.concat(mediaOf(subscriber)))).slice(0, HALF_FRAGMENT), sent);
});

t.test('video: as a child it ends when the agent dies, however that dies', async (t) => {
  const { plane } = await parts(t, '--with-parent');
  const child = plane.child;
  if (!child) throw new Error('expected a child');
  const exited = once(child, 'exit');
  child.stdin?.end();
  t.same(await exited, [0, null]);
});
