import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { Centre } from '../support/centre.ts';
import { heavyClip } from '../support/heavy-clip.ts';
import { NarrowLine, type Way } from '../support/narrow-line.ts';
import { configurationOf, SITE, simulatedCamera } from '../support/scene.ts';

const MIB = 2 ** 20;

t.test(
  'system: on a line that is full of video an alarm needs but its own bytes, and passes all that waits',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const camera = await simulatedCamera(t, ['input-1'], heavyClip(25, 25, 200_000)); // 40 Mbit/s
    const centre = await Centre.create(folder, { quiet: true });
    t.teardown(() => centre.end());
    const csu = await centre.subscriber([`csu/v1/${SITE}/#`], (topic) => !topic.includes('/media/'));
    t.teardown(() => csu.close());
    const line = await NarrowLine.start(centre.broker.port);
    t.teardown(() => line.stop());
    const box = await TestBox.enrol(centre.csu, folder, {
      site: SITE,
      brokers: [`mqtts://localhost:${line.port}`],
    });
    t.teardown(() => box.stop());
    box.start();
    const configuration = configurationOf(camera, ['input-1']);
    const { jws } = await signConfiguration(centre.csu, { site: SITE, configuration });
    await csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
    const alarms = () => csu.json<{ transition: string }>('/event/alarm').map(({ transition }) => transition);
    const clear = () =>
      csu.json<{ state: string }>('/state/alarm-current').some(({ state }) => state === 'cleared');
    await csu.until('the point is known to be clear', () => clear());

    line.narrow();
    while ((line.fullest?.waitingBytes ?? 0) < 2 * MIB) await delay(5);
    const video = line.fullest as Way;
    const before = video.passedBytes;
    camera.setInput('input-1', true);
    await box.until('the alarm is on disk', ({ link }) => link.outboxPending > 0);
    t.same(alarms(), [], 'nothing passes');
    while (!alarms().includes('raised')) {
      if (line.waitsBeside(video)) line.grant();
      else await delay(5);
    }
    const passed = video.passedBytes - before;
    t.ok(passed < MIB, `${passed} bytes of video went before the alarm`);
    t.ok(video.waitingBytes > MIB, `${video.waitingBytes} bytes of video still wait`);
  },
);
