import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import t from 'tap';
import { type Centre, enrol, Running, startCentre } from './processes.ts';

const run = promisify(execFile);
const BOX = '57463-mairie';
const OTHER = '57463-ecole';

/** Arguments of Mosquitto's own clients for the certificate of a box, or of the CSU. */
function as(centre: Centre, box: string | undefined): string[] {
  const ca = ['--cafile', join(centre.csu, 'pki/root.crt.pem'), '--tls-version', 'tlsv1.3'];
  const certificate = box ? join(box, 'box.crt.pem') : join(centre.csu, 'client/csu.crt.pem');
  const key = box ? join(box, 'box.key.pem') : join(centre.csu, 'client/csu.key.pem');
  return [
    '-h',
    'localhost',
    '-p',
    String(centre.port),
    '-V',
    '5',
    '-q',
    '1',
    ...ca,
    '--cert',
    certificate,
    '--key',
    key,
  ];
}

async function publish(who: string[], topic: string, payload: string): Promise<void> {
  await run('mosquitto_pub', [...who, '-t', topic, '-m', payload]);
}

/** mosquitto_sub, unbuffered, that prints `topic payload`, once the broker has acknowledged its subscription. */
async function subscribe(t: Test, who: string[], filter: string): Promise<Running> {
  const subscriber = new Running(t, 'stdbuf', [
    '-oL',
    'mosquitto_sub',
    ...who,
    '-d',
    '-F',
    'MSG %t %p',
    '-t',
    filter,
  ]);
  await subscriber.said(/Subscribed/);
  return subscriber;
}

function messagesOf(subscriber: Running): string[] {
  return subscriber.out.split('\n').flatMap((line) => (line.startsWith('MSG ') ? [line.slice(4)] : []));
}

t.test('broker: by its certificate a box writes what is its own, and nothing else', async (t) => {
  const centre = await startCentre(t);
  const box = as(centre, await enrol(t, centre, BOX));
  const everything = await subscribe(t, as(centre, undefined), 'csu/#');
  const refused = [
    `csu/v1/${OTHER}/collector/state/link`,
    `csu/v1/${OTHER}/cam-a/media/main`,
    `csu/v1/${BOX}/collector/cfg/desired`,
    `csu/v1/${OTHER}/collector/cmd/request`,
    `csu/v1/${BOX}/collector/cmd/request`,
    `csu/v1/${BOX}/collector/state/link/more`,
    `csu/v1/${BOX}/state/link`,
    `csu/v1/${OTHER}/pt-a/hist/alarm`,
    `csu/v1/${BOX}/collector/ack/receipt`,
    `csu/v1/${BOX}/collector/other/x`,
  ];
  const allowed = [
    'collector/state/link',
    'cam-a/meas/stream',
    'pt-a/event/alarm',
    'pt-a/hist/alarm',
    'cam-a/media/main',
  ];
  for (const topic of refused) await publish(box, topic, 'refused');
  for (const topic of allowed) await publish(box, `csu/v1/${BOX}/${topic}`, 'allowed');
  await publish(box, `csu/v1/${BOX}/collector/event/end`, 'end');
  await everything.said(/event\/end end/);
  t.strictSame(
    messagesOf(everything).slice(0, -1),
    allowed.map((topic) => `csu/v1/${BOX}/${topic} allowed`),
  );
});

t.test('broker: a box reads the orders for itself alone', async (t) => {
  const centre = await startCentre(t);
  const box = await enrol(t, centre, BOX);
  const heard = await subscribe(t, as(centre, box), 'csu/#');
  const csu = as(centre, undefined);
  await publish(csu, `csu/v1/${OTHER}/collector/cmd/request`, 'for the other');
  await publish(csu, `csu/v1/${OTHER}/collector/cfg/desired`, 'for the other');
  await publish(csu, `csu/v1/${OTHER}/collector/ack/receipt`, 'for the other');
  await publish(csu, `csu/v1/${BOX}/collector/ack/receipt`, 'receipt');
  await publish(csu, `csu/v1/${BOX}/collector/cfg/desired`, 'configuration');
  await publish(csu, `csu/v1/${BOX}/collector/cmd/request`, 'command');
  await heard.said(/request command/);
  t.strictSame(messagesOf(heard), [
    `csu/v1/${BOX}/collector/ack/receipt receipt`,
    `csu/v1/${BOX}/collector/cfg/desired configuration`,
    `csu/v1/${BOX}/collector/cmd/request command`,
  ]);
});

