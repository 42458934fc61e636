import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { desiredConfigTopic, mediaTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { TestBox } from '../support/box.ts';
import { Centre } from '../support/centre.ts';
import { GstCamera } from '../support/gst-camera.ts';
import { GstRecorder } from '../support/gst-recorder.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { until } from '../support/until.ts';

const SITE = '57463-mairie';
const CAMERA = { user: 'beffroi', password: 'of the camera' };
const SERVER = { user: 'boxes', password: 'of the server' };

interface World {
  readonly camera: GstCamera;
  readonly centre: Centre;
  readonly csu: Subscriber;
  readonly box: TestBox;
}

async function world(t: Test, frames: number, video: 'own' | 'external' = 'own'): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const camera = await GstCamera.start({ ...CAMERA, frames });
  t.teardown(() => camera.stop());
  const centre = await Centre.create(folder);
  t.teardown(() => centre.end());
  const csu = await centre.subscriber([`csu/v1/${SITE}/#`]);
  t.teardown(() => csu.close());
  const box = await TestBox.enrol(centre.csu, folder, { site: SITE, brokers: [centre.broker.url] });
  t.teardown(() => box.stop());
  box.start({ video });
  if (video === 'external') box.startVideo();
  return { camera, centre, csu, box };
}

async function server(t: Test): Promise<GstRecorder> {
  const recorder = await GstRecorder.start({ ...SERVER, path: `/rec/${SITE}/cam-quai` });
  t.teardown(() => recorder.kill());
  return recorder;
}

async function push({ csu, centre }: World, configuration: object): Promise<void> {
  const { jws } = await signConfiguration(centre.csu, { site: SITE, configuration });
  await csu.publish(desiredConfigTopic(SITE), jws, { retain: true });
}

function configuration({ camera }: World, servers: readonly GstRecorder[], destinations: object[]): object {
  return {
    mediaServers: servers.map(({ port }, index) => ({
      ...{ id: `dst-${index + 1}`, name: 'CSU', host: '127.0.0.1', port, path: '/rec/{site}/{camera}' },
      credentials: { version: 1, ...SERVER },
    })),
    cameras: [
      {
        ...{ id: 'cam-quai', name: 'Quai', host: '127.0.0.1', regime: 'continuous', owner: 'commune' },
        credentials: { version: 1, ...CAMERA },
        rtsp: { port: camera.port, path: new URL(camera.url).pathname },
        destinations,
      },
    ],
  };
}

interface Measure {
  readonly destination: string;
  readonly kind: string;
  readonly state: string;
  readonly since: number;
  readonly bytes: number;
  readonly frames: number;
  readonly gaps: number;
  readonly cause: string;
}

/** Of the camera. */
const FPS = 25;
/** Pictures that come in their time are not as far apart. */
const PAUSE_MS = 150;

const sha1 = (nal: Buffer) => createHash('sha1').update(nal).digest('hex');

t.test('destinations: one pull, and the broker and a media server both get every picture', async (t) => {
  const frames = 150;
  const beganMs = Date.now();
  const scene = await world(t, 0);
  const { camera, csu, box } = scene;
  const recorder = await server(t);
  await push(scene, configuration(scene, [recorder], [{ to: 'mqtt' }, { to: 'dst-1' }]));
  await until(() => recorder.pictures.length >= frames);
  await csu.until('every picture at the broker', () => media(csu).length * 5 >= frames);
  await camera.cut();
  const sent = camera.sent.filter(({ client }) => client === 1).map(({ nals }) => nals.join());
  const recorded = recorder.pictures.slice(0, frames).map(({ nals }) => nals.map(({ sha1 }) => sha1));
  // GStreamer puts the parameter sets of the announcement before the first picture.
  const begin = recorded[0]?.join() ?? '';
  const first = sent.find((picture) => begin.endsWith(picture)) ?? begin;
  const { samples } = await readMp4(Buffer.concat(media(csu)));
  const pictures = {
    mqtt: samples.slice(0, frames).map(({ nals }) => nals.map(sha1).join()),
    'dst-1': [first, ...recorded.slice(1).map((nals) => nals.join())],
  };
  for (const [destination, kind] of [
    ['mqtt', 'mqtt'],
    ['dst-1', 'rtsp'],
  ] as const) {
    const got = pictures[destination];
    const from = sent.indexOf(got[0] ?? '');
    t.same(
      got,
      sent.slice(from, from + frames),
      `${destination}: every picture of one pull, from the first one on`,
    );
    const measure = await csu.until(`a measure of ${destination}`, () =>
      csu.json<Measure>('/meas/destination').find((one) => one.destination === destination && one.frames > 0),
    );
    t.match(measure, { kind, cause: 'none', state: /^(flowing|waiting)$/ });
    // Where it was not there yet when the first pictures came, they stand in a gap.
    t.ok(measure.gaps === 1 || (measure.gaps === 0 && from === 0), `${measure.gaps} gaps`);
    t.ok(measure.bytes > 0 && measure.bytes >= measure.frames, `${measure.bytes} bytes`);
    t.ok(measure.since >= beganMs && measure.since <= Date.now(), 'and since when it is so');
  }
  t.notMatch(await box.lastLog(), SERVER.password);
});

