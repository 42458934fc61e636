import { copyFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { ConsignationReport } from '../../agent/contract/messages.ts';
import { commandTopic, leasedMediaTopic } from '../../agent/contract/topics.ts';
import { readLeasedMessage } from '../../agent/trust/leased-media.ts';
import { PATHS } from '../../provisioning/folder.ts';
import { signLease } from '../../provisioning/viewing/lease.ts';
import { runCsu, startCsu } from '../provisioning/processes.ts';
import { clip } from '../support/clips.ts';
import { ffprobe } from '../support/ffprobe.ts';
import { Marker } from '../support/marker.ts';
import {
  carryKeyring,
  certificateOf,
  letPartnerIn,
  letRecipientIn,
  partnerEntry,
} from '../support/partner.ts';
import { memoryHolds } from '../support/process-memory.ts';
import { configurationOf, Scene, SITE, simulatedCamera } from '../support/scene.ts';
import { Subscriber } from '../support/subscriber.ts';
import { until } from '../support/until.ts';

const CAMERA = 'cam-quai';
const TOPIC = leasedMediaTopic(SITE, CAMERA, 'dipn');

/** Bytes that a player has written. */
async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

t.test(
  'leases: the police see what a partner opens for them, and nobody else, the broker among them',
  async (t) => {
    const marker = new Marker(clip('h264-small'));
    const scene = await Scene.create(t);
    const camera = await simulatedCamera(t, [], marker.clip);
    const { csu, broker } = scene.centre;
    const [police, landlord] = [join(scene.folder, 'dipn'), join(scene.folder, 'emh')];
    const dipn = await letRecipientIn(csu, police, [SITE]);
    const partner = await letPartnerIn(csu, landlord, [SITE]);
    await carryKeyring(csu, scene.box);
    await copyFile(csu.file(`${PATHS.broker}/acl`), join(scene.folder, 'broker', 'acl'));
    await broker.stop();
    await broker.restart();
    scene.box.start();
    const { cameras } = configurationOf(camera) as { cameras: object[] };
    const approved = { operators: [{ id: 'cne.martin', approvedUntil: '2099-01-01T00:00:00Z' }] };
    await scene.push({
      cameras: [{ ...cameras[0], regime: 'leased', owner: 'partner', partner: 'emh' }],
      partners: [partnerEntry({ recipients: [{ id: 'dipn', ...approved }] })],
    });
    await scene.box.until('the configuration', ({ config }) => config.appliedVersion > 0);
    await scene.box.until('the camera well', ({ cameras: all }) => all[0]?.state === 'ok');

    const everything = await scene.centre.subscriber([`csu/v1/${SITE}/#`, TOPIC]);
    const own = await Subscriber.connect(broker.url, ['csu/v1/#'], await certificateOf(partner));
    const stolen = await Subscriber.connect(broker.url, [TOPIC], await certificateOf(dipn));
    for (const one of [everything, own, stolen]) t.teardown(() => one.close());
    const film = join(scene.folder, 'film.mp4');
    const where = ['--site', SITE, '--broker', broker.url];
    const player = ['--player', `dd of=${film} status=none`];
    const shown = startCsu(t, ['view', '--folder', police, ...where, '--camera', CAMERA, ...player]);
    const inClear = startCsu(t, ['view', '--folder', csu.path, ...where, '--camera', CAMERA]);
    const register = startCsu(t, [
      'partner',
      'watch',
      '--folder',
      landlord,
      '--broker',
      broker.url,
      '--json',
    ]);
    for (const user of ['dipn', 'emh'])
      await until(() => new RegExp(`Sending SUBACK to ${user}-`).test(broker.log));

    const words = ['--recipient', 'dipn', '--operator', 'cne.martin', '--granted-by', 'a.muller'];
    const lease = ['lease', 'open', '--folder', landlord, ...where, '--camera', CAMERA, ...words];
    const opened = await runCsu(t, [...lease, '--reason', 'intervention', '--minutes', '5']);
    t.match(opened, { code: 0, out: /bail ouvert cam-quai/, err: '' });
    const id = /cam-quai ([\w-]{22})/.exec(opened.out)?.[1] ?? '';
    await stolen.until('pictures', () => stolen.received.length >= 20);

    t.notOk(
      [...stolen.received, ...own.received].some(({ payload }) => marker.isIn(payload.toString('latin1'))),
      'no picture in clear',
    );
    t.ok(stolen.received.every(({ payload }) => readLeasedMessage(payload)?.lease === id));
    const taken = join(scene.folder, 'stolen.mp4');
    await writeFile(taken, Buffer.concat(stolen.received.map(({ payload }) => payload)));
    await t.rejects(ffprobe(taken), 'what another subscriber got is no film');
    for (const one of [everything, own])
      t.notOk(
        one.received.some(({ topic }) => topic.includes('/media/')),
        'the broker gives it to the recipient alone',
      );
    const inBroker = () => memoryHolds(broker.pid ?? 0, (text) => marker.isIn(text));
    t.notOk(inBroker(), 'nor is a picture anywhere in the memory of the broker');
    await scene.csu.publish(commandTopic(SITE), Buffer.concat([Buffer.alloc(900), marker.bytes]), {
      retain: true,
    });
    t.ok(inBroker(), 'where it would be found');

    const told = ['--operator', 'cne.martin', '--done', 'Deux interpellations.'];
    const followup = ['lease', 'followup', '--folder', csu.path, ...where, '--camera', CAMERA];
    t.match(await runCsu(t, [...followup, '--lease', id, ...told]), { code: 0 });
    await register.said(/"action":"lease.closed"/);
    await shown.end('SIGINT');
    await inClear.said(/caméra d'un partenaire.*--leased/);
    t.match(await inClear.end('SIGINT'), { out: '' }, 'who wants them in clear is told that there are none');
    t.ok((await sizeOf(film)) > 0);
    const seen = await ffprobe(film);
    t.ok(seen.frames >= 20, `${seen.frames} pictures shown: ${seen.errors}`);
    const { out } = await register.end('SIGINT');
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ConsignationReport & { verified: boolean });
    t.match(
      lines.map(({ action, verified }) => [action, verified]),
      [
        ['lease.opened', true],
        ['lease.followup', true],
        ['lease.closed', true],
      ],
    );
    const last = lines.at(-1);
    t.match(last, {
      ...{ channel: id, operator: 'cne.martin', on_behalf_of: 'a.muller', recipient: 'dipn' },
      ...{ reason: 'intervention', closed_by: 'followup', partner: 'emh', cause: 'none' },
    });
    t.ok(
      (last?.bytes ?? 0) > 0 && (last?.frames ?? 0) >= seen.frames && (last?.end ?? 0) > (last?.start ?? 0),
    );
    t.match(camera.counters.rtsp, { setups: 1, plays: 1, audioSetups: 0 }, 'one pull, without sound');

    const again = await signLease(partner, {
      ...{ site: SITE, camera: CAMERA, recipient: 'dipn', operator: 'cne.martin' },
      ...{ grantedBy: 'a.muller', reason: 'intervention', minutes: 5 },
    });
    await scene.csu.publish(commandTopic(SITE), again.jws);
    await scene.box.until('the next lease', ({ channels }) => channels.length === 1);
    const close = ['lease', 'close', '--folder', landlord, ...where, '--camera', CAMERA];
    const closed = await runCsu(t, [...close, '--lease', again.id, '--operator', 'a.muller']);
    t.match(closed, { code: 0, out: /bail fermé/, err: '' }, 'the partner closes by the command');
    await scene.box.until('its end', ({ channels }) => channels.length === 0);
  },
);
