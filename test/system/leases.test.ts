import { randomUUID } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import type { ChannelEvent, CommandEvent } from '../../agent/contract/messages.ts';
import { commandTopic, leasedMediaTopic } from '../../agent/contract/topics.ts';
import type { AgentToVideo, VideoToAgent } from '../../agent/contract/video-link.ts';
import { parseSigningKey, type SealKey, type SigningKey } from '../../agent/trust/keys.ts';
import { MediaOpener, readLeasedMessage } from '../../agent/trust/leased-media.ts';
import { generateSigningKey, signOrder } from '../../agent/trust/sign.ts';
import { PATHS } from '../../provisioning/folder.ts';
import { type CommandRequest, signCommand } from '../../provisioning/sign.ts';
import { type LeaseRequest, signLease, signLeaseClose } from '../../provisioning/viewing/lease.ts';
import type { MemberFolder } from '../../provisioning/viewing/member.ts';
import { runCsu } from '../provisioning/processes.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { Chrony } from '../support/chrony.ts';
import { clip, kbpsOf } from '../support/clips.ts';
import { FakeTime } from '../support/fake-time.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import {
  carryKeyring,
  certificateOf,
  letPartnerIn,
  letRecipientIn,
  partnerEntry,
} from '../support/partner.ts';
import { videoOf } from '../support/processes.ts';
import { registerOf } from '../support/register.ts';
import { configurationOf, LOGIN, Scene, SITE, simulatedCamera } from '../support/scene.ts';
import { Subscriber } from '../support/subscriber.ts';
import { until } from '../support/until.ts';

const CAMERA = 'cam-quai';
const TOPIC = leasedMediaTopic(SITE, CAMERA, 'csu');
/** Of a camera that is no partner's. */
const PARC_HOST = '127.0.0.3';

interface Stage {
  readonly scene: Scene;
  readonly camera: SimulatedCamera;
  readonly partner: MemberFolder;
  /** Hears every picture of the box. */
  readonly media: Subscriber;
}

/** A box whose only camera is a partner's. */
async function leased(t: Test): Promise<Stage> {
  return await leasedIn(t, await Scene.create(t));
}

/** @param ofCamera what else stands in the entry of the camera @param beside and in the configuration */
async function leasedIn(
  t: Test,
  scene: Scene,
  more: object = {},
  ofCamera: object = {},
  beside: object = {},
): Promise<Stage> {
  const camera = await simulatedCamera(t);
  const { csu } = scene.centre;
  const partner = await letPartnerIn(csu, join(scene.folder, 'emh'), [SITE]);
  await carryKeyring(csu, scene.box);
  const media = await scene.centre.subscriber([`csu/v1/${SITE}/+/media/+`]);
  t.teardown(() => media.close());
  scene.box.start();
  await scene.push({ ...configuration(camera, more, ofCamera), ...beside });
  await scene.box.until('the configuration', ({ config }) => config.appliedVersion > 0);
  await scene.box.until('the link', ({ link, video }) => link.connected && video.brokerConnected);
  await scene.box.until(
    'the camera described',
    ({ cameras: [seen] }) => seen?.state === 'ok' || seen?.cause === 'camera-law-breach',
  );
  return { scene, camera, partner, media };
}

function configuration(camera: SimulatedCamera, more: object = {}, ofCamera: object = {}): object {
  const { cameras } = configurationOf(camera) as { cameras: object[] };
  const entry = { ...cameras[0], regime: 'leased', owner: 'partner', partner: 'emh', ...ofCamera };
  return { cameras: [entry], partners: [partnerEntry(more)] };
}

const WORDS: Omit<LeaseRequest, 'site'> = {
  camera: CAMERA,
  recipient: 'csu',
  operator: 'c.weber',
  grantedBy: 'a.muller',
  reason: 'common-areas',
  minutes: 5,
};

const reports = ({ scene }: Stage) => scene.csu.events<ChannelEvent>(`/${CAMERA}/report/emh`);
const report = (stage: Stage, action: ChannelEvent['action'], id: string) =>
  stage.scene.csu.until(`${action} ${id}`, () =>
    reports(stage).find((line) => line.action === action && line.channel === id),
  );