t.test('broker: pictures are kept for nobody who is away, and for nobody who comes later', async (t) => {
  const centre = await startCentre(t);
  const box = await enrol(t, centre, BOX);
  const topic = `csu/v1/${BOX}/cam-hall/media/csu`;
  const last = `csu/v1/${BOX}/collector/event/last`;
  const persistent = ['-c', '-i', 'csu-persistent', '-x', '3600'];
  const away = await subscribe(t, [...as(centre, undefined), ...persistent], `csu/v1/${BOX}/#`);
  await away.end('SIGTERM');
  await publish([...as(centre, box), '-q', '0'], topic, 'PICTURE');
  await publish(as(centre, box), last, 'last');
  const back = new Running(t, 'stdbuf', [
    ...['-oL', 'mosquitto_sub', ...as(centre, undefined), ...persistent],
    ...['-F', 'MSG %t %p', '-t', `csu/v1/${BOX}/#`],
  ]);
  await back.said(/MSG .*last/);
  t.same(messagesOf(back), [`${last} last`], 'the session was kept, the picture was not');
});

t.test('broker: the CSU cannot speak for a box', async (t) => {
  const centre = await startCentre(t);
  const csu = as(centre, undefined);
  const everything = await subscribe(t, csu, 'csu/#');
  await publish(csu, `csu/v1/${BOX}/collector/state/link`, 'refused');
  await publish(csu, `csu/v1/${BOX}/pt-a/event/alarm`, 'refused');
  await publish(csu, `csu/v1/${BOX}/collector/cmd/request`, 'command');
  await everything.said(/request command/);
  t.strictSame(messagesOf(everything), [`csu/v1/${BOX}/collector/cmd/request command`]);
});

t.test('broker: without a certificate of this CSU for clients nobody comes in', async (t) => {
  const centre = await startCentre(t);
  const stranger = await startCentre(t);
  const foreignBox = await enrol(t, stranger, BOX);
  const tries: [string, string[]][] = [
    ['without a certificate', as(centre, undefined).slice(0, -4)],
    ['with the certificate of another CSU', as(centre, foreignBox)],
    [
      'as a server that became a client',
      [
        ...as(centre, undefined).slice(0, -4),
        '--cert',
        join(centre.csu, 'broker/broker.crt.pem'),
        '--key',
        join(centre.csu, 'broker/broker.key.pem'),
      ],
    ],
  ];
  for (const [title, who] of tries) {
    const child = spawn('mosquitto_pub', [...who, '-t', 'csu/v1/x', '-m', 'x'], { stdio: 'ignore' });
    const [code] = await once(child, 'close');
    t.not(code, 0, title);
  }
});

t.test('broker: TLS 1.3 and nothing older', async (t) => {
  const centre = await startCentre(t);
  const ca = await readFile(join(centre.csu, 'pki/root.crt.pem'));
  const cert = await readFile(join(centre.csu, 'client/csu.crt.pem'));
  const key = await readFile(join(centre.csu, 'client/csu.key.pem'));
  const versionWith = async (maxVersion: SecureVersion) => {
    const socket = connect({ host: 'localhost', port: centre.port, ca, cert, key, maxVersion });
    t.teardown(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket.getProtocol();
  };
  t.equal(await versionWith('TLSv1.3'), 'TLSv1.3');
  await t.rejects(versionWith('TLSv1.2'), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
});
