import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { MESSAGES } from '../../agent/contract/messages.ts';
import { commandTopic, mediaTopic } from '../../agent/contract/topics.ts';
import { signCommand } from '../../provisioning/sign.ts';
import type { SimulatedCamera } from '../support/camera/camera.ts';
import { messageOf, mistakes } from '../support/contract-check.ts';
import { Dialler } from '../support/dialler.ts';
import { GstCamera } from '../support/gst-camera.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { NutServer } from '../support/nut-server.ts';
import { freePort } from '../support/port.ts';
import { configurationOf, Scene, SITE, simulatedCamera } from '../support/scene.ts';
import { boxAt } from '../video/boxes.ts';

const LOGIN = { user: 'beffroi', password: 'a long password' };
const CAMERAS = 256;
const POINTS = 1024;
/** What a run without faults, objects, views, leases, windows, floods, second paths, full disks, lost time, picture checks and reports need not say: other tests do. */
const ELSEWHERE = [
  'fault',
  'object',
  'gap',
  'pause',
  'mission',
  'channel',
  'consignation',
  'loss',
  'activity',
  'flood',
  'linkBackup',
  'path',
  'window',
  'timeCorrection',
  'picture',
  'siteAvailability',
  'cameraAvailability',
  'segmentAvailability',
  'backbone',
  'inventory',
  'inventoryFinding',
];
/** Who has retained states on a box with one camera: it, the box, and the network that all cameras share. */
const KEPT = ['cam-pont', 'collector', 'seg-all'];

interface Content {
  readonly cameras: readonly object[];
  readonly points?: readonly object[];
}

const camera = (id: string, port: number, path: string, more: object = {}) => ({
  id,
  name: id,
  host: '127.0.0.1',
  regime: 'continuous',
  owner: 'commune',
  rtsp: { port, path },
  ...more,
});

const foreign = ({ port, url }: GstCamera) =>
  camera('cam-pont', port, new URL(url).pathname, { credentials: { version: 1, ...LOGIN } });

/** The other camera of the scene, `cam-quai`. */
const quai = (simulated: SimulatedCamera, more: object = {}) => {
  const [entry] = (configurationOf(simulated) as Content).cameras;
  return { ...entry, ...more };
};

/** Number of the fragment. @see ISO/IEC 14496-12 §8.8.5 */
function fragmentNumber(payload: Buffer): number {
  return boxAt(payload, 'moof', 'mfhd').body.readUInt32BE(4);
}

async function inForce(scene: Scene, content: Content): Promise<void> {
  const version = await scene.push(content);
  await scene.box.until(`version ${version}`, ({ config }) => config.appliedVersion === version);
}

t.test('configuration: through every change an unchanged camera loses no frame', async (t) => {
  const pont = await GstCamera.start({ ...LOGIN, fps: 25, width: 320, height: 180, gop: 10 });
  t.teardown(() => pont.stop());
  const other = await simulatedCamera(t);
  const scene = await Scene.create(t);
  const media = await scene.centre.subscriber([mediaTopic(SITE, 'cam-pont')]);
  t.teardown(() => media.close());
  const fragments = (count: number) => {
    const wanted = media.received.length + count;
    return media.until(`${count} fragments more`, () => media.received.length >= wanted);
  };
  scene.box.start();
  await inForce(scene, { cameras: [foreign(pont), quai(other)] });
  await fragments(5);
  await scene.box.until('the other', ({ cameras }) =>
    cameras.some(({ camera, state }) => camera === 'cam-quai' && state === 'ok'),
  );

  const logins = other.counters.rtsp;
  const before = { ...logins };
  const renewed = { credentials: { version: 2, ...LOGIN } };
  await inForce(scene, { cameras: [quai(other, renewed), foreign(pont)] });
  await scene.csu.until(
    'the other again',
    () => JSON.stringify(other.counters.rtsp) !== JSON.stringify(before),
  );
  await fragments(5);

  const crowd = Array.from({ length: CAMERAS - 2 }, (_, n) => camera(`cam-${n}`, 9, '/'));
  const points = Array.from({ length: POINTS }, (_, n) => ({
    id: `pt-${n}`,
    name: `point ${n}`,
    camera: 'cam-quai',
    kind: 'digital-input',
    input: `input-${n}`,
  }));
  await inForce(scene, { cameras: [foreign(pont), ...crowd, quai(other, renewed)], points });
  await fragments(5);
  const told = (end: string) =>
    new Set(scene.csu.received.filter(({ topic }) => topic.endsWith(end)).map(({ topic }) => topic)).size;
  await scene.csu.until(
    'every state',
    () => told('/alarm-current') === POINTS && told('/state/health') === CAMERAS + 2,
  );
  await inForce(scene, { cameras: [foreign(pont)] });
  await fragments(5);

  const numbers = media.received.map(({ payload }) => fragmentNumber(payload));
  t.same(
    numbers,
    numbers.map((_, index) => (numbers[0] ?? 0) + index),
    'no fragment is missing and none came twice',
  );
  const { samples } = await readMp4(Buffer.concat(media.received.map(({ payload }) => payload)));
  const received = samples.map(({ nals }) => nals.map(sha1).join());
  const sent = pont.sent.filter(({ client }) => client === 1).map(({ nals }) => nals.join());
  const first = sent.indexOf(received[0] ?? '');
  t.same(received, sent.slice(first, first + received.length), 'every frame, in order, none twice');
  t.equal(new Set(pont.sent.map(({ client }) => client)).size, 1, 'the camera saw one session');

  const remains = () => {
    const last = new Map(scene.csu.received.map(({ topic, payload }) => [topic, payload.length]));
    return [...last]
      .filter(([topic, length]) => topic.includes('/state/') && length > 0)
      .map(([topic]) => topic);
  };
  const isKept = (topic: string) => KEPT.includes(topic.split('/')[3] ?? '');
  await scene.csu.until('the retained states of what is gone', () => remains().every(isKept));
  const kept = remains();
  const late = await scene.centre.subscriber([`csu/v1/${SITE}/+/state/+`]);
  t.teardown(() => late.close());
  const heard = () => new Set(late.received.map(({ topic }) => topic));
  await late.until('the retained states', () => kept.every((topic) => heard().has(topic)));
  t.same(
    [...new Set(late.received.map(({ topic }) => topic.split('/')[3]))].sort(),
    KEPT,
    'nothing is retained of what is gone',
  );
});

