import t from 'tap';
import { Mosquitto } from '../support/mosquitto.ts';
import { camera } from './parts.ts';
import { cameraAt, VideoPlane } from './plane.ts';

t.test(
  'video: a fragment above what the broker takes is named in the log once, in the destination, and as a gap',
  async (t) => {
    const broker = await Mosquitto.start(t.testdir(), { extra: ['max_packet_size 2000'] });
    t.teardown(() => broker.stop());
    const plane = await VideoPlane.start(broker.url);
    t.teardown(() => plane.stop());
    const gst = await camera(t, {});
    plane.agent.link.setCameras([cameraAt('cam-a', gst.url)]);
    const { destinations, gaps } = plane.agent;
    await plane.agent.until(() => destinations.some(({ code }) => code === 'message-too-large'));
    const named = destinations.find(({ code }) => code === 'message-too-large');
    t.match(named, { state: 'blocked', bytes: 0, detail: /\d+ bytes of \d+ pictures are above it/ });
    plane.agent.link.setCameras([]);
    await plane.agent.until(() => gaps.length > 0);
    t.match(gaps[0], { camera: 'cam-a', destination: 'mqtt', code: 'message-too-large' });
    t.ok((gaps[0]?.frames ?? 0) > 0);
    await plane.end('SIGTERM');
    t.equal(plane.log.split('message above what the broker takes was not sent').length, 2, 'one line');
    t.match(plane.log, /"maximumPacketBytes":2000/);
  },
);
