import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { Downtime, type ReachedReport } from '../../agent/health/downtime.ts';
import { BrokerClient } from '../../agent/uplink/client.ts';
import type { Reached } from '../../agent/video/destination.ts';
import { MqttDestination } from '../../agent/video/mqtt-destination.ts';
import { ForeignSubscriber, Mosquitto, onlyWith } from '../support/mosquitto.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { Relay } from '../support/relay.ts';
import { until } from '../support/until.ts';
import {
  destinationBehaves,
  type MakeRig,
  numberOf,
  numbers,
  type Rig,
  type RigNeeds,
  Scene,
  wallMsOf,
} from './destination-behaviour.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const TOPIC = 'csu/v1/57463-mairie/cam-a/media/main';

destinationBehaves(t, 'mqtt', mqttRig);

async function mqttRig(t: Test, { clock, events, creditBytes }: RigNeeds): Promise<Rig> {
  const broker = await Mosquitto.start(t.testdir());
  t.teardown(() => broker.stop());
  let behind = broker;
  const line = await Relay.start(() => behind.port);
  t.teardown(() => line.stop());
  const publisher = await connected(t, `mqtt://127.0.0.1:${line.port}`);
  const subscriber = await ForeignSubscriber.start(broker, [TOPIC]);
  t.teardown(() => subscriber.stop());
  return {
    destination: new MqttDestination({ clock, events, publisher }, { id: 'mqtt', topic: TOPIC, creditBytes }),
    held: 1,
    received: () => pictures(subscriber.messages.map(({ payload }) => payload)),
    stall: () => broker.pause(),
    resume: () => broker.resume(),
    cut: async () => line.cut(),
    mend: () => line.mend(),
    refuse: async () => {
      const folder = t.testdir();
      const extra = onlyWith({ user: 'nobody', password: 'Geheim-17' }, folder);
      const closed = await Mosquitto.start(join(folder, 'closed'), { extra });
      t.teardown(() => closed.stop());
      behind = closed;
      await line.mend();
      return ['broker-refused'];
    },
  };
}

/** A camera beside others on one connection. */
function sharing(publisher: BrokerClient, topic: string): MakeRig {
  return async (_, { clock, events, creditBytes }) => ({
    destination: new MqttDestination({ clock, events, publisher }, { id: 'mqtt', topic, creditBytes }),
    held: 1,
    received: async () => [],
    stall: () => undefined,
    resume: () => undefined,
    cut: async () => undefined,
    mend: async () => undefined,
    refuse: async () => [],
  });
}

async function connected(t: Test, url: string): Promise<BrokerClient> {
  const log = createLog('error', { write: () => undefined });
  const client = new BrokerClient(
    { clock: systemClock, log, random: Math.random },
    { brokers: [url], clientId: 'box', plainLoopback: true, subscriptions: [] },
  );
  const up = new Promise<void>((resolve) => client.listen({ up: () => resolve() }));
  await client.start(new AbortController().signal);
  t.teardown(() => client.stop());
  await up;
  return client;
}

/** Everything that came is one valid file. */
async function pictures(messages: readonly Buffer[]): Promise<number[]> {
  if (messages.length === 0) return [];
  const { samples } = await readMp4(Buffer.concat(messages));
  return samples.flatMap(({ nals }) => nals.flatMap((nal) => numberOf(nal) ?? []));
}

t.test(
  'mqtt: a camera whose pictures wait costs its own credit, whatever it is, and no other camera loses one',
  async (t) => {
    const broker = await Mosquitto.start(t.testdir());
    t.teardown(() => broker.stop());
    const publisher = await connected(t, broker.url);
    const other = TOPIC.replace('cam-a', 'cam-b');
    const subscriber = await ForeignSubscriber.start(broker, [other]);
    t.teardown(() => subscriber.stop());
    const heavy = await Scene.create(t, sharing(publisher, TOPIC), 8 * MIB);
    const light = await Scene.create(t, sharing(publisher, other), MIB);
    const [waits, flows] = [() => heavy.rig.destination.status(), () => light.rig.destination.status()];
    for (const scene of [heavy, light]) scene.attach();
    broker.pause();
    while (waits().state !== 'blocked') {
      heavy.push(5, 100_000);
      await new Promise(setImmediate);
    }
    t.ok(
      waits().waitingBytes > 7 * MIB && waits().waitingBytes <= 8 * MIB,
      `${waits().waitingBytes} bytes wait`,
    );
    light.push(51, 10_000);
    t.match(flows(), { state: 'flowing', droppedFrames: 0 });
    t.ok(flows().waitingBytes > 300_000, `${flows().waitingBytes} bytes wait`);
    broker.resume();
    await subscriber.message(() => subscriber.messages.length >= 50);
    t.same(await pictures(subscriber.messages.map(({ payload }) => payload)), numbers(0, 50));
    t.match(flows(), { droppedFrames: 0, gaps: 0 });
  },
);

t.test(
  'mqtt: what no video process was there to send is told exactly, whatever the clock of the camera says and since when',
  async (t) => {
    const broker = await Mosquitto.start(t.testdir());
    t.teardown(() => broker.stop());
    const make = sharing(await connected(t, broker.url), TOPIC);
    for (const cameraAheadMs of [HOUR_MS, -HOUR_MS]) {
      const downtime = new Downtime(systemClock, 'this start of the machine');
      const take = async (scene: Scene, run: string) => {
        const { destination } = scene.rig;
        await until(() => destination.status().waitingBytes === 0);
        const { reached } = destination.status();
        return reached && downtime.take(reportOf(reached), run);
      };
      const [dies, next] = [await Scene.create(t, make), await Scene.create(t, make)];
      for (const scene of [dies, next]) scene.attach();
      dies.push(5);
      dies.cameraAheadMs = cameraAheadMs;
      dies.push(16);
      t.equal(await take(dies, 'one that dies'), undefined);
      next.leaveOut(30);
      next.push(5); // its camera has not told its clock yet
      t.match(await take(next, 'the next'), {
        fromWallMs: wallMsOf(dies.last + 1),
        untilWallMs: wallMsOf(30),
        code: 'video-process-down',
      });
    }
  },
);

/** As the video process tells it, whose clock is that of the machine here. */
function reportOf({ from, until: reachedUntil, seen }: Reached): ReachedReport {
  return {
    ...{ camera: 'cam-a', destination: 'mqtt' },
    ...{ fromWallMs: from.wallMs, fromUpMs: from.monotonicMs },
    ...{ untilWallMs: reachedUntil.wallMs, untilUpMs: reachedUntil.monotonicMs, seenUpMs: seen.monotonicMs },
  };
}
