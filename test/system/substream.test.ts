import { createHash } from 'node:crypto';
import t from 'tap';
import { mediaTopic } from '../../agent/contract/topics.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { clip } from '../support/clips.ts';
import { GstCamera } from '../support/gst-camera.ts';
import { GstRecorder } from '../support/gst-recorder.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { Scene, SITE } from '../support/scene.ts';

const LOGIN = { user: 'beffroi', password: 'a long password' };
const ANYONE = { host: '127.0.0.1', regime: 'continuous', owner: 'commune' };

const sha1 = (nal: Buffer) => createHash('sha1').update(nal).digest('hex');

t.test(
  'sub-stream: the configuration sends one stream of a camera to the broker and the other to a media server',
  async (t) => {
    const scene = await Scene.create(t);
    const gst = await GstCamera.start({ sub: true });
    t.teardown(() => gst.stop());
    const recorder = await GstRecorder.start({ path: '/rec' });
    t.teardown(() => recorder.kill());
    const simulated = new SimulatedCamera({ name: 'x', clip: clip('h264-small'), ...LOGIN });
    await simulated.start();
    t.teardown(() => simulated.stop());
    const viewer = await scene.centre.subscriber([`csu/v1/${SITE}/+/media/main`]);
    t.teardown(() => viewer.close());
    const quai = (substream: string) => ({
      ...{ ...ANYONE, id: 'cam-quai', name: 'Quai', rtsp: { port: gst.port, path: '/stream' } },
      substream: { path: substream },
      destinations: [{ to: 'mqtt', profile: 'sub' }, { to: 'dst-a' }],
    });
    const gare = {
      ...{ ...ANYONE, id: 'cam-gare', name: 'Gare', credentials: { version: 1, ...LOGIN } },
      rtsp: { port: simulated.rtspPort, path: '/live/main' },
      onvif: { port: simulated.onvifPort },
      substream: { profile: 'profile_1' },
      destinations: [{ to: 'mqtt', profile: 'sub' }],
    };
    const push = (substream: string) =>
      scene.push({
        mediaServers: [{ id: 'dst-a', name: 'CSU', host: '127.0.0.1', port: recorder.port, path: '/rec' }],
        cameras: [quai(substream), gare],
        points: [],
      });
    const is = (camera: string, state: string, cause: string) =>
      scene.box.until(`${camera} ${cause}`, ({ cameras }) =>
        cameras.some((one) => one.camera === camera && one.state === state && one.cause === cause),
      );
    scene.box.start();
    await push('/stream-sub');
    await is('cam-quai', 'ok', 'none');
    await is('cam-gare', 'ok', 'none');
    const media = (camera: string) =>
      viewer.received.filter(({ topic }) => topic === mediaTopic(SITE, camera)).map(({ payload }) => payload);
    await viewer.until('both cameras', () => media('cam-quai').length > 10 && media('cam-gare').length > 5);
    const { samples } = await readMp4(Buffer.concat(media('cam-quai')));
    const got = samples.map(({ nals }) => nals.map(sha1).join());
    const sent = (client: number) =>
      gst.sent.filter((one) => one.client === client).map(({ nals }) => nals.join());
    const sub = [1, 2].find((client) => sent(client)[0] === got[0]) ?? 0;
    t.same(got, sent(sub).slice(0, got.length), 'the broker has the sub-stream, every picture of it');
    const recorded = recorder.pictures[1]?.nals.map(({ sha1 }) => sha1).join();
    t.ok(sent(3 - sub).includes(String(recorded)), 'the media server has the main stream');
    t.notOk(sent(sub).includes(String(recorded)));
    t.equal(simulated.counters.rtsp.plays, 2, 'the profile of the other one was asked by ONVIF');

    await push('/stream-none');
    await is('cam-quai', 'degraded', 'camera-substream-down');
    const pictures = recorder.pictures.length;
    await push('/stream-sub');
    await is('cam-quai', 'ok', 'none');
    t.ok(recorder.pictures.length > pictures, 'the main stream went on meanwhile');
  },
);
