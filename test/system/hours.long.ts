import t from 'tap';
import { desiredConfigTopic, mediaTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { FakeTime } from '../support/fake-time.ts';
import { GstRecorder } from '../support/gst-recorder.ts';
import { configurationOf, Scene, SITE, simulatedCamera } from '../support/scene.ts';
import { until } from '../support/until.ts';

const SERVER = { user: 'boxes', password: 'of the server' };
const MINUTE_MS = 60_000;

/** When the clocks of Paris go forward next: the last Sunday of March, 01:00 UTC. */
function springForward(nowMs: number): number {
  const year = new Date(nowMs).getUTCFullYear();
  const dates = [year, year + 1].map((one) => {
    const last = new Date(Date.UTC(one, 2, 31, 1));
    return last.getTime() - last.getUTCDay() * 24 * 60 * MINUTE_MS;
  });
  return dates.find((ms) => ms > nowMs + 2 * 60 * MINUTE_MS) ?? 0;
}

t.test(
  'hours: at the minute in which clocks go forward one destination ends and the other begins',
  async (t) => {
    const changeMs = springForward(Date.now());
    const time = await FakeTime.create(t);
    await time.set(new Date(changeMs - 30 * MINUTE_MS).toISOString());
    const scene = await Scene.create(t, time.environment);
    const camera = await simulatedCamera(t);
    const server = await GstRecorder.start({ ...SERVER, path: `/rec/${SITE}/cam-quai` });
    t.teardown(() => server.kill());
    const media = await scene.centre.subscriber([mediaTopic(SITE, 'cam-quai')]);
    t.teardown(() => media.close());
    scene.box.start();
    const configuration = configurationOf(camera) as { cameras: object[] };
    const [entry] = configuration.cameras;
    const order = {
      ...configuration,
      mediaServers: [
        {
          ...{ id: 'dst-1', name: 'CSU', host: '127.0.0.1', port: server.port, path: '/rec/{site}/{camera}' },
          credentials: { version: 1, ...SERVER },
        },
      ],
      // 02 o'clock is not in this night: who counts by UTC or by the winter finds neither at the change.
      cameras: [
        {
          ...entry,
          destinations: [
            { to: 'mqtt', hours: ['* 0-1 * * *'] },
            { to: 'dst-1', hours: ['* 3-6 * * *'] },
          ],
        },
      ],
    };
    const signed = await signConfiguration(
      scene.centre.csu,
      { site: SITE, configuration: order },
      changeMs - 29 * MINUTE_MS,
    );
    await scene.csu.publish(desiredConfigTopic(SITE), signed.jws, { retain: true });
    await media.until('the one by night', () => media.received.length > 5);
    t.equal(server.connections, 0, 'and not the other');
    // Whole minutes, so that the minutes of the process begin when they would have begun.
    await time.set(
      new Date(changeMs - MINUTE_MS + (await passed(scene, changeMs - 30 * MINUTE_MS))).toISOString(),
    );
    await until(() => server.pictures.length > 25);
    const heard = media.received.length;
    const pictures = server.pictures.length;
    await until(() => server.pictures.length > pictures + 50);
    t.equal(media.received.length, heard, 'the other gets nothing any more');
    t.equal(camera.counters.rtsp.plays, 1, 'and the pull went on');
  },
);

/** How far the clock of the box is into its minute, ms. */
async function passed({ box }: Scene, beganMs: number): Promise<number> {
  const { wallMs } = await box.status();
  return (wallMs - beganMs) % MINUTE_MS;
}
