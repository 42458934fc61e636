import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import type { CommandEvent } from '../../agent/contract/messages.ts';
import { commandTopic, leasedMediaTopic, mediaTopic } from '../../agent/contract/topics.ts';
import { MediaOpener } from '../../agent/trust/leased-media.ts';
import { KeyFrameDecoder } from '../../agent/video/picture/decoder.ts';
import { signCommand } from '../../provisioning/sign.ts';
import { signLease } from '../../provisioning/viewing/lease.ts';
import type { MemberFolder } from '../../provisioning/viewing/member.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { type Clip, clip } from '../support/clips.ts';
import { GstRecorder } from '../support/gst-recorder.ts';
import { Marker } from '../support/marker.ts';
import { carryKeyring, letPartnerIn, partnerEntry } from '../support/partner.ts';
import { videoOf } from '../support/processes.ts';
import { configurationOf, LOGIN, Scene, SITE, simulatedCamera } from '../support/scene.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { until } from '../support/until.ts';
import { WriteTrace } from '../support/write-trace.ts';

/** What an environment may ask of Node that writes memory into files. */
const CURIOUS = '--report-on-fatalerror --report-uncaught-exception --heapsnapshot-near-heap-limit=3';
/** Where nothing goes to a disk, and where the kernel gives what is written a meaning of its own. */
const NO_FILES = /^\/dev\/(null|tty|pts\/)|^\/proc\/(self|\d+)\//;
/** What the runner of the tests writes of every process. */
const RUNNER = /\/\.tap\//;

const SERVER = { user: 'boxes', password: 'of the server' };
const original = clip('h264-small');
/** What the box decodes is looked for beside what is coded. */
const decoded = await Promise.all(original.units.filter(({ key }) => key).map(decodedAs));
const marker = new Marker(original, decoded);

async function decodedAs({ nals }: Clip['units'][number]): Promise<Buffer> {
  const decoder = new KeyFrameDecoder({ clock: systemClock }, { program: 'ffmpeg' });
  const start = Buffer.from([0, 0, 0, 1]);
  const stream = Buffer.concat([...original.parameterSets, ...nals].flatMap((nal) => [start, nal]));
  return Buffer.from((await decoder.decode('h264', stream, new AbortController().signal)).luma);
}

const LEASED = leasedMediaTopic(SITE, 'cam-hall', 'csu');
/** No other camera may stand where the camera of a partner does. */
const HALL = '127.0.0.2';

interface Parts {
  readonly scene: Scene;
  readonly media: Subscriber;
  readonly trace: WriteTrace;
  readonly partner: MemberFolder;
  /** A media server of the CSU. */
  readonly server: GstRecorder;
}

/**
 * A box of three cameras whose pictures are marked: one forwarded to the broker and pushed to a media server, one on
 * demand, and one of a partner.
 */
