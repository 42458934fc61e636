import t, { type Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { BrokerClient } from '../../agent/uplink/client.ts';
import { MqttDestination } from '../../agent/video/mqtt-destination.ts';
import { ForeignSubscriber, Mosquitto } from '../support/mosquitto.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { destinationBehaves, numberOf, type Rig, type RigNeeds } from './destination-behaviour.ts';

const TOPIC = 'csu/v1/57463-mairie/cam-a/media/main';

destinationBehaves(t, 'mqtt', mqttRig);

async function mqttRig(t: Test, { clock, events, creditBytes }: RigNeeds): Promise<Rig> {
  const broker = await Mosquitto.start(t.testdir());
  t.teardown(() => broker.stop());
  const publisher = await connected(t, broker);
  const got: Buffer[] = [];
  let subscriber = await subscribed(t, broker);
  const keep = () => got.push(...subscriber.messages.map(({ payload }) => payload));
  return {
    destination: new MqttDestination({ clock, events, publisher }, { id: 'mqtt', topic: TOPIC, creditBytes }),
    received: () => pictures([...got, ...subscriber.messages.map(({ payload }) => payload)]),
    stall: () => broker.pause(),
    resume: () => broker.resume(),
    cut: async () => {
      await broker.kill();
      keep();
    },
    mend: async () => {
      await broker.restart();
      subscriber = await subscribed(t, broker);
    },
  };
}

async function subscribed(t: Test, broker: Mosquitto): Promise<ForeignSubscriber> {
  const subscriber = await ForeignSubscriber.start(broker, [TOPIC]);
  t.teardown(() => subscriber.stop());
  return subscriber;
}

async function connected(t: Test, broker: Mosquitto): Promise<BrokerClient> {
  const log = createLog('error', { write: () => undefined });
  const client = new BrokerClient(
    { clock: systemClock, log, random: Math.random },
    { brokers: [broker.url], clientId: 'box', plainLoopback: true, subscriptions: [] },
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
