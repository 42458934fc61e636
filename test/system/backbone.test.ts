import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { AlarmEvent, BoxHealthState, CommandEvent, Fields } from '../../agent/contract/messages.ts';
import { commandTopic, desiredConfigTopic } from '../../agent/contract/topics.ts';
import { type CommandRequest, signCommand, signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import type { SimulatedCamera } from '../support/camera/camera.ts';
import { Centre } from '../support/centre.ts';
import { clip, kbpsOf } from '../support/clips.ts';
import { mistakes } from '../support/contract-check.ts';
import { Relay } from '../support/relay.ts';
import { LOGIN, SITE, simulatedCamera } from '../support/scene.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { until } from '../support/until.ts';

type BackboneState = Fields<'backbone'>;
type Vitals = Fields<'vitals'>;

interface Told {
  readonly camera: string;
  readonly transition: string;
}

function entry(id: string, camera: SimulatedCamera, priority: number): object {
  const rtsp = { port: camera.rtspPort, path: camera.rtsp.options.path };
  const credentials = { version: 1, ...LOGIN };
  const onvif = { port: camera.onvifPort };
  return {
    ...{ id, name: id, host: '127.0.0.1', regime: 'continuous', owner: 'commune' },
    ...{ priority, credentials, rtsp, onvif },
  };
}

/** A box behind a line that can be cut, with two cameras of which the budget holds one. */
async function stage(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const centre = await Centre.create(folder);
  t.teardown(() => centre.end());
  const line = await Relay.start(() => centre.broker.port);
  t.teardown(() => line.stop());
  const csu = await centre.subscriber([`csu/v1/${SITE}/#`], (topic) => !topic.includes('/media/'));
  t.teardown(() => csu.close());
  const brokers = [`mqtts://127.0.0.1:${line.port}`];
  const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers });
  t.teardown(() => box.stop());
  const high = await simulatedCamera(t, ['porte']);
  const low = await simulatedCamera(t);
  const configuration = {
    cameras: [entry('cam-high', high, 6), entry('cam-low', low, 3)],
    points: [{ id: 'pt-porte', name: 'Porte', camera: 'cam-high', kind: 'digital-input', input: 'porte' }],
    video: { backbone: { brokerKbps: Math.ceil(kbpsOf(clip('h264-small')) * 1.5) } },
    health: { backbone: { windowS: 5, roundTripLimitMs: 400 }, vitalsSchedule: '*/2 * * * * *' },
  };
  box.start();
  const { jws } = await signConfiguration(centre.csu, { site: SITE, configuration });
  await csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
  return { centre, line, csu, high };
}

async function order(
  centre: Centre,
  csu: Subscriber,
  words: Omit<CommandRequest, 'site'>,
): Promise<CommandEvent> {
  const { jws, id } = await signCommand(centre.csu, { site: SITE, ...words });
  await csu.publish(commandTopic(SITE), jws);
  return csu.until(`${words.command} told`, () =>
    csu
      .json<CommandEvent>('/event/command')
      .find(({ command_id, status }) => command_id === id && !['accepted', 'executing'].includes(status)),
  );
}

t.test(
  'backbone: the lower priority pauses and says so, an alarm passes, a mission takes the place and gives it back, and a line that was cut leaves a gap',
  async (t) => {
    const { centre, line, csu, high } = await stage(t);
    const pauses = () =>
      csu.events<Told>('/event/pause').map(({ camera, transition }) => `${camera} ${transition}`);

    await csu.until('the lower one pauses', () => pauses().includes('cam-low paused'));
    t.same(pauses(), ['cam-low paused']);
    const state = (camera: string) =>
      csu.json<{ state: string; cause: string }>(`/${camera}/meas/destination`).at(-1)?.state;
    await csu.until('its state', () => state('cam-low') === 'paused');
    t.match(csu.json(`/cam-low/meas/destination`).at(-1), { cause: 'backbone-budget' });
    await csu.until('that of the other', () => state('cam-high') === 'flowing');

    high.setInput('porte', true);
    await csu.until('the alarm', () =>
      csu.json<AlarmEvent>('/event/alarm').find(({ transition }) => transition === 'raised'),
    );

    const measured = () => csu.json<BackboneState>('/collector/state/backbone').at(-1);
    const video = await csu.until('the video counted', () => {
      const now = measured();
      return (
        Number(now?.main_kbps) > kbpsOf(clip('h264-small')) / 2 &&
        now?.main_round_trip_ms !== undefined &&
        now
      );
    });
    t.match(video, { main: 'up', backup: 'none', loss_check: 'measured' });
    const vitals = await csu.until('vitals', () => csu.json<Vitals>('/collector/meas/vitals').at(-1));
    t.ok(Number(vitals.disk_free_mb) > 0);
    t.equal(vitals.disk_wear === 'measured', vitals.disk_wear_percent !== undefined);
    t.match(csu.json('/collector/state/health').at(-1), { clock_source: 'host' });
    line.delayMs = 400;

    const nowS = Math.floor(Date.now() / 1000);
    const words = { by: 'Opérateur 12', why: 'fête de quartier', cameras: ['cam-low'], priority: 9 };
    const told = await order(centre, csu, {
      command: 'mission.announce',
      start: nowS,
      end: nowS + 8,
      ...words,
    });
    t.equal(told.status, 'successful', told.detail);
    const missions = () =>
      csu.events<{ transition: string }>('/event/mission').map(({ transition }) => transition);
    await csu.until('the mission is over', () => missions().includes('ended') && pauses().length >= 5);
    t.same(missions(), ['announced', 'begun', 'ended']);
    t.same(pauses(), [
      'cam-low paused',
      ...['cam-low resumed', 'cam-high paused'],
      ...['cam-high resumed', 'cam-low paused'],
    ]);

    await csu.until('a slow backbone', () => measured()?.cause === 'backbone-slow');
    const box = () => csu.json<BoxHealthState>('/collector/state/health').at(-1);
    await csu.until('the box says so', () => box()?.cause === 'backbone-slow');
    t.match(box(), { state: 'degraded', side: 'backbone', detail: /^main path: the broker answers after/ });
    line.delayMs = 0;

    const sent = () => high.counters.rtsp.framesSent;
    const before = sent();
    line.cut();
    const gop = clip('h264-small').units.length;
    await until(() => sent() >= before + 2 * gop);
    await line.mend();
    const gap = await csu.until('the gap', () =>
      csu
        .json<{ cause: string; destination: string }>('/cam-high/event/gap')
        .find(({ cause }) => cause.startsWith('broker-')),
    );
    t.match(gap, { destination: 'mqtt', gaps: 1 });
    t.same(csu.received.flatMap(mistakes), [], 'every message is of the contract');
  },
);