function media(csu: Subscriber): Buffer[] {
  const topic = mediaTopic(SITE, 'cam-quai');
  return csu.received.filter((message) => message.topic === topic).map(({ payload }) => payload);
}

t.test(
  'destinations: one that is away is named, its gap has an event, and the other loses nothing',
  async (t) => {
    const scene = await world(t, 0, 'external');
    const { csu } = scene;
    const [good, bad] = [await server(t), await server(t)];
    await push(scene, configuration(scene, [good, bad], [{ to: 'dst-1' }, { to: 'dst-2' }]));
    await csu.until('both', () => good.pictures.length > 25 && bad.pictures.length > 25);
    await bad.kill();
    await csu.until('the fault', () =>
      csu
        .json<Measure>('/meas/destination')
        .find(
          ({ destination, state, cause }) =>
            destination === 'dst-2' && state === 'failed' && cause === 'destination-unreachable',
        ),
    );
    const before = bad.pictures.length;
    await bad.restart();
    const gap = await csu.until('the gap', () => csu.json<Gap>('/event/gap')[0]);
    isExact(t, gap, good);
    await until(() => bad.pictures.length >= before + 25);
    await diesUntold(t, scene, good, bad, gap);
    t.equal(good.recordings, 1);
    t.notOk(
      csu.json<{ destination: string }>('/event/gap').some(({ destination }) => destination === 'dst-1'),
    );
    t.ok(
      scene.camera.sent.every(({ client }) => client === 1),
      'and the camera noticed nothing',
    );
    await goesOnAlone(t, scene, good);
  },
);

interface Gap {
  readonly destination: string;
  readonly from: number;
  readonly until: number;
  readonly frames: number;
  readonly at_most: boolean;
}

/** @param good gets every picture */
function isExact(t: Test, { destination, from, until, frames, at_most }: Gap, good: GstRecorder): void {
  t.match({ destination, at_most }, { destination: 'dst-2', at_most: false });
  const due = ((until - from) * FPS) / 1000;
  t.ok(until > from && frames >= due - 2 - heldUp(good), `${frames} of ${due}`);
}

/** How many pictures a machine that stood still now and then may have held up: they came later than their time. */
function heldUp({ pictures }: GstRecorder): number {
  const pausesMs = pictures.slice(1).map(({ atMs }, at) => atMs - (pictures[at]?.atMs ?? atMs));
  const longMs = pausesMs.filter((ms) => ms > PAUSE_MS).reduce((sum, ms) => sum + ms, 0);
  return (longMs * FPS) / 1000;
}

/** The agent is killed with a gap that lies in the socket: the next one tells it. */
async function diesUntold(
  t: Test,
  { csu, box }: World,
  good: GstRecorder,
  bad: GstRecorder,
  before: Gap,
): Promise<void> {
  box.pause();
  await bad.kill();
  const { length } = bad.pictures;
  await bad.restart();
  await until(() => bad.pictures.length > length);
  const endedMs = Date.now();
  await box.kill();
  box.start({ video: 'external' });
  const gap = await csu.until('the gap of before', () => csu.json<Gap>('/event/gap')[1]);
  isExact(t, gap, good);
  t.ok(gap.from >= before.until, `begun at ${gap.from}, behind ${before.until}`);
  t.ok(gap.until < endedMs, `ended at ${gap.until}, before ${endedMs}`);
}