async function open(stage: Stage, words: Partial<LeaseRequest> = {}): Promise<string> {
  const { jws, id } = await signLease(stage.partner, { site: SITE, ...WORDS, ...words });
  await stage.scene.csu.publish(commandTopic(SITE), jws);
  return id;
}

const status = ({ scene }: Stage, id: string) =>
  scene.csu.until('the end of the order', () =>
    scene.csu
      .json<CommandEvent>('/event/command')
      .find(
        ({ command_id, status: how }) =>
          command_id === id && ['successful', 'failed', 'rejected'].includes(how),
      ),
  );

t.test('leases: what the partner signs opens its camera for the named recipient alone', async (t) => {
  const stage = await leased(t);
  const { scene, media } = stage;
  t.equal(media.received.length, 0, 'closed by default');
  const id = await flowing(stage);
  t.match(await status(stage, id), { status: 'successful' });
  await media.until('pictures', () => media.received.length >= 6);
  const key = await scene.centre.csu.recipientKey();
  const opener = await openerFor(stage, 'csu', key, media.received[0]);
  const parts: Buffer[] = [];
  for (const { topic, payload } of media.received) {
    t.equal(topic, TOPIC, 'nothing on any other topic');
    parts.push((await opener.open(payload)) ?? Buffer.alloc(0));
  }
  const video = await readMp4(Buffer.concat(parts));
  t.ok(video.samples.length >= 10, `${video.samples.length} pictures`);
  const close = await signLeaseClose(stage.partner, {
    site: SITE,
    camera: CAMERA,
    lease: id,
    operator: 'a.muller',
  });
  await scene.csu.publish(commandTopic(SITE), close.jws);
  const line = await report(stage, 'lease.closed', id);
  t.match(line, {
    closed_by: 'order',
    operator: 'c.weber',
    on_behalf_of: 'a.muller',
    reason: 'common-areas',
  });
  t.ok((line.frames ?? 0) >= video.samples.length || isUncounted(line));
});

/** The video process had no time to tell what it counted last, and the line says so. */
function isUncounted({ detail = '' }: ChannelEvent): boolean {
  return /what the video process had told by 2.*Z$/.test(detail);
}

/** The hard end that a lease was signed with, Unix ms. */
function endOf(jws: string): number {
  const { payload } = JSON.parse(jws) as { payload: string };
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { end: number }).end * 1000;
}

const closed = (stage: Stage, id: string) => report(stage, 'lease.closed', id);

/** Signs with the operator's key of the CSU and sends. */
async function byCsu(
  { scene }: Stage,
  command: 'lease.close' | 'lease.followup',
  words: object,
): Promise<string> {
  const request = { site: SITE, camera: CAMERA, command, operator: 'c.weber', ...words };
  const { jws, id } = await signCommand(scene.centre.csu, request);
  await scene.csu.publish(commandTopic(SITE), jws);
  return id;
}

/** Opens and waits for pictures of this lease; once more where the video process had no time for it in five seconds. */
async function flowing(stage: Stage, words: Partial<LeaseRequest> = {}): Promise<string> {
  for (;;) {
    const id = await open(stage, words);
    const ofIt = () => stage.media.received.filter(({ payload }) => readLeasedMessage(payload)?.lease === id);
    const isLate = () =>
      stage.scene.csu
        .json<CommandEvent>('/event/command')
        .some(({ command_id, cause }) => command_id === id && cause === 'video-process-down');
    await stage.media.until('pictures', () => ofIt().length > 1 || isLate());
    if (!isLate()) return id;
  }
}

/** Opens one that ends within seconds; a machine that is so slow that it hears of it too late is asked again. */
async function brief(stage: Stage): Promise<{ jws: string; id: string }> {
  for (;;) {
    const order = await signLease(stage.partner, { site: SITE, ...WORDS, minutes: 0.1 });
    await stage.scene.csu.publish(commandTopic(SITE), order.jws);
    const { status: how, cause = '' } = await status(stage, order.id);
    if (how === 'successful') return order;
    if (!['channel-over', 'channel-closed', 'video-process-down'].includes(cause))
      throw new Error(`expected an open lease, came ${cause}`);
  }
}

