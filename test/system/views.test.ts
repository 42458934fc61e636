import t, { type Test } from 'tap';
import type { ChannelEvent, CommandEvent } from '../../agent/contract/messages.ts';
import { commandTopic, mediaTopic } from '../../agent/contract/topics.ts';
import { type CommandRequest, signCommand } from '../../provisioning/sign.ts';
import { runCsu } from '../provisioning/processes.ts';
import { mistakes } from '../support/contract-check.ts';
import { FakeTime } from '../support/fake-time.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { videoOf } from '../support/processes.ts';
import { registerOf } from '../support/register.ts';
import { configurationOf, Scene, SITE, simulatedCamera } from '../support/scene.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { until } from '../support/until.ts';

const nowS = () => Math.floor(Date.now() / 1000);
const MEDIA = mediaTopic(SITE, 'cam-quai');

interface Stage {
  readonly scene: Scene;
  /** Hears the pictures. */
  readonly media: Subscriber;
}

/** A box whose only camera is delivered on demand, well and connected. */
async function onDemand(t: Test, environment: NodeJS.ProcessEnv = {}): Promise<Stage> {
  const scene = await Scene.create(t, environment);
  const camera = await simulatedCamera(t);
  const media = await scene.centre.subscriber([MEDIA]);
  t.teardown(() => media.close());
  scene.box.start();
  const configuration = configurationOf(camera) as { cameras: object[] };
  const [entry] = configuration.cameras;
  await scene.push({ ...configuration, cameras: [{ ...entry, delivery: 'on-demand' }] });
  await scene.box.until('the camera well', ({ cameras }) => cameras[0]?.state === 'ok');
  return { scene, media };
}

type Words = Omit<CommandRequest, 'site' | 'camera'>;

/** Signs and sends. @returns the id of the order and its last status */
async function order({ scene }: Stage, words: Words, camera = 'cam-quai') {
  const { jws, id } = await signCommand(scene.centre.csu, { site: SITE, camera, ...words });
  await scene.csu.publish(commandTopic(SITE), jws);
  const last = () =>
    scene.csu
      .json<CommandEvent>('/event/command')
      .findLast(({ command_id, status }) => command_id === id && !['accepted', 'executing'].includes(status));
  return { id, status: await scene.csu.until(`${words.command} told`, last) };
}

/** Runs a command of the CSU about a view of the camera. */
async function viewCommand(t: Test, { scene }: Stage, command: string, ...words: string[]) {
  const { csu, broker } = scene.centre;
  const where = ['--folder', csu.path, '--site', SITE, '--broker', broker.url, '--camera', 'cam-quai'];
  return await runCsu(t, ['view', command, ...where, ...words]);
}

const open = (stage: Stage, seconds: number) =>
  order(stage, {
    command: 'view.open',
    operator: 'c.weber',
    onBehalfOf: 'police municipale',
    reason: 'rixe signalée',
    end: nowS() + seconds,
  });

/** Sets its end to a moment that is near. @returns the end, Unix ms */
async function endSoon(stage: Stage, view: string, seconds = 3): Promise<number> {
  const words = { operator: 'c.weber', reason: 'bientôt fini' };
  for (;;) {
    const end = nowS() + seconds;
    const { status } = await order(stage, { command: 'view.extend', view, ...words, end });
    if (status.status === 'successful') return end * 1000;
    // A machine that is so slow has not heard of it in time.
    if (status.cause !== 'channel-over') throw new Error(`expected a new end, came ${status.cause}`);
  }
}

const events = ({ scene }: Stage) => scene.csu.events<ChannelEvent>('/cam-quai/event/channel');
const closing = (stage: Stage, id: string) =>
  stage.scene.csu.until('the closing', () =>
    events(stage).find(({ action, channel }) => action === 'view.closed' && channel === id),
  );

t.test(
  'views: a camera on demand is heard while a view is open, from its first key picture on',
  async (t) => {
    const stage = await onDemand(t);
    const { scene, media } = stage;
    t.equal(media.received.length, 0, 'nothing goes out before');
    const who = ['--operator', 'c.weber'];
    const why = ['--for', 'police municipale', '--reason', 'rixe signalée', '--minutes', '1'];
    const opened = await viewCommand(t, stage, 'open', ...who, ...why);
    t.match(opened, { code: 0, err: '' });
    await media.until('pictures', () => media.received.length >= 3);
    await scene.csu.until('the opening', () => events(stage).length > 0);
    const [{ channel: id = '' } = {}] = events(stage);
    t.match(opened.out, id, 'its name is said');
    t.match(events(stage), [
      {
        action: 'view.opened',
        operator: 'c.weber',
        on_behalf_of: 'police municipale',
        cause: 'none',
      },
    ]);
    t.match((await scene.box.status()).channels, [{ channel: id, kind: 'view', operator: 'c.weber' }]);
    const view = ['--view', id, ...who];
    const longer = await viewCommand(t, stage, 'extend', ...view, '--reason', 'en cours', '--minutes', '5');
    t.match(longer, { code: 0, err: '' });
    t.match(registerOf(scene, 'view.extended'), [{ subject: `cam-quai ${id}` }]);
    t.match(await viewCommand(t, stage, 'close', ...view), { code: 0, err: '' });
    const line = await closing(stage, id);
    const bytes = () => media.received.reduce((sum, { payload }) => sum + payload.length, 0);
    await media.until('all that it has counted', () => bytes() >= (line.bytes ?? 0));
    const heard = media.received.length;
    const video = await readMp4(Buffer.concat(media.received.map(({ payload }) => payload)));
    t.match(line, { closed_by: 'order', recipient: 'csu', reason: 'rixe signalée' });
    t.equal(line.bytes, bytes(), 'every byte is counted');
    t.equal(line.frames, video.samples.length, 'every picture is counted');
    await open(stage, 60);
    await media.until('pictures again', () => media.received.length > heard);
    t.same(scene.csu.received.flatMap(mistakes), [], 'every message is of the contract');
  },
);