/** Who orders and who configures are both behind the broker: without it, pictures go on, also after a restart. */
async function goesOnAlone(t: Test, { centre, box }: World, good: GstRecorder): Promise<void> {
  await centre.broker.kill();
  await box.until('the link lost', ({ link }) => !link.connected);
  const without = good.pictures.length;
  await until(() => good.pictures.length >= without + 25);
  t.equal(good.recordings, 1, 'nothing was begun anew');
  await box.kill();
  await box.killVideo();
  box.start({ video: 'external' });
  box.startVideo();
  await box.until(
    'the camera well',
    ({ link, cameras: [camera] }) => !link.connected && camera?.state === 'ok',
  );
  const anew = good.pictures.length;
  await until(() => good.pictures.length >= anew + 25);
  t.ok(good.recordings > 1, 'by what the box remembers');
}

t.test('destinations: one gets pictures in its hours alone', async (t) => {
  const scene = await world(t, 0);
  const [day, night] = [await server(t), await server(t)];
  const always = ['* * * * *'];
  const inHalfAYear = [`* * * ${((new Date().getUTCMonth() + 6) % 12) + 1} *`];
  const to = (first: string[], second: string[]) => [
    { to: 'dst-1', hours: first },
    { to: 'dst-2', hours: second },
  ];
  await push(scene, configuration(scene, [day, night], to(always, inHalfAYear)));
  await until(() => day.pictures.length >= 25);
  t.equal(night.connections, 0);
  await push(scene, configuration(scene, [day, night], to(inHalfAYear, always)));
  await until(() => night.pictures.length >= 25);
  await until(() => day.ended === 1);
  t.ok(
    scene.camera.sent.every(({ client }) => client === 1),
    'the pull went on',
  );
});

const healthOf = (csu: Subscriber) => csu.json<{ state: string; boot: number }>('/cam-quai/state/health');

const PARTNER = {
  ...{ id: 'emh', name: 'Eurométropole Metz Habitat', keys: ['k'.repeat(43)] },
  convention: {
    reference: '467/2024',
    validFrom: '2020-01-01T00:00:00+01:00',
    validUntil: '2099-01-01T00:00:00+01:00',
  },
  hours: [{ from: '00:00', to: '24:00' }],
  recipients: [{ id: 'csu', key: { kty: 'OKP', crv: 'X25519', x: 'a'.repeat(43) } }],
};

t.test(
  "destinations: a camera that becomes a partner's leaves its media server, and cannot be sent there",
  async (t) => {
    const scene = await world(t, 0);
    const { camera, csu, box } = scene;
    const recorder = await server(t);
    const leased = { regime: 'leased', owner: 'partner', partner: 'emh' };
    const as = (more: object, destinations?: object[]) => {
      const { cameras, ...others } = configuration(scene, [recorder], destinations ?? []) as {
        cameras: object[];
      };
      const { destinations: _, ...quai } = cameras[0] as { destinations: unknown };
      const one = { ...quai, ...more, ...(destinations ? { destinations } : {}) };
      return { ...others, partners: [PARTNER], cameras: [one] };
    };
    await push(scene, as({}, [{ to: 'dst-1' }]));
    await until(() => recorder.pictures.length >= 25);
    await t.rejects(push(scene, as(leased, [{ to: 'dst-1' }])), /goes to the recipient of its lease alone/);
    await push(scene, as(leased));
    await box.until('the second configuration', ({ config }) => config.appliedVersion === 2);
    await until(() => recorder.ended > 0);
    const connections = recorder.connections;
    await box.stop();
    // GStreamer makes the first picture for DESCRIBE, which the health of a leased camera asks for.
    const sessions = () =>
      new Set(camera.sent.filter(({ number }) => number > 0).map(({ client }) => client)).size;
    const pulled = sessions();
    box.start();
    await box.until('the agent again', ({ config, video }) => config.appliedVersion === 2 && video.running);
    await csu.until('its health after the start', () =>
      healthOf(csu).some(({ boot, state }) => boot === 2 && state === 'ok'),
    );
    t.equal(recorder.connections, connections, 'nor after a new start');
    t.equal(sessions(), pulled, 'not even pulled');
  },
);
