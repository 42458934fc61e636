import t from 'tap';
import { GstRecorder } from '../support/gst-recorder.ts';
import { camera, mediaOf, parts, received, samples } from './parts.ts';
import { cameraAt, type VideoPlane } from './plane.ts';

const MIB = 2 ** 20;

/** Main stream to the broker, sub-stream to a media server. */
async function both(t: Parameters<typeof camera>[0]) {
  const { plane, subscriber } = await parts(t);
  const gst = await camera(t, { sub: true });
  const recorder = await GstRecorder.start();
  t.teardown(() => recorder.kill());
  const main = cameraAt('cam-a', gst.url);
  const sub = cameraAt('cam-a', gst.subUrl, {
    profile: 'sub',
    destinations: [{ id: 'dst-a', kind: 'rtsp', url: recorder.url, creditBytes: 4 * MIB }],
  });
  return { plane, subscriber, gst, recorder, main, sub };
}

const stopped = (plane: VideoPlane, count: number) =>
  plane.agent.until(() => plane.agent.streams.filter(({ phase }) => phase === 'stopped').length >= count);

t.test(
  'sub-stream: each destination gets the stream that it is for, byte for byte, and each is pulled once',
  async (t) => {
    const { plane, subscriber, gst, recorder, main, sub } = await both(t);
    plane.agent.link.setCameras([main, sub]);
    await received(subscriber, 30);
    await plane.agent.until(() => recorder.pictures.length >= 30); // looked at with each measure
    t.equal(gst.connections, 2);
    plane.agent.link.setCameras([]);
    await stopped(plane, 2);
    const firsts = new Map(
      gst.sent.filter(({ number }) => number === 0).map((one) => [one.client, one.nals]),
    );
    const got = await samples(Buffer.concat(mediaOf(subscriber)));
    const mainClient = [...firsts].find(([, nals]) => nals.join() === got[0]?.join())?.[0];
    const sentBy = (isMain: boolean) =>
      gst.sent.filter(({ client }) => (client === mainClient) === isMain).map(({ nals }) => nals);
    t.ok(mainClient, 'the broker has the beginning of one of the streams');
    t.same(got, sentBy(true).slice(0, got.length));
    const recorded = recorder.pictures.map(({ nals }) => nals.map(({ sha1 }) => sha1));
    // The server repeats the parameter sets before a picture with which it begins.
    const from = sentBy(false).findIndex((nals) => nals.join() === recorded[1]?.join());
    t.ok(from > 0);
    t.same(recorded.slice(1, 20), sentBy(false).slice(from, from + 19), 'and the server that of the other');
    const sizes = plane.agent.streams
      .filter(({ width }) => width)
      .map(({ profile, width }) => [profile ?? 'main', width]);
    t.ok(sizes.some(([profile, width]) => profile === 'main' && width === 320));
    t.ok(sizes.some(([profile, width]) => profile === 'sub' && width === 160));
  },
);

t.test(
  'sub-stream: what becomes of one stream does not concern the other, and is told as its own',
  async (t) => {
    const { plane, gst, main, sub } = await both(t);
    const flows = (profile: 'sub' | undefined) =>
      plane.agent.until(() => plane.agent.measures.some((one) => one.profile === profile && one.frames > 0));
    plane.agent.link.setCameras([main, sub]);
    await Promise.all([flows(undefined), flows('sub')]);
    const pulls = gst.connections;
    plane.agent.link.setCameras([main, { ...sub, url: `${gst.url}-none` }]);
    await plane.agent.until(() =>
      plane.agent.streams.some(({ profile, code }) => profile === 'sub' && code === 'camera-not-found'),
    );
    const before = plane.agent.streams.filter(({ phase }) => phase === 'stopped').length;
    t.equal(before, 1, 'that of the address before');
    plane.agent.link.setCameras([main]);
    await stopped(plane, before + 1);
    t.match(
      plane.agent.streams.findLast(({ phase }) => phase === 'stopped'),
      { profile: 'sub' },
    );
    t.notOk(plane.agent.streams.some(({ profile, phase }) => !profile && phase === 'failed'));
    t.ok(gst.connections > pulls);
    const after = plane.agent.measures.length;
    await plane.agent.until(() => plane.agent.measures.slice(after).some(({ frames }) => frames > 0));
    t.ok(plane.agent.measures.slice(after).every(({ profile }) => profile === undefined));
  },
);