/** The camera sends to nobody any more. */
async function isLeft({ camera }: Stage): Promise<void> {
  await until(() => camera.rtsp.openSessions === 0);
}

/** Nor is it played again: the box looks after it once more, and asks for no pictures. */
async function isSilent(t: Test, stage: Stage): Promise<void> {
  await isLeft(stage);
  const { csu } = stage.scene.centre;
  const { framesSent, plays } = stage.camera.counters.rtsp;
  const check = await signCommand(csu, { site: SITE, camera: CAMERA, command: 'camera.check' });
  await stage.scene.csu.publish(commandTopic(SITE), check.jws);
  await status(stage, check.id);
  t.match(stage.camera.counters.rtsp, { framesSent, plays }, 'silence');
}

/** What a camera is asked that says what it is and changes nothing: neither a picture nor a movement. */
const READS = /^Get(?!SnapshotUri)/;

/** Every order that names a camera, and whether it is taken. */
function ordersOf(): [Omit<CommandRequest, 'site'>, 'successful' | 'rejected' | 'any'][] {
  const now = Math.floor(Date.now() / 1000);
  const [times, said] = [
    { start: now, end: now + 600 },
    { by: 'x', why: 'essai' },
  ];
  const view = { operator: 'c.weber', onBehalfOf: 'csu', reason: 'curieux', end: now + 600 };
  return [
    [{ command: 'camera.check', camera: CAMERA }, 'successful'],
    [{ command: 'health.confirm', camera: CAMERA, by: 'x' }, 'any'],
    [{ command: 'picture.confirm', camera: CAMERA }, 'any'],
    [{ command: 'picture.reset', camera: CAMERA }, 'any'],
    [{ command: 'maintenance.announce', cameras: [CAMERA], ...times, ...said }, 'successful'],
    [{ command: 'mission.announce', cameras: [CAMERA], priority: 9, ...times, ...said }, 'rejected'],
    [{ command: 'stream.restart', camera: CAMERA }, 'rejected'],
    [{ command: 'view.open', camera: CAMERA, ...view }, 'rejected'],
  ];
}

async function orderAll(t: Test, stage: Stage): Promise<void> {
  for (const [words, expected] of ordersOf()) {
    const { jws, id } = await signCommand(stage.scene.centre.csu, { site: SITE, ...words });
    await stage.scene.csu.publish(commandTopic(SITE), jws);
    const end = await status(stage, id);
    if (expected !== 'any') t.equal(end.status, expected, words.command);
  }
}

