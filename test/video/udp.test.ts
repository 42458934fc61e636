import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { RawCamera } from '../camera/rtsp/raw-camera.ts';
import { UdpSide } from '../camera/rtsp/udp-side.ts';
import { FarNetwork, MAY_MAKE_NETWORKS } from '../support/far-network.ts';
import { until } from '../support/until.ts';
import { camera, mediaOf, parts, received, samples } from './parts.ts';
import { cameraAt } from './plane.ts';

t.test('video: pictures that come over UDP go out every one, once and in order', async (t) => {
  const { plane, subscriber } = await parts(t);
  const gst = await camera(t, { udp: 'only', frames: 60 });
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { transport: 'udp', stallTimeoutMs: 5000 })]);
  await received(subscriber, 55);
  plane.agent.link.setCameras([]);
  await plane.agent.phase('cam-a', 'stopped');
  const got = await samples(Buffer.concat(mediaOf(subscriber)));
  t.ok(got.length >= 55);
  t.same(
    got,
    gst.sent.slice(0, got.length).map(({ nals }) => nals),
  );
  t.same(plane.agent.held, []);
});

/** The kernel stops a process some time after it was told to. */
async function stopped(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  while (!/^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) await turn();
}

t.test(
  'video: packets that came over UDP and that this process did not read in time are told as its own loss',
  async (t) => {
    const { plane } = await parts(t);
    const { agent } = plane;
    const side = await UdpSide.open(t);
    const raw = await RawCamera.start(side.script(() => undefined));
    t.teardown(() => raw.stop());
    agent.link.setCameras([cameraAt('cam-a', raw.url, { transport: 'udp', stallTimeoutMs: 5_000 })]);
    await agent.phase('cam-a', 'playing');
    const sum = (key: 'frames' | 'rtpLost' | 'rtpUnread') =>
      agent.measures.reduce((all, one) => all + one[key], 0);
    let next = 0;
    const send = async (count: number) => {
      for (const until = next + count; next < until; next += 1) await side.sendLarge(next, 1_400);
    };
    await send(10);
    await agent.until(() => sum('frames') > 0);
    t.equal(sum('rtpLost'), 0);
    const pid = plane.child?.pid ?? 0;
    while (sum('rtpLost') === 0) {
      await stopped(pid);
      await send(2_800); // more than the kernel keeps, and less than a camera that starts anew seems to leave out
      process.kill(pid, 'SIGCONT');
      for (let round = 0; round < 3; round += 1) {
        const told = agent.measures.length;
        await agent.until(() => agent.measures.length > told);
        await send(5);
      }
    }
    t.ok(sum('rtpLost') > 100, `${sum('rtpLost')} of 2800 were lost`);
    t.equal(sum('rtpUnread'), sum('rtpLost'));
  },
);

t.test('video: behind a firewall that stops UDP, only who is configured so takes TCP', async (t) => {
  if (!MAY_MAKE_NETWORKS) return t.pass('needs root to make a network', { skip: true });
  const { plane } = await parts(t);
  const network = FarNetwork.make(t);
  const gst = await camera(t, { network, udp: 'too' });
  network.udp(true);
  const at = (id: string, transport: 'udp' | 'udp-or-tcp') =>
    cameraAt(id, gst.url, { transport, stallTimeoutMs: 1000 });
  const flows = (id: string) =>
    plane.agent.until(() => plane.agent.measures.some(({ camera: of, frames }) => of === id && frames > 0));
  plane.agent.link.setCameras([at('cam-a', 'udp'), at('cam-b', 'udp-or-tcp')]);
  await flows('cam-b');
  await until(() => plane.log.includes('no stream over UDP, it is asked for over TCP'));
  await plane.agent.phase('cam-a', 'stalled', 'camera-udp-blocked');
  t.notOk(plane.agent.measures.some(({ camera: of, frames }) => of === 'cam-a' && frames > 0));
  network.udp(false);
  await flows('cam-a');
});
