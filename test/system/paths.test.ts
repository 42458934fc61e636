import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { desiredConfigTopic } from '../../agent/contract/topics.ts';
import { signConfiguration } from '../../provisioning/sign.ts';
import { startCsu } from '../provisioning/processes.ts';
import { TestBox } from '../support/box.ts';
import { Centre } from '../support/centre.ts';
import { mistakes } from '../support/contract-check.ts';
import { Relay } from '../support/relay.ts';
import { configurationOf, SITE, simulatedCamera } from '../support/scene.ts';
import type { Subscriber } from '../support/subscriber.ts';
import { until } from '../support/until.ts';
import { type Alarm, INPUTS, stored } from './receiving.ts';

const DELIVERY = {
  confirm: 'receipt',
  resendAfterS: 5,
  supervisionS: 8,
  backupSupervisionS: 60,
  category: 'DP4',
};
const ON_BACKUP = [
  'ack/receipt',
  'event/alarm',
  'event/path',
  'hist/alarm',
  'hist/path',
  'state/link-backup',
];

async function stage(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const camera = await simulatedCamera(t, INPUTS);
  const centre = await Centre.create(folder);
  t.teardown(() => centre.end());
  const backup = await centre.anotherBroker(join(folder, 'backup'));
  t.teardown(() => backup.stop());
  const relay = await Relay.start(() => centre.broker.port);
  t.teardown(() => relay.stop());
  const filters = [`csu/v1/${SITE}/#`];
  const onMain = await centre.subscriber(filters);
  t.teardown(() => onMain.close());
  const onBackup = await centre.subscriber(filters, undefined, backup);
  t.teardown(() => onBackup.close());
  const box = await TestBox.enrol(centre.csu, folder, {
    site: SITE,
    brokers: [`mqtts://localhost:${relay.port}`],
    backupBrokers: [backup.url],
  });
  t.teardown(() => box.stop());
  const archive = join(folder, 'archive.db');
  const brokers = [centre.broker.url, backup.url].flatMap((url) => ['--broker', url]);
  const receiver = startCsu(t, ['receive', '--folder', centre.csu.path, ...brokers, '--database', archive]);
  await receiver.said(/broker connected[\s\S]*broker connected/);
  const configuration = { ...configurationOf(camera, INPUTS), delivery: DELIVERY };
  const { jws } = await signConfiguration(centre.csu, { site: SITE, configuration });
  await onMain.publish(desiredConfigTopic(SITE), jws, { retain: true });
  box.start();
  return { camera, relay, onMain, onBackup, box, archive };
}

/** Ends of the topics that came, without site and entity. */
function kinds({ received }: Subscriber): string[] {
  return [...new Set(received.map(({ topic }) => topic.split('/').slice(4).join('/')))].sort();
}

async function alarmsIn(archive: string, count: number): Promise<Alarm[]> {
  return await until(() => {
    const alarms = stored(archive);
    return alarms.length >= count && alarms;
  });
}

t.test(
  'system: the main path goes dead: alarms take the back-up with their receipts, pictures do not',
  async (t) => {
    const { camera, relay, onMain, onBackup, box, archive } = await stage(t);
    await box.until(
      'both paths, and every point',
      ({ link, alarms }) =>
        link.path === 'main' &&
        link.backup === 'up' &&
        alarms.length === 2 &&
        alarms.every(({ state }) => state === 'cleared'),
    );
    await onMain.until('pictures', () => onMain.received.some(({ topic }) => topic.endsWith('/media/main')));
    camera.setInput('input-1', true);
    t.equal((await alarmsIn(archive, 1)).length, 1);

    relay.dead = true;
    await box.until('the back-up', ({ link }) => link.path === 'backup');
    for (const input of INPUTS) camera.setInput(input, input === 'input-2');
    const alarms = await alarmsIn(archive, 3);
    t.same(
      alarms
        .map(({ point, transition }) => [point, transition])
        .slice(1)
        .sort(),
      [
        ['pt-input-1', 'cleared'],
        ['pt-input-2', 'raised'],
      ],
    );
    await onBackup.until('the state of the link', () => {
      const link = onBackup.json('/state/link-backup').at(-1);
      return link?.in_use === 'backup' && link.other_path === 'lost';
    });
    const link = onBackup.json('/state/link-backup').at(-1);
    t.match(link, { online: true, in_use: 'backup', other_path: 'lost', supervision_s: 8, category: 'DP4' });
    const paths = () => onBackup.events('/event/path');
    await onBackup.until('the event', () => paths().length > 0);
    t.match(paths(), [{ main: 'lost', backup: 'up', in_use: 'backup' }]);
    t.same(
      kinds(onBackup).filter((kind) => !ON_BACKUP.includes(kind)),
      [],
      'nothing but alarms, their receipts and the state of the link',
    );

    relay.dead = false;
    relay.drop();
    await box.until('the main path again', ({ link: now }) => now.path === 'main' && now.outboxPending === 0);
    camera.setInput('input-2', false);
    const all = await alarmsIn(archive, 4);
    t.same(
      INPUTS.map((input) =>
        all.filter(({ point }) => point === `pt-${input}`).map(({ transition }) => transition),
      ),
      INPUTS.map(() => ['raised', 'cleared']),
      'each transition once',
    );
    for (const side of [onMain, onBackup])
      t.same(side.received.filter(({ topic }) => !topic.endsWith('/media/main')).flatMap(mistakes), []);
  },
);