t.test('views: one closes at its end by itself, and an extended one later', async (t) => {
  const stage = await onDemand(t);
  const [first, second] = [await open(stage, 600), await open(stage, 600)];
  const endMs = await endSoon(stage, first.id);
  const laterMs = await endSoon(stage, second.id, 6);
  const line = await closing(stage, first.id);
  t.match(line, { who: 'box', closed_by: 'end' });
  t.ok(line.end >= endMs, 'not before its end');
  const later = await closing(stage, second.id);
  t.match(later, { who: 'box', closed_by: 'end' });
  t.ok(later.end >= laterMs, 'nor the other');
  const extended = registerOf(stage.scene, 'view.extended').at(-1);
  t.match(extended, { who: /./, subject: /^cam-quai / });
  t.match(JSON.parse(extended?.detail ?? '{}'), {
    ...{ operator: 'c.weber', on_behalf_of: 'police municipale', reason: 'bientôt fini', recipient: 'csu' },
    ...{ start: /Z$/, end: /Z$/, bytes: Number, frames: Number },
  });
  t.match(
    events(stage)
      .filter(({ action }) => action !== 'view.refused')
      .map(({ action }) => action),
    [...['view.opened', 'view.opened', 'view.extended', 'view.extended', 'view.closed', 'view.closed']],
  );
});

t.test(
  'views: one stands over a killed agent, a killed video process and a wall clock that moves, and closes at its end',
  async (t) => {
    const time = await FakeTime.create(t);
    const stage = await onDemand(t, time.environment);
    const { scene, media } = stage;
    const { id } = await open(stage, 600);
    await media.until('pictures', () => media.received.length > 0);
    await time.shift('-1h');
    const video = await until(() => videoOf(scene.box.pid ?? 0));
    process.kill(video, 'SIGKILL');
    await until(async () => ![undefined, video].includes(await videoOf(scene.box.pid ?? 0)));
    const heard = media.received.length;
    await media.until('pictures of the next process', () => media.received.length > heard);
    await scene.box.kill();
    const heardThen = media.received.length;
    scene.box.start();
    await media.until('pictures after the restart', () => media.received.length > heardThen);
    await scene.box.until(
      'the view with its pictures counted, and the link',
      ({ channels: [view], link }) => view?.channel === id && view.bytes > 0 && link.connected,
    );
    await time.shift('+0');
    const endMs = await endSoon(stage, id);
    await time.shift('-1h');
    const line = await closing(stage, id);
    t.match(line, { closed_by: 'end' });
    t.ok(line.end >= endMs);
    t.ok((line.bytes ?? 0) > 0);
  },
);

t.test('views: what may not be opened is refused with its cause and stands in the register', async (t) => {
  const stage = await onDemand(t);
  const { scene } = stage;
  const words = { operator: 'c.weber', onBehalfOf: 'csu', reason: 'essai' };
  const late = await order(stage, { command: 'view.open', ...words, end: nowS() - 1 });
  t.match(late.status, { status: 'rejected', cause: 'channel-over' });
  const long = await order(stage, { command: 'view.open', ...words, end: nowS() + 86_400 });
  t.match(long.status, { status: 'rejected', cause: 'channel-too-long' });
  const unknown = await order(stage, { command: 'view.open', ...words, end: nowS() + 60 }, 'cam-z');
  t.match(unknown.status, { status: 'rejected', cause: 'order-unknown-target' });
  const other = await order(stage, { command: 'view.close', view: 'nobody-knows', operator: 'x' });
  t.match(other.status, { status: 'rejected', cause: 'order-unknown-channel' });
  await scene.csu.until('all told', () => events(stage).length >= 3);
  t.strictSame(
    events(stage).map(({ action, cause }) => `${action} ${cause}`),
    ['view.refused channel-over', 'view.refused channel-too-long', 'view.refused order-unknown-channel'],
  );
  const { kid } = await scene.centre.csu.key('operate');
  const of = (id: string) => registerOf(scene, 'view.refused').find(({ subject }) => subject === id);
  for (const [id, cause] of [
    [late.id, 'channel-over'],
    [long.id, 'channel-too-long'],
  ] as const) {
    const line = of(`cam-quai ${id}`);
    t.match(line, { who: kid, result: cause }, cause);
    t.match(JSON.parse(line?.detail ?? '{}'), { operator: 'c.weber', on_behalf_of: 'csu', reason: 'essai' });
  }
  t.match(of('cam-quai nobody-knows'), { who: kid, result: 'order-unknown-channel' });
  t.match(
    registerOf(scene, 'order.refused').find(({ subject }) => subject.includes(unknown.id)),
    { who: kid, result: 'order-unknown-target' },
    'a camera that is none',
  );
  t.equal(stage.media.received.length, 0, 'and nothing was heard');
});

t.test('views: the configuration that takes delivery on demand away closes a view', async (t) => {
  const stage = await onDemand(t);
  const { id } = await open(stage, 60);
  await stage.scene.push({ cameras: [] });
  t.match(await closing(stage, id), { closed_by: 'configuration', who: 'box' });
});
