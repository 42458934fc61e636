import t from 'tap';
import { FarNetwork, MAY_MAKE_NETWORKS } from '../support/far-network.ts';
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
  t.match(plane.log, /no stream over UDP, it is asked for over TCP/);
  await plane.agent.phase('cam-a', 'stalled', 'camera-udp-blocked');
  t.notOk(plane.agent.measures.some(({ camera: of, frames }) => of === 'cam-a' && frames > 0));
  network.udp(false);
  await flows('cam-a');
});