t.test(
  'leases: the camera is only read, whatever is ordered and configured, in one and outside',
  async (t) => {
    const scene = await Scene.create(t);
    const asked = { minFps: 1, law: { role: 'wide' } };
    const stage = await leasedIn(t, scene, {}, asked, { health: { pictureIntervalS: 1 } });
    const looks = () => scene.csu.json(`/${CAMERA}/meas/picture`);
    const { rtsp, onvif } = stage.camera.counters;
    t.match(rtsp, { setups: 0, plays: 0 });
    await orderAll(t, stage);
    const outside = () => Object.keys(rtsp.methods).filter((method) => !/^(OPTIONS|DESCRIBE)$/.test(method));
    t.same(outside(), [], 'outside of a lease no stream is opened');
    t.ok(rtsp.describes >= 1);
    const { csu } = stage.scene;
    const health = await csu.until('what is known of the camera', () =>
      csu.json(`/${CAMERA}/state/health`).find(({ described }) => described === 'yes'),
    );
    t.match(health, { owner: 'partner' });
    t.same(looks(), [], 'and no picture is looked at');
    const lease = await flowing(stage);
    const look = await csu.until('a look in the lease', () => looks()[0]);
    t.match(look, { camera: CAMERA, level_mean: Number });
    t.ok(Object.values(look).every((value) => ['number', 'string'].includes(typeof value)));
    await orderAll(t, stage);
    await byCsu(stage, 'lease.close', { lease });
    await closed(stage, lease);
    await isSilent(t, stage);
    const looked = looks().length;
    await orderAll(t, stage);
    t.equal(looks().length, looked, 'with the lease its looks have ended');
    t.match(rtsp, { setups: 1, plays: 1, audioSetups: 0 }, 'one stream, of the lease');
    const others = outside().filter((method) => !/^(SETUP|PLAY|TEARDOWN|GET_PARAMETER)$/.test(method));
    t.same(others, [], 'and nothing beside it');
    const operations = Object.keys(onvif.operations);
    t.ok(operations.includes('GetDeviceInformation'));
    t.same(
      operations.filter((name) => !READS.test(name)),
      [],
      'nothing is moved, set, subscribed to or taken',
    );
    t.match(onvif, { subscriptions: 0, pulls: 0 });
    const paths = Object.keys(onvif.others).filter((what) => !/^POST \/onvif\//.test(what));
    t.same(paths, [], 'and no other door is tried');
  },
);

interface Recipient {
  readonly id: 'csu' | 'dipn';
  readonly key: SealKey;
  readonly heard: Subscriber;
}

/** The CSU and the police as recipients of the camera, each with its key and its own ear at the broker. */
async function twoRecipients(t: Test): Promise<{ stage: Stage; csu: Recipient; dipn: Recipient }> {
  const scene = await Scene.create(t);
  const { csu, broker } = scene.centre;
  const police = await letRecipientIn(csu, join(scene.folder, 'dipn'));
  await copyFile(csu.file(`${PATHS.broker}/acl`), join(scene.folder, 'broker', 'acl'));
  await broker.stop();
  await scene.brokerReturns();
  const approvedUntil = '2099-01-01T00:00:00Z';
  const recipients = [
    { id: 'csu', operators: [{ id: 'c.weber', approvedUntil }] },
    { id: 'dipn', operators: [{ id: 'cne.martin', approvedUntil }] },
  ];
  const stage = await leasedIn(t, scene, { recipients });
  const topic = leasedMediaTopic(SITE, CAMERA, 'dipn');
  const heard = await Subscriber.connect(broker.url, [topic], await certificateOf(police));
  t.teardown(() => heard.close());
  return {
    stage,
    csu: { id: 'csu', key: await csu.recipientKey(), heard: stage.media },
    dipn: { id: 'dipn', key: await police.sealKey(), heard },
  };
}

/** What a recipient has got of a lease. */
const ofLease = ({ heard }: Recipient, lease: string) =>
  heard.received.flatMap(({ payload }) => {
    const message = readLeasedMessage(payload);
    return message?.lease === lease ? [{ ...message, payload }] : [];
  });

/** Opens what the box of the scene has signed, as of when the first message was made. */
async function openerFor(
  { scene }: Pick<Stage, 'scene'>,
  recipient: Recipient['id'],
  key: SealKey,
  { payload }: { readonly payload: Buffer } = { payload: Buffer.alloc(0) },
): Promise<MediaOpener> {
  const madeMs = readLeasedMessage(payload)?.made?.messageMs ?? 0;
  const topic = leasedMediaTopic(SITE, CAMERA, recipient);
  const { sign: boxKey } = await scene.centre.csu.box(SITE);
  return new MediaOpener({
    ...{ site: SITE, camera: CAMERA, recipient, topic },
    key,
    boxKey,
    nowMs: () => madeMs,
  });
}

/** One reads what came for it, and the other can do nothing with it, whomever it says to be. */
async function readsAlone(
  t: Test,
  stage: Stage,
  one: Recipient,
  other: Recipient,
  lease: string,
): Promise<void> {
  await one.heard.until('pictures', () => ofLease(one, lease).length >= 3);
  const messages = ofLease(one, lease);
  const opener = await openerFor(stage, one.id, one.key, messages[0]);
  const parts: Buffer[] = [];
  for (const { payload } of messages) parts.push((await opener.open(payload)) ?? Buffer.alloc(0));
  t.ok((await readMp4(Buffer.concat(parts))).samples.length >= 2, `${one.id} reads it`);
  const [first] = messages.filter(({ sealedKey }) => sealedKey !== '');
  for (const said of [one.id, other.id])
    await t.rejects(
      (await openerFor(stage, said, other.key, first)).open(first?.payload ?? Buffer.alloc(0)),
      { code: 'secret-unopenable' },
      `not ${other.id}`,
    );
  t.same(ofLease(other, lease), [], 'to whom it does not come either');
}

/** Who, for whom, why, to whom, from when to when, and how much. */
function isWhole(t: Test, { who, detail }: { readonly who: string; readonly detail: string }): void {
  const told = JSON.parse(detail);
  t.ok(who !== '' && told.operator !== '' && told.on_behalf_of !== '' && told.reason !== '');
  t.ok(Date.parse(told.start) < Date.parse(told.end));
  t.ok(Number.isInteger(told.bytes) && Number.isInteger(told.frames));
}

t.test('leases: two recipients at once: each sees its own, closes alone, and is registered', async (t) => {
  const { stage, csu, dipn } = await twoRecipients(t);
  const police = { recipient: 'dipn', operator: 'cne.martin' } as const;
  const [first, second] = [await open(stage), await open(stage, { ...police, reason: 'intervention' })];
  const again = await open(stage, police);
  t.match(await status(stage, again), { status: 'rejected', cause: 'channel-open' }, 'one channel for each');
  await readsAlone(t, stage, csu, dipn, first);
  await readsAlone(t, stage, dipn, csu, second);
  t.match(stage.camera.counters.rtsp, { setups: 1, plays: 1 }, 'of one pull');
  await byCsu(stage, 'lease.close', { lease: first });
  const ended = await closed(stage, first);
  t.match(ended, { recipient: 'csu', operator: 'c.weber', closed_by: 'order' });
  const heard = ofLease(dipn, second).length;
  await dipn.heard.until('pictures of the other', () => ofLease(dipn, second).length > heard + 2);
  await byCsu(stage, 'lease.followup', { lease: second, operator: 'cne.martin', done: 'Rien à signaler.' });
  t.match(await closed(stage, second), {
    ...{ recipient: 'dipn', operator: 'cne.martin', reason: 'intervention', closed_by: 'followup' },
  });
  await isSilent(t, stage);
  const bytes = ofLease(csu, first).reduce((sum, { ciphertext }) => sum + ciphertext.length, 0);
  t.ok(
    bytes <= (ended.bytes ?? 0) || isUncounted(ended),
    'of the first nothing came that was not counted as it closed',
  );
  const lines = [...registerOf(stage.scene, 'lease.opened'), ...registerOf(stage.scene, 'lease.closed')];
  t.strictSame(
    lines.map(({ subject, detail }) => [subject, JSON.parse(detail).recipient]),
    [
      [`${CAMERA} ${first}`, 'csu'],
      [`${CAMERA} ${second}`, 'dipn'],
      [`${CAMERA} ${first}`, 'csu'],
      [`${CAMERA} ${second}`, 'dipn'],
    ],
  );
  for (const line of lines) isWhole(t, line);
  const [opened, , closing] = lines.map(({ detail }) => JSON.parse(detail));
  const words = { operator: 'c.weber', on_behalf_of: 'a.muller', reason: 'common-areas' };
  t.match(opened, { ...words, bytes: 0, frames: 0 });
  t.match(closing, { ...words, closed_by: 'order', bytes: ended.bytes, frames: ended.frames });
});

/** A camera of the commune comes beside it, and the budget of the backbone holds one of them. */
async function withoutRoom(t: Test, { scene, camera }: Stage): Promise<void> {
  const played = clip('h264-small');
  const other = new SimulatedCamera({ name: 'Parc', clip: played, ...LOGIN, host: PARC_HOST });
  await other.start();
  t.teardown(() => other.stop());
  const { cameras } = configurationOf(other) as { cameras: object[] };
  const configured = configuration(camera) as { cameras: object[] };
  const parc = { ...cameras[0], id: 'cam-parc', name: 'Parc', host: PARC_HOST };
  const video = { backbone: { brokerKbps: Math.ceil(kbpsOf(played) * 1.5) } };
  await scene.push({ ...configured, video, cameras: [...configured.cameras, parc] });
  await scene.box.until('the other camera', ({ cameras: [, seen] }) => seen?.state === 'ok');
}

t.test('leases: the CSU closes, and tells the partner the follow-up', async (t) => {
  const stage = await leased(t);
  await withoutRoom(t, stage);
  const pauses = () => stage.scene.csu.json<{ transition: string }>('/cam-parc/event/pause');
  t.same(pauses(), [], 'one of them fits');
  const first = await flowing(stage);
  await stage.scene.csu.until('the lease goes first', () =>
    pauses().some(({ transition }) => transition === 'paused'),
  );
  const { csu, broker } = stage.scene.centre;
  const where = ['--folder', csu.path, '--site', SITE, '--broker', broker.url, '--camera', CAMERA];
  const command = ['lease', 'close', ...where, '--lease', first, '--operator', 'c.weber'];
  t.match(await runCsu(t, command), { code: 0, err: '' });
  t.match(await closed(stage, first), { closed_by: 'order' });
  await isSilent(t, stage);
  const second = await flowing(stage);
  t.match(stage.camera.counters.rtsp, { setups: 2, plays: 2 }, 'the camera is asked anew: nothing was kept');
  await byCsu(stage, 'lease.followup', { lease: second, done: 'Patrouille sur place, retour au calme.' });
  t.match(await report(stage, 'lease.followup', second), {
    ...{ operator: 'c.weber', detail: 'Patrouille sur place, retour au calme.', partner: 'emh' },
  });
  t.match(await closed(stage, second), { closed_by: 'followup' });
  const late = await byCsu(stage, 'lease.followup', { lease: first, done: 'Plainte déposée.' });
  t.match(await status(stage, late), { status: 'successful' }, 'also after it has closed');
  await isSilent(t, stage);
});

t.test('leases: one ends at its hard end, and the next needs a new one', async (t) => {
  const stage = await leased(t);
  const order = await brief(stage);
  const line = await closed(stage, order.id);
  t.match(line, { closed_by: 'end', who: 'box' });
  t.ok(line.end >= endOf(order.jws), 'not before');
  await isSilent(t, stage);
  await stage.scene.csu.publish(commandTopic(SITE), order.jws);
  await stage.scene.csu.until('the replay told', () =>
    reports(stage).some(({ action, cause }) => action === 'lease.refused' && cause === 'order-replayed'),
  );
  await isSilent(t, stage);
});

t.test('leases: the link to the centre silent or lost for too long closes', async (t) => {
  const scene = await Scene.create(t);
  // The keep-alive of the connection would notice in minutes.
  const stage = await leasedIn(t, scene, { controlLossS: 3 }, {}, { delivery: { supervisionS: 600 } });
  const { broker } = scene.centre;
  const isClosed = () => scene.box.until('the end of the lease', ({ channels }) => channels.length === 0);
  const silent = await flowing(stage);
  broker.pause();
  await isClosed();
  broker.resume();
  t.match(await closed(stage, silent), { closed_by: 'control-link', who: 'box' }, 'a silent one');
  const lost = await flowing(stage);
  await broker.kill();
  await isClosed();
  await scene.brokerReturns();
  t.match(await closed(stage, lost), { closed_by: 'control-link', who: 'box' });
  await isSilent(t, stage);
});

t.test('leases: a killed agent closes at once, and tells it when it is back', async (t) => {
  const stage = await leased(t);
  const id = await flowing(stage);
  await stage.scene.box.kill();
  await isLeft(stage);
  stage.scene.box.start();
  t.match(await closed(stage, id), { closed_by: 'agent' });
  await stage.scene.box.until('the camera well', ({ cameras }) => cameras[0]?.state === 'ok');
  await isSilent(t, stage);
});

/** Messages of a lease that the CSU has. */
const messagesOf = ({ media }: Stage, id: string) =>
  media.received.flatMap(({ payload }) => {
    const message = readLeasedMessage(payload);
    return message?.lease === id ? [message] : [];
  });

t.test(
  'leases: a killed video process closes; what its kernel still sends is counted, and the next one opens nothing',
  async (t) => {
    const stage = await leased(t);
    const { box, centre } = stage.scene;
    const id = await flowing(stage);
    centre.broker.pause();
    const before = (await box.status()).channels[0]?.frames ?? 0;
    // So much more lies in the memory of the kernel: the broker reads nothing.
    await box.until('pictures on the way', ({ channels: [one] }) => (one?.frames ?? 0) > before + 10);
    const got = messagesOf(stage, id).length;
    const video = await until(() => videoOf(box.pid ?? 0));
    process.kill(video, 'SIGKILL');
    await box.until('the end of the lease', ({ channels }) => channels.length === 0);
    centre.broker.resume();
    const line = await closed(stage, id);
    t.match(line, {
      ...{ closed_by: 'video', who: 'box' },
      detail: /^bytes and pictures are what the video process had told by 2.*Z$/,
    });
    t.match(JSON.parse(line.line_detail), { detail: line.detail, bytes: line.bytes, frames: line.frames });
    await stage.media.until('what came after it had died', () => messagesOf(stage, id).length > got);
    await until(() =>
      new RegExp(`Client ${SITE}-lease-1\\S* .*(closed|disconnected)`).test(centre.broker.log),
    );
    const messages = messagesOf(stage, id);
    const bytes = messages.reduce((sum, { ciphertext }) => sum + ciphertext.length, 0);
    t.ok(bytes <= (line.bytes ?? 0), `${bytes} bytes came, ${line.bytes} are in the register`);
    await until(async () => ![undefined, video].includes(await videoOf(box.pid ?? 0)));
    await box.until(
      'the next video process',
      ({ video: { running, brokerConnected } }) => running && brokerConnected,
    );
    await isSilent(t, stage);
  },
);

t.test('leases: an agent that stands still closes, although it says nothing', async (t) => {
  const stage = await leased(t);
  const id = await flowing(stage);
  stage.scene.box.pause();
  await isLeft(stage);
  stage.scene.box.resume();
  t.match(await closed(stage, id), { closed_by: 'agent' });
  await isSilent(t, stage);
});

t.test(
  'leases: a clock that is not believed closes, and so does a configuration of other terms',
  async (t) => {
    const [time, chrony] = [await FakeTime.create(t), await Chrony.create(t)];
    await chrony.synchronised();
    const scene = await Scene.create(t, { ...time.environment, ...chrony.environment }, 'chrony');
    const stage = await leasedIn(t, scene);
    const doubted = await flowing(stage);
    await time.shift('+60'); // of the five minutes of the lease
    t.match(await closed(stage, doubted), { closed_by: 'clock', who: 'box' });
    await isLeft(stage);
    await time.shift('+0');
    await scene.box.until('the clock', ({ clock }) => clock !== 'untrusted');
    const first = await flowing(stage);
    await stage.scene.push(configuration(stage.camera, { controlLossS: 19 }));
    t.match(await closed(stage, first), { closed_by: 'configuration' });
    const second = await flowing(stage);
    const at = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    const convention = { reference: '467/2024', validFrom: at(-30), validUntil: at(-1) };
    await stage.scene.push(configuration(stage.camera, { convention }));
    t.match(await closed(stage, second), { closed_by: 'configuration' });
    const third = await open(stage);
    t.match(await report(stage, 'lease.refused', third), { cause: 'lease-convention' });
    await isSilent(t, stage);
  },
);

t.test('leases: nobody but the partner of the camera opens, and each try is told', async (t) => {
  const stage = await leased(t);
  const { scene, partner } = stage;
  const { csu } = scene.centre;
  t.match(
    await askedPermit(scene),
    { granted: false, code: 'lease-none' },
    'nor does a video process by itself',
  );
  await scene.box.until('its own video process', ({ video }) => video.running && video.brokerConnected);
  const now = Math.floor(Date.now() / 1000);
  const { jws } = await signLease(partner, { site: SITE, ...WORDS });
  const claims = JSON.parse(Buffer.from(JSON.parse(jws).payload, 'base64url').toString());
  const operate = await csu.key('operate');
  const key = await partner.signingKey();
  const wrong = (jti: string, more: object) => signOrder({ ...claims, jti, ...more }, [key]);
  const closing = { typ: 'command', aud: SITE, iat: now, exp: now + 300, command: 'lease.close' };
  const tries: [string, string, string][] = [
    ['by the CSU', signOrder({ ...claims, jti: 'csu-lease-1' }, [operate]), 'order-wrong-role'],
    ['by a stranger', signOrder({ ...claims, jti: 'csu-lease-2' }, [stranger()]), 'order-bad-signature'],
    ['view of it', signOrder(viewOf(now), [operate]), 'order-wrong-regime'],
    ['cut', jws.slice(0, -9), 'order-unsigned'],
    ['without a signature', changed(jws, { signatures: [] }), 'order-unsigned'],
    [
      'altered after it was signed',
      changed(jws, { payload: encoded({ ...claims, end: now + 900 }) }),
      'order-bad-signature',
    ],
    ['of another box', wrong('partner-8', { aud: '57672-mairie' }), 'order-wrong-audience'],
    ['malformed', wrong('partner-1', { reason: 'curiosity' }), 'order-invalid'],
    ['late', wrong('partner-2', { iat: now - 120, exp: now - 60 }), 'order-expired'],
    ['of another camera', wrong('partner-4', { camera: 'cam-nowhere' }), 'order-unknown-target'],
    ['too long', wrong('partner-5', { end: now + 5 * 3600 }), 'channel-too-long'],
    ['to another key', wrong('partner-7', { recipientKey: 'abcdefgh12345678' }), 'lease-recipient'],
    ['for a stranger', wrong('partner-9', { operator: 'nobody' }), 'lease-operator'],
    [
      'closing of none',
      signOrder({ ...closing, jti: 'partner-10', camera: CAMERA, lease: 'no-lease-1', operator: 'x' }, [key]),
      'order-unknown-channel',
    ],
  ];
  for (const [what, text, cause] of tries) {
    const told = scene.csu.events('/event/refusal').length;
    await scene.csu.publish(commandTopic(SITE), text);
    const refusal = await scene.csu.until(what, () => scene.csu.events('/event/refusal')[told]);
    t.equal(refusal.cause, cause, what);
  }
  t.strictSame(
    registerOf(scene, 'order.refused').map(({ result }) => result),
    tries.map(([, , cause]) => cause),
    'each is a line of the register with its code',
  );
  t.strictSame(
    registerOf(scene, 'lease.refused').map(({ who, subject, result }) => [who, subject, result]),
    [
      [operate.kid, `${CAMERA} csu-lease-1`, 'order-wrong-role'],
      [key.kid, `${CAMERA} partner-2`, 'order-expired'],
      [key.kid, 'cam-nowhere partner-4', 'order-unknown-target'],
      [key.kid, `${CAMERA} partner-5`, 'channel-too-long'],
      [key.kid, `${CAMERA} partner-7`, 'lease-recipient'],
      [key.kid, `${CAMERA} partner-9`, 'lease-operator'],
      [key.kid, `${CAMERA} no-lease-1`, 'order-unknown-channel'],
    ],
    'and what is signed and readable also one of the camera',
  );
  t.equal(stage.media.received.length, 0, 'not a byte on any topic');
  t.match(stage.camera.counters.rtsp, { setups: 0, plays: 0 }, 'because none was ever asked for');
  t.match(await status(stage, await open(stage)), { status: 'successful' }, 'that of the partner opens');
});

/** What the agent answers a video process that wants to connect to the camera; the one that runs comes back after it. */
async function askedPermit({ folder }: Scene): Promise<object> {
  const agent = createConnection(join(folder, 'run', 'video.sock'));
  const said: VideoToAgent[] = [
    { type: 'hello', pid: process.pid, run: randomUUID(), software: 'test', firstGap: 1 },
    { type: 'permit-request', request: 1, camera: CAMERA },
  ];
  agent.write(said.map((line) => `${JSON.stringify(line)}\n`).join(''));
  try {
    for await (const line of createInterface({ input: agent })) {
      const answer = JSON.parse(line) as AgentToVideo;
      if (answer.type === 'permit') return answer;
    }
  } finally {
    agent.destroy();
  }
  throw new Error('expected an answer, came the end of the link');
}

function changed(jws: string, more: object): string {
  return JSON.stringify({ ...JSON.parse(jws), ...more });
}

function encoded(claims: object): string {
  return Buffer.from(JSON.stringify(claims)).toString('base64url');
}

function viewOf(now: number): object {
  return {
    ...{ typ: 'command', aud: SITE, jti: 'view-of-leased', iat: now, exp: now + 300, command: 'view.open' },
    ...{ camera: CAMERA, operator: 'c.weber', onBehalfOf: 'csu', reason: 'curieux', end: now + 600 },
  };
}

function stranger(): SigningKey {
  return parseSigningKey(JSON.stringify(generateSigningKey().privateJwk));
}
