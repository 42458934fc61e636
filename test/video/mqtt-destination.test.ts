import t, { type Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { BrokerClient } from '../../agent/uplink/client.ts';
import { MqttDestination } from '../../agent/video/mqtt-destination.ts';
import { ForeignSubscriber, Mosquitto } from '../support/mosquitto.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { Relay } from '../support/relay.ts';
import { destinationBehaves, numberOf, type Rig, type RigNeeds } from './destination-behaviour.ts';

const TOPIC = 'csu/v1/57463-mairie/cam-a/media/main';

destinationBehaves(t, 'mqtt', mqttRig);

async function mqttRig(t: Test, { clock, events, creditBytes }: RigNeeds): Promise<Rig> {
  const broker = await Mosquitto.start(t.testdir());
  t.teardown(() => broker.stop());
  const line = await Relay.start(() => broker.port);
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
  };
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