t.test('contract: whatever a box says in a mixed run is valid against its schema', async (t) => {
  const inputs = ['input-1', 'input-2'];
  const other = await simulatedCamera(t, inputs);
  const scene = await Scene.create(t);
  const media = await scene.centre.subscriber([`csu/v1/${SITE}/+/media/+`]);
  t.teardown(() => media.close());
  scene.box.start();
  const content = configurationOf(other, inputs) as Content;
  const points = [
    ...(content.points ?? []),
    { id: 'pt-main', name: 'main', camera: 'cam-quai', kind: 'tampering' },
  ];
  const nut = await NutServer.start(join(scene.folder, 'nut'));
  t.teardown(() => nut.stop());
  const panelPort = await freePort();
  const equipment = {
    ups: [{ id: 'ups-baie', name: 'Baie', host: '127.0.0.1', port: nut.port, upsName: nut.upsName }],
    panels: [
      {
        id: 'panel-mairie',
        name: 'Mairie',
        listen: { host: '127.0.0.1', port: panelPort },
        accounts: [{ account: '1234', supervisionS: 600 }],
      },
    ],
  };
  const settings = { health: { probeIntervalS: 5, vitalsSchedule: '* * * * * *' } };
  await inForce(scene, { ...content, points, ...equipment, ...settings } as Content);
  await scene.box.until('pictures', ({ cameras }) => cameras[0]?.state === 'ok');
  const heard = (
    key: keyof typeof MESSAGES,
    find: (message: Record<string, unknown>) => boolean = () => true,
  ) => {
    const { class: of, name } = MESSAGES[key];
    return scene.csu.until(key, () => scene.csu.json(`/${of}/${name}`).some(find));
  };
  for (const active of [true, false]) {
    for (const input of inputs) other.setInput(input, active);
    other.setTampering(active);
    await heard(
      'alarm',
      ({ point, transition }) => point === 'pt-main' && (transition === 'raised') === active,
    );
  }
  for (const command of ['agent.ping', 'camera.check', 'stream.restart'] as const) {
    const target = command === 'agent.ping' ? {} : { camera: 'cam-quai' };
    const { jws, id } = await signCommand(scene.centre.csu, { site: SITE, command, ...target });
    await scene.csu.publish(commandTopic(SITE), jws);
    await heard('command', ({ command_id, status }) => command_id === id && status === 'successful');
    await scene.csu.publish(commandTopic(SITE), jws);
    await heard('command', ({ command_id, status }) => command_id === id && status === 'rejected');
  }
  await scene.csu.publish(commandTopic(SITE), 'forged');
  await heard('refusal', ({ cause }) => cause === 'order-unsigned');
  await heard('stream');
  await heard('vitals');
  await heard('ups');
  await new Dialler(t, panelPort).deliver({ token: 'SIA-DCS', account: '1234', data: '#1234|Nri1/RP01' });
  await heard('panelSignal');
  other.setClockOffset(90_000);
  await heard('cameraHealth', ({ cause }) => cause === 'camera-clock-offset');
  await other.unplug();
  await heard('cameraHealth', ({ state }) => state === 'down');
  await other.plug();
  await heard('cameraHealth', ({ state }) => state === 'ok');
  await scene.box.kill();
  await heard('link', ({ online }) => online === false);
  scene.box.start();
  await scene.csu.until('a second start', () =>
    scene.csu.json('/state/link').some(({ boot, online }) => boot === 2 && online),
  );
  await inForce(scene, { cameras: [] });
  await scene.box.stop();

  const wrong = scene.csu.received.flatMap(mistakes);
  t.same(wrong, [], `${scene.csu.received.length} messages`);
  const keys = new Set(scene.csu.received.map(({ topic }) => messageOf(topic)));
  t.same(
    Object.keys(MESSAGES).filter((key) => !ELSEWHERE.includes(key) && !keys.has(key)),
    [],
    'every other message was said',
  );
  t.ok(media.received.length > 0);
  t.same([...new Set(media.received.map(({ topic }) => topic))], [mediaTopic(SITE, 'cam-quai')]);
});

function sha1(nal: Buffer): string {
  return createHash('sha1').update(nal).digest('hex');
}
