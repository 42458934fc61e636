import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Language } from '../../agent/cli/language.ts';
import { buildTopic, commandTopic, desiredConfigTopic } from '../../agent/contract/topics.ts';
import { createCsu } from '../../provisioning/csu.ts';
import type { CsuFolder } from '../../provisioning/folder.ts';
import {
  type CommandRequest,
  type ConfigurationRequest,
  signCommand,
  signConfiguration,
} from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { EmbeddedBroker } from '../support/embedded-broker.ts';
import { Subscriber } from '../support/subscriber.ts';
import { Caretaker } from './caretaker.ts';

export const SITE = '57463-mairie';
export const CAMERAS = {
  'cam-parvis': {
    name: 'Parvis de la mairie',
    clip: 'h264',
    point: 'pt-porte',
    pointName: 'Porte de service',
  },
  'cam-ecole': { name: 'École', clip: 'h265', point: 'pt-ecole', pointName: 'Contact école' },
} as const;
export type CameraId = keyof typeof CAMERAS;
export const CAMERA_IDS = Object.keys(CAMERAS) as CameraId[];
const INPUT = 'input-1';
/** A thermometer that publishes to the broker of the building. */
export const BOILER = {
  object: 'obj-chaufferie',
  point: 'pt-chaufferie',
  name: 'Chaufferie',
  limit: 60,
} as const;
const BOILER_TOPIC = 'chaufferie/temperature';

const BOILER_POINT = {
  ...{ id: BOILER.point, name: BOILER.name, kind: 'object-above', category: 'temperature' },
  ...{ object: BOILER.object, limit: BOILER.limit },
};
const OPERATOR = 'Opérateur 12';

/** Everything that the demo stands on: a pretend CSU with a broker, a box with its agent, and two cameras. */
export class World {
  readonly #caretaker: Caretaker;
  readonly #broker: EmbeddedBroker;
  /** Of the building, where connected objects publish. */
  readonly #building: EmbeddedBroker;
  readonly #cameras: Readonly<Record<CameraId, SimulatedCamera>>;
  readonly csu: CsuFolder;
  readonly box: TestBox;
  /** What stands at the CSU: hears everything of the box. */
  readonly subscriber: Subscriber;

  private constructor(parts: {
    caretaker: Caretaker;
    broker: EmbeddedBroker;
    building: EmbeddedBroker;
    cameras: Record<CameraId, SimulatedCamera>;
    csu: CsuFolder;
    box: TestBox;
    subscriber: Subscriber;
  }) {
    this.#caretaker = parts.caretaker;
    this.#broker = parts.broker;
    this.#building = parts.building;
    this.#cameras = parts.cameras;
    this.csu = parts.csu;
    this.box = parts.box;
    this.subscriber = parts.subscriber;
  }