class Stage {
  readonly scene: Scene;
  readonly media: Subscriber;
  readonly trace: WriteTrace;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.scene = parts.scene;
    this.media = parts.media;
    this.trace = parts.trace;
    this.#parts = parts;
  }

  static async create(t: Test): Promise<Stage> {
    const environment: NodeJS.ProcessEnv = { NODE_OPTIONS: CURIOUS };
    const scene = await Scene.create(t, environment);
    const folders = { HOME: 'home', TMPDIR: 'tmp', NODE_COMPILE_CACHE: 'cache' };
    for (const [name, folder] of Object.entries(folders)) {
      environment[name] = join(scene.folder, folder);
      mkdirSync(environment[name]);
    }
    mkdirSync(join(scene.folder, 'cwd'));
    mkdirSync(join(scene.folder, 'trace'));
    const plain = ['cam-quai', 'cam-parc'].map((id) => mediaTopic(SITE, id));
    const media = await scene.centre.subscriber([...plain, LEASED]);
    t.teardown(() => media.close());
    const { csu } = scene.centre;
    const partner = await letPartnerIn(csu, join(scene.folder, 'emh'), [SITE]);
    await carryKeyring(csu, scene.box);
    const server = await GstRecorder.start({ ...SERVER, path: `/rec/${SITE}/cam-quai` });
    t.teardown(() => server.kill());
    const trace = new WriteTrace(join(scene.folder, 'trace/writes'));
    return new Stage({ scene, media, trace, partner, server });
  }

  /** Everything that belongs to the box; the trace itself stands elsewhere. */
  get folders(): string[] {
    const { folder } = this.scene;
    const own = ['box', 'state', 'run', 'home', 'tmp', 'cache', 'cwd'].map((name) => join(folder, name));
    return [...own, '/dev/shm', '/var/tmp'];
  }

  /** As a careless machine starts it: core dumps as large as may be. */
  start(): void {
    const under = ['prlimit', '--core=unlimited:unlimited', ...this.trace.command];
    this.scene.box.start({ cwd: join(this.scene.folder, 'cwd'), under });
  }

  async configure(t: Test): Promise<void> {
    const [quai, parc] = [
      await simulatedCamera(t, [], marker.clip),
      await simulatedCamera(t, [], marker.clip),
    ];
    const hall = new SimulatedCamera({ name: 'Hall', clip: marker.clip, ...LOGIN, host: HALL });
    await hall.start();
    t.teardown(() => hall.stop());
    const entry = (camera: SimulatedCamera, more: object) => ({
      ...(configurationOf(camera) as { cameras: object[] }).cameras[0],
      ...more,
    });
    const { port } = this.#parts.server;
    const credentials = { version: 1, ...SERVER };
    await this.scene.push({
      mediaServers: [
        { id: 'dst-1', name: 'CSU', host: '127.0.0.1', port, path: '/rec/{site}/{camera}', credentials },
      ],
      health: { pictureIntervalS: 1 },
      partners: [partnerEntry()],
      cameras: [
        entry(quai, { destinations: [{ to: 'mqtt' }, { to: 'dst-1' }] }),
        entry(parc, { id: 'cam-parc', name: 'Parc', delivery: 'on-demand', pictureCheck: 'off' }),
        entry(hall, {
          ...{ id: 'cam-hall', name: 'Hall', host: HALL },
          ...{ regime: 'leased', owner: 'partner', partner: 'emh' },
        }),
      ],
    });
  }

  /** The media server gets pictures, beginning from now. */
  async pushed(): Promise<void> {
    const { server } = this.#parts;
    const before = server.pictures.length;
    await until(() => server.pictures.length > before);
  }

  /** The partner opens its camera, and marked pictures reach the recipient. */
  async openLease(): Promise<void> {
    const { scene, media } = this;
    const { csu, centre } = scene;
    await scene.box.until('the leased camera well', ({ cameras }) => cameras[2]?.state === 'ok');
    const { jws } = await signLease(this.#parts.partner, {
      ...{ site: SITE, camera: 'cam-hall', recipient: 'csu', operator: 'c.weber', grantedBy: 'a.muller' },
      ...{ reason: 'common-areas', minutes: 5 },
    });
    let next = media.received.length;
    await csu.publish(commandTopic(SITE), jws);
    const key = await centre.csu.recipientKey();
    const { sign: boxKey } = await centre.csu.box(SITE);
    const opener = new MediaOpener({
      ...{ site: SITE, camera: 'cam-hall', recipient: 'csu', topic: LEASED, key, boxKey, nowMs: Date.now },
    });
    for (let seen = false; !seen; next += 1) {
      const message = await media.until('leased pictures', () => media.received[next]);
      const opened = message.topic === LEASED && (await opener.open(message.payload));
      seen = opened ? opened.includes(marker.bytes) : false;
    }
  }

  async openView(): Promise<void> {
    await this.scene.box.until('the other camera well', ({ cameras }) => cameras[1]?.state === 'ok');
    const end = Math.floor(Date.now() / 1000) + 120;
    const words = {
      command: 'view.open',
      operator: 'c.weber',
      onBehalfOf: 'CSU',
      reason: 'rixe',
      end,
    } as const;
    const { csu, centre } = this.scene;
    const { jws, id } = await signCommand(centre.csu, { site: SITE, camera: 'cam-parc', ...words });
    await csu.publish(commandTopic(SITE), jws);
    await csu.until('the view open', () =>
      csu
        .json<CommandEvent>('/event/command')
        .find(({ command_id, status }) => command_id === id && status === 'successful'),
    );
  }

  /** Marked pictures of the camera come, beginning from now. */
  async seen(camera: string): Promise<void> {
    const from = this.media.received.length;
    await this.media.until(`marked pictures of ${camera}`, () =>
      this.media.received
        .slice(from)
        .some(({ topic, payload }) => topic.includes(camera) && payload.includes(marker.bytes)),
    );
  }

  /** Of the video process, when another one than `old` runs. */
  async videoPid(old = 0): Promise<number> {
    return await until(async () => {
      const pid = await videoOf(this.scene.box.pid ?? 0);
      return pid !== old && pid;
    });
  }

  /** A picture was decoded and put into numbers. */
  async looked(): Promise<void> {
    const looks = () => this.scene.csu.json('/cam-quai/meas/picture').length;
    const before = looks();
    await this.scene.csu.until('a look at a picture', () => looks() > before);
  }

  marked(): string[] {
    return this.folders.flatMap((folder) => marker.below(folder));
  }
}

