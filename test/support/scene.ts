import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from './box.ts';
import { SimulatedCamera, type SimulatedCameraOptions } from './camera/camera.ts';
import { Centre } from './centre.ts';
import { type Clip, clip } from './clips.ts';
import type { Subscriber } from './subscriber.ts';

export const SITE = '57463-mairie';
/** What the simulated camera accepts. */
export const LOGIN = { user: 'beffroi', password: 'a long password' };

/** What a test gives: things to end when it ends. */
interface Teardown {
  teardown(end: () => unknown): void;
}

/** A centre with a real broker, a box of it, and what the CSU hears of the box, without media. */
export class Scene {
  readonly folder: string;
  readonly centre: Centre;
  readonly box: TestBox;
  readonly csu: Subscriber;

  private constructor(folder: string, centre: Centre, box: TestBox, csu: Subscriber) {
    this.folder = folder;
    this.centre = centre;
    this.box = box;
    this.csu = csu;
  }

  /** @param environment of the agent */
  static async create(
    t: Teardown,
    environment: NodeJS.ProcessEnv = {},
    clock: 'host' | 'chrony' = 'host',
  ): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const centre = await Centre.create(folder);
    t.teardown(() => centre.end());
    const csu = await centre.subscriber([`csu/v1/${SITE}/#`], (topic) => !topic.includes('/media/'));
    t.teardown(() => csu.close());
    const options = { site: SITE, brokers: [centre.broker.url], clock };
    const box = await TestBox.enrol(centre.csu, folder, options, environment);
    t.teardown(() => box.stop());
    csu.beside = () => box.lastLog();
    return new Scene(folder, centre, box, csu);
  }

  /** The broker comes back after `kill`, and the CSU hears it before the agent speaks to it: nothing is missed. */
  async brokerReturns(): Promise<void> {
    const { subscriptions } = this.csu;
    this.box.pause();
    await this.centre.broker.restart();
    await this.csu.until('the CSU at the broker', () => this.csu.subscriptions > subscriptions);
    this.box.resume();
  }

  /**
   * Signs and pushes; does not wait. Points that the configuration does not name are there only where it says so: how much
   * disk this machine has is no part of most tests.
   * @returns the version
   */
  async push(pushed: object): Promise<number> {
    const { alarms = {} } = pushed as { alarms?: object };
    const configuration = { ...pushed, alarms: { boxPoints: [], ...alarms } };
    const { jws, version } = await signConfiguration(this.centre.csu, { site: SITE, configuration });
    await this.csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
    return version;
  }
}

/** A simulated camera with digital inputs, ended with the test. */
export async function simulatedCamera(
  t: Teardown,
  inputs: readonly string[] = [],
  played: Clip = clip('h264-small'),
  rtsp: SimulatedCameraOptions['rtsp'] = {},
): Promise<SimulatedCamera> {
  const camera = new SimulatedCamera({ name: 'Quai', clip: played, ...LOGIN, inputs, rtsp });
  await camera.start();
  t.teardown(() => camera.stop());
  return camera;
}

/**
 * A configuration of this one camera, `cam-quai`, with a point `pt-INPUT` for each input. Tests press inputs faster than
 * people do: no point is taken for a chattering one.
 */
export function configurationOf(camera: SimulatedCamera, inputs: readonly string[] = []): object {
  return {
    cameras: [
      {
        id: 'cam-quai',
        name: 'Quai',
        host: '127.0.0.1',
        regime: 'continuous',
        owner: 'commune',
        credentials: { version: 1, ...LOGIN },
        onvif: { port: camera.onvifPort },
      },
    ],
    points: inputs.map((input) => ({
      id: `pt-${input}`,
      name: input,
      camera: 'cam-quai',
      kind: 'digital-input',
      input,
    })),
    alarms: { chatter: { raises: 0 }, boxPoints: [] },
  };
}