  /** @param keepMedia whether the subscriber keeps what it receives of video */
  static async create(keepMedia: boolean): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'beffroi-demo-'));
    const caretaker = new Caretaker(folder);
    const broker = await EmbeddedBroker.start();
    const building = await EmbeddedBroker.start();
    await building.publish(BOILER_TOPIC, String(BOILER.limit - 40));
    const cameras = {
      'cam-parvis': camera('cam-parvis'),
      'cam-ecole': camera('cam-ecole'),
    };
    for (const id of CAMERA_IDS) await cameras[id].start();
    const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['127.0.0.1'] });
    const box = await TestBox.enrol(csu, folder, { site: SITE, brokers: [broker.url], plainLoopback: true });
    const keep = (topic: string) => keepMedia || !topic.includes('/media/');
    const subscriber = await Subscriber.connect(broker.url, [`csu/v1/${SITE}/#`], {}, keep);
    return new World({ caretaker, broker, building, cameras, csu, box, subscriber });
  }

  /** Starts the agent, out of reach of the Ctrl-C that ends the demo: the demo ends it in its turn. */
  start(): void {
    this.box.start({ detached: true });
    this.#caretaker.watch(this.box.pid);
  }

  camera(id: CameraId): SimulatedCamera {
    return this.#cameras[id];
  }

  /** The configuration of both cameras and of the thermometer as the technician of the CSU writes it. */
  configuration(change: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      cameras: CAMERA_IDS.map((id) => ({
        id,
        name: CAMERAS[id].name,
        host: '127.0.0.1',
        regime: 'continuous',
        owner: 'commune',
        credentials: { version: 1, ...login(id) },
        onvif: { port: this.#cameras[id].onvifPort },
      })),
      ...this.#boiler(),
      points: [...CAMERA_IDS.map(pointOf), BOILER_POINT],
      health: { probeIntervalS: 5 },
      ...change,
    };
  }

  #boiler(): Record<string, unknown> {
    const { object: id, name } = BOILER;
    const broker = 'mqtt-gtb';
    return {
      localBrokers: [{ id: broker, name: 'GTB', host: '127.0.0.1', port: this.#building.port }],
      objects: [{ id, name, broker, topic: BOILER_TOPIC, unit: '°C', measureEveryS: 1 }],
    };
  }

  /** The thermometer of the boiler room publishes. */
  async measure(degrees: number): Promise<void> {
    await this.#building.publish(BOILER_TOPIC, String(degrees));
  }

  async push(request: Omit<ConfigurationRequest, 'site'>, nowMs?: number): Promise<number> {
    const signed = await signConfiguration(this.csu, { site: SITE, ...request }, nowMs);
    await this.pushText(signed.jws);
    return signed.version;
  }

  async pushText(jws: string): Promise<void> {
    await this.subscriber.publish(desiredConfigTopic(SITE), jws, { retain: true });
  }

  /** @returns the id of the command */
  async command(request: Omit<CommandRequest, 'site'>): Promise<string> {
    const signed = await signCommand(this.csu, { site: SITE, ...request });
    await this.subscriber.publish(commandTopic(SITE), signed.jws);
    return signed.id;
  }

  /** Acknowledges the last alarm of a point; what the box shows may be on its way to the CSU. @returns the id of the command */
  async acknowledge(point: string): Promise<string> {
    const last = () => this.subscriber.json<{ alarm: string }>(`/${point}/event/alarm`).at(-1);
    const { alarms } = await this.box.status();
    const isRaised = alarms.some((one) => one.point === point && one.state === 'raised');
    const event = isRaised ? await this.subscriber.until('the alarm', last) : last();
    return await this.command({ command: 'alarm.acknowledge', alarm: event?.alarm ?? '', by: OPERATOR });
  }

  /** What `beffroi alarms` says on the box. */
  async alarms(language: Language): Promise<string> {
    const { output, errors } = await this.box.command('alarms', '--lang', language);
    if (errors !== '') throw new Error(errors);
    return output.trimEnd();
  }

  press(id: CameraId, active: boolean): void {
    this.#cameras[id].setInput(INPUT, active);
  }

  /** The payloads that came on the media topic of a camera, in order. */
  media(id: CameraId): Buffer[] {
    const topic = buildTopic({ site: SITE, entity: id, class: 'media', name: 'main' });
    return this.subscriber.received
      .filter((message) => message.topic === topic)
      .map(({ payload }) => payload);
  }

  /** Ends everything and leaves nothing behind. */
  async end(): Promise<void> {
    await this.box.stop();
    this.#caretaker.watch(undefined);
    await this.subscriber.close();
    for (const id of CAMERA_IDS) await this.#cameras[id].stop();
    await this.#broker.stop();
    await this.#building.stop();
    await this.#caretaker.end();
  }
}

function camera(id: CameraId): SimulatedCamera {
  const { name, clip } = CAMERAS[id];
  return new SimulatedCamera({ name, clip, ...login(id), inputs: [INPUT] });
}

function login(id: CameraId): { user: string; password: string } {
  return { user: 'beffroi', password: `demo-${id}-password` };
}

function pointOf(id: CameraId): Record<string, unknown> {
  const { point, pointName: name } = CAMERAS[id];
  return { id: point, name, camera: id, kind: 'digital-input', input: INPUT };
}