t.test(
  'system: no picture reaches a file, in forwarding, push, views, leases, picture checks, a crash and a restart',
  async (t) => {
    const stage = await Stage.create(t);
    const { scene, trace } = stage;
    stage.start();
    await stage.configure(t);
    await stage.seen('cam-quai');
    await stage.openView();
    await stage.seen('cam-parc');
    await stage.looked();
    await stage.pushed();
    await stage.openLease();
    t.same(stage.marked(), [], 'while pictures flow');

    const video = await stage.videoPid();
    for (const pid of [scene.box.pid ?? 0, video]) {
      t.match(
        readFileSync(`/proc/${pid}/limits`, 'utf8'),
        /^Max core file size +0 +0 /m,
        'no core may be written',
      );
      t.match(
        readFileSync(`/proc/${pid}/coredump_filter`, 'utf8'),
        /^0+\n/,
        'a handler of cores gets no memory',
      );
    }
    process.kill(video, 'SIGSEGV');
    const log = () => readFileSync(scene.box.logFile, 'utf8');
    await scene.box.until('the crash', () => log().includes('the video process ended with SIGSEGV'));
    t.not(await stage.videoPid(video), video, 'another process');
    await stage.seen('cam-quai');
    await stage.looked();
    await stage.pushed();
    await stage.openLease();
    t.same(stage.marked(), [], 'after a crash');

    await scene.box.stop();
    stage.start();
    await stage.seen('cam-quai');
    await scene.box.stop();
    t.same(stage.marked(), [], 'after a restart');
    t.same(readdirSync(join(scene.folder, 'cwd')), [], 'no dump, no report, no snapshot');

    const written = await trace.written();
    t.ok(
      written.some(({ path }) => path.startsWith(join(scene.folder, 'state'))),
      'the trace sees what is written',
    );
    t.notOk(await trace.isBypassed(), 'and nothing goes past it');
    const own = (path: string) => path.startsWith(scene.folder) || NO_FILES.test(path) || RUNNER.test(path);
    const foreign = written.filter(({ path }) => !own(path));
    t.same(new Set(foreign.map(({ path }) => path)), new Set(), 'the box writes nowhere else');
    const marked = written.filter(({ line }) => marker.isIn(line));
    t.same(marked, [], 'no picture was in any file, not even for a moment');
    findsWhatIsPlanted(t, stage);
    await findsWhatIsGone(t, stage);
  },
);

/** Without this nobody would know whether anything can be found at all. */
function findsWhatIsPlanted(t: Test, stage: Stage): void {
  const [slice = Buffer.alloc(0)] = marker.clip.units[0]?.nals.slice(-1) ?? [];
  const { bytes } = marker;
  for (const folder of stage.folders) {
    const path = join(folder, `.planted-${process.pid}`);
    for (const content of [
      slice,
      bytes,
      ...decoded.slice(0, 1),
      bytes.toString('hex'),
      `xy${bytes.toString('base64')}`,
    ]) {
      writeFileSync(path, Buffer.concat([Buffer.alloc(5000), Buffer.from(content)]));
      t.same(stage.marked(), [path], `planted in ${folder}`);
    }
    rmSync(path);
  }
}

async function findsWhatIsGone(t: Test, { trace, scene }: Stage): Promise<void> {
  const gone = join(scene.folder, 'tmp/gone');
  const [command = '', ...args] = [...trace.command, 'sh', '-c', 'cat >"$1"; rm "$1"', 'sh', gone];
  spawnSync(command, args, { input: Buffer.concat([Buffer.alloc(5000), marker.bytes]) });
  const found = await trace.written();
  t.ok(
    found.some(({ path, line }) => path === gone && marker.isIn(line)),
    'what was written and deleted is found',
  );
}
