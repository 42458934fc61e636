import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { CommandName } from '../../agent/contract/orders.ts';
import { commandTopic } from '../../agent/contract/topics.ts';
import { signCommand } from '../../provisioning/sign.ts';
import { GstCamera } from '../support/gst-camera.ts';
import { Scene, SITE } from '../support/scene.ts';

interface Health {
  readonly state: string;
  readonly cause: string;
  readonly picture: string;
  readonly picture_view: string;
  readonly picture_detail: string;
}

const FRAMES = 40;
const SIZE = 'size=320x180:rate=10';
/** What a camera may show. A frozen imager sends one picture, which the encoder need not code again. */
const SHOWS = {
  scene: `testsrc2=${SIZE},noise=alls=8:allf=t`,
  black: `color=black:${SIZE},noise=alls=2:allf=t`,
  frozen: `testsrc2=${SIZE},loop=-1:1,setpts=N/10/TB`,
  other: `mandelbrot=size=320x180:rate=10:end_pts=40000,noise=alls=8:allf=t`,
} as const;
const NAMES = Object.keys(SHOWS) as (keyof typeof SHOWS)[];

/** Annex B with a key frame twice a second. */
function film(folder: string, name: keyof typeof SHOWS): string {
  const file = join(folder, `${name}.h264`);
  const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '30', '-bf', '0', '-pix_fmt', 'yuv420p'];
  const keys = ['-x264-params', 'keyint=5:min-keyint=5:scenecut=0:repeat-headers=1:threads=1'];
  const made = ['-frames:v', `${FRAMES}`, ...coded, ...keys, '-f', 'h264', file];
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', SHOWS[name], ...made]);
  return file;
}

async function watched(t: { teardown(end: () => unknown): void }, scene: Scene): Promise<GstCamera> {
  const [first = '', ...others] = NAMES.map((name) => film(scene.folder, name));
  const camera = await GstCamera.start({ file: first, others, fps: 10, width: 320, height: 180 });
  t.teardown(() => camera.stop());
  const entry = { id: 'cam-quai', name: 'Quai', host: '127.0.0.1', regime: 'continuous', owner: 'commune' };
  await scene.push({
    cameras: [{ ...entry, rtsp: { port: camera.port, path: '/stream' } }],
    health: { pictureIntervalS: 1 },
  });
  return camera;
}

function health({ csu }: Scene): Health | undefined {
  return csu.json<Health>('/cam-quai/state/health').at(-1);
}

async function until(scene: Scene, what: string, fits: (health: Health) => boolean): Promise<Health> {
  return await scene.csu.until(what, () => {
    const now = health(scene);
    return now && fits(now) ? now : undefined;
  });
}

async function order(scene: Scene, command: CommandName): Promise<string> {
  const { jws, id } = await signCommand(scene.centre.csu, { site: SITE, command, camera: 'cam-quai' });
  await scene.csu.publish(commandTopic(SITE), jws);
  const end = await scene.csu.until(command, () =>
    scene.csu
      .json<{ command_id: string; status: string; detail: string }>('/event/command')
      .find(
        (event) => event.command_id === id && ['successful', 'failed', 'rejected'].includes(event.status),
      ),
  );
  return `${end.status}: ${end.detail}`;
}

const well = (now: Health) => now.state === 'ok' && now.picture === 'ok';
const broken = (cause: string) => (now: Health) => now.state === 'degraded' && now.cause === cause;

t.test(
  'system: a camera whose picture turns black, freezes or shows another view is told with its cause',
  async (t) => {
    const scene = await Scene.create(t);
    const camera = await watched(t, scene);
    const show = (name: keyof typeof SHOWS) => camera.show(NAMES.indexOf(name));
    scene.box.start();
    t.match(await until(scene, 'the view is learnt', well), { picture_view: 'learnt' });

    await show('black');
    t.match(await until(scene, 'black', broken('picture-black')), {
      picture: 'faulty',
      picture_detail: /darker/,
    });
    await show('scene');
    await until(scene, 'the picture is back', well);

    await show('frozen');
    await until(scene, 'frozen', broken('picture-frozen'));
    await show('scene');
    await until(scene, 'the picture moves again', well);

    await show('other');
    t.match(await until(scene, 'another view', broken('picture-turned')), {
      picture_detail: /of the view is lost/,
    });
    t.equal(
      await order(scene, 'picture.confirm'),
      'successful: cam-quai: the view is confirmed, and learnt anew from now on',
    );
    await until(scene, 'the new view is learnt', (now) => well(now) && now.picture_view === 'confirmed');

    const measures = scene.csu.json<Record<string, unknown>>('/cam-quai/meas/picture');
    t.ok(measures.some(({ cause }) => cause === 'picture-black'));
    t.ok(measures.every((measure) => Object.values(measure).every((value) => typeof value !== 'object')));
  },
);

t.test(
  'system: a box without ffmpeg says that pictures are not checked, and never that they are well',
  async (t) => {
    const scene = await Scene.create(t);
    const file = JSON.parse(await readFile(scene.box.boxFile, 'utf8'));
    await writeFile(scene.box.boxFile, JSON.stringify({ ...file, decoder: '/nonexistent/ffmpeg' }));
    await watched(t, scene);
    scene.box.start();
    await until(
      scene,
      'not checked',
      ({ state, picture_detail }) => state === 'ok' && picture_detail === 'not checked, no decoder',
    );
    t.notOk(
      scene.csu
        .json<Health>('/state/health')
        .some(({ picture }) => picture === 'ok' || picture === 'learning'),
    );
  },
);
