import t, { type Test } from 'tap';
import { Browser, type Played } from '../support/browser.ts';
import type { ForeignSubscriber } from '../support/mosquitto.ts';
import { camera, mediaOf, parts } from './parts.ts';
import { cameraAt } from './plane.ts';

const WIDTH = 320;
const HEIGHT = 240;

/** Gives a browser everything of a camera as it comes, until it has played enough. */
async function played(t: Test, subscriber: ForeignSubscriber, id: string): Promise<Played> {
  const browser = await Browser.start();
  t.teardown(() => browser.stop());
  let isOver = false;
  const over = browser.played.finally(() => {
    isOver = true;
  });
  for (let fed = 0; !isOver; ) {
    await Promise.race([over, subscriber.message(() => mediaOf(subscriber, id).length > fed)]);
    const all = mediaOf(subscriber, id);
    for (const payload of all.slice(fed)) browser.feed(payload);
    fed = all.length;
  }
  return await over;
}

t.test(
  'video: a browser plays what comes by MQTT, H.265 where it can [W3C Media Source Extensions]',
  async (t) => {
    const { plane, subscriber } = await parts(t);
    const size = { width: WIDTH, height: HEIGHT };
    const cameras = await Promise.all([
      camera(t, { codec: 'h264', ...size }),
      camera(t, { codec: 'h265', ...size }),
    ]);
    plane.agent.link.setCameras(
      cameras.map(({ url }, at) => cameraAt(at === 0 ? 'cam-h264' : 'cam-h265', url)),
    );
    for (const id of ['cam-h264', 'cam-h265']) {
      const { type, supported, ranges, error, thrown, frames, currentTime, ...shown } = await played(
        t,
        subscriber,
        id,
      );
      t.match(type, id === 'cam-h264' ? /avc1\.[0-9a-f]{6}/ : /hvc1\.1\.6\.L\d+\.B0/);
      t.equal(thrown, undefined);
      if (!supported) {
        t.equal(id, 'cam-h265', 'only H.265 may be missing in a browser');
        t.comment(`this browser does not play ${type}`);
        continue;
      }
      const [[from, until] = [0, 0], ...others] = ranges;
      t.equal(error, '');
      t.same(others, [], 'one range without a hole');
      t.ok(currentTime >= from + 1 && currentTime <= until, `${from} <= ${currentTime} <= ${until}`);
      t.ok(frames > 1, `${frames} pictures were decoded`);
      t.match(shown, { videoWidth: WIDTH, videoHeight: HEIGHT });
    }
  },
);
