import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { CameraProcess } from '../support/camera/camera-process.ts';
import type { CameraOrder } from '../support/camera/main.ts';
import { Centre } from '../support/centre.ts';
import { videoOf } from '../support/processes.ts';
import type { Subscriber } from '../support/subscriber.ts';
import type { Figures } from './main.ts';

const SITE = '57463-mairie';
const LOGIN = { user: 'beffroi', password: 'a long password' };

/** A box whose cameras are all healthy, and what the CSU hears of it. */
export interface BenchBox {
  readonly box: TestBox;
  readonly csu: Subscriber;
  readonly cameras: CameraProcess;
  /** Puts these settings into force in the place of those before, and these of each camera beside those of the scene. */
  readonly configure: (settings: object, entry?: object) => Promise<void>;
}

/** What runs. */
export interface BenchScene {
  readonly cameras: number;
  /** Camera by camera, and from the first again. */
  readonly clips: readonly CameraOrder['clip'][];
  /** What every camera is made with, beside its name, clip and login. */
  readonly traits?: Pick<CameraOrder, 'legal' | 'rtsp'>;
  /** Settings of the configuration beside the cameras. */
  readonly settings?: object;
  /** What the CSU subscribes to; everything when absent. */
  readonly classes?: readonly string[];
  /** Further settings of each camera. */
  readonly entry?: object;
}

/** The process ids of a running box. */
export async function planesOf(box: TestBox): Promise<{ agent: number; video: number }> {
  const agent = box.pid ?? 0;
  return { agent, video: (await videoOf(agent)) ?? 0 };
}

/** Runs `work` with cameras in a process of their own and a Mosquitto with TLS 1.3. */
export async function withBox(
  folder: string,
  { cameras, clips, traits = {}, settings = {}, classes = ['#'], entry = {} }: BenchScene,
  work: (run: BenchBox) => Promise<Figures>,
): Promise<Figures> {
  const orders = Array.from({ length: cameras }, (_, index) => ({
    name: `cam-${index + 1}`,
    clip: clips[index % clips.length] ?? 'h264',
    ...LOGIN,
    ...traits,
  }));
  const process = await CameraProcess.start(orders);
  const centre = await Centre.create(folder);
  const csu = await centre.subscriber(
    classes.map((one) => `csu/v1/${SITE}/${one}`),
    keeps,
  );
  const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers: [centre.broker.url] });
  try {
    const push = async (more: object, ofEach: object = {}): Promise<number> => {
      const order = {
        site: SITE,
        configuration: { ...configuration(process, { ...entry, ...ofEach }), ...more },
      };
      const { jws, version } = await signConfiguration(centre.csu, order);
      await csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
      return version;
    };
    const configure = async (more: object, ofEach?: object) => {
      const version = await push(more, ofEach);
      await box.until('the settings in force', ({ config }) => config.appliedVersion === version);
    };
    await push(settings);
    box.start();
    await box.until(
      'every camera healthy',
      ({ cameras: all }) => all.length === cameras && all.every(({ state }) => state === 'ok'),
      60_000,
    );
    return await work({ box, csu, cameras: process, configure });
  } finally {
    await box.stop();
    await csu.close();
    await centre.end();
    await process.stop();
  }
}

/** Pictures of one camera are enough: those of twenty would fill the memory of the bench. */
function keeps(topic: string): boolean {
  return !topic.endsWith('/media/main') || topic.includes('/cam-1/');
}

function configuration({ places }: CameraProcess, entry: object): object {
  return {
    cameras: places.map(({ name, onvifPort }) => ({
      id: name,
      name,
      host: '127.0.0.1',
      regime: 'continuous',
      owner: 'commune',
      credentials: { version: 1, ...LOGIN },
      onvif: { port: onvifPort },
      ...entry,
    })),
  };
}
