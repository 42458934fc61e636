import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { connectAsync } from 'mqtt';
import t, { type Test } from 'tap';
import { FakeTime } from '../support/fake-time.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { createPki, type TestPki } from '../support/pki.ts';
import { TestClock } from '../support/test-clock.ts';
import { NEVER, SITE, watchedClient } from './parts.ts';

const DAY_MS = 24 * 3600 * 1000;

async function secureBroker(t: Test): Promise<{ pki: TestPki; mosquitto: Mosquitto; folder: string }> {
  const folder = t.testdir();
  const pki = await createPki(join(folder, 'pki'));
  const acl = 'pattern readwrite csu/v1/%u/#\n';
  const mosquitto = await Mosquitto.start(join(folder, 'broker'), { tls: pki.broker, acl });
  t.teardown(() => mosquitto.kill());
  return { pki, mosquitto, folder };
}

t.test('uplink: TLS 1.3 with a client certificate whose name gives the rights', async (t) => {
  const { pki, mosquitto } = await secureBroker(t);
  const { client, up } = watchedClient(t, { brokers: [mosquitto.url], tls: await pki.client(SITE) });
  const isUp = up();
  await client.start(NEVER);
  t.equal((await isUp).protocol, 'mqtt5');
  await client.publish(`csu/v1/${SITE}/collector/state/link`, 'x', { qos: 1 }, NEVER);
  await t.rejects(client.publish('csu/v1/67482-mairie/collector/state/link', 'x', { qos: 1 }, NEVER), {
    code: 'broker-refused',
  });
  t.match(mosquitto.log, new RegExp(`as ${SITE}-[0-9a-f]{16} .*u'${SITE}'`));
});

t.test('uplink: a broker with another certification authority is broker-tls-refused', async (t) => {
  const { pki, mosquitto, folder } = await secureBroker(t);
  const other = await createPki(join(folder, 'other'));
  const tls = { ...(await pki.client(SITE)), authorities: other.authorities };
  const { client, down } = watchedClient(t, { brokers: [mosquitto.url], tls });
  const isDown = down();
  await client.start(NEVER);
  t.match(await isDown, { code: 'broker-tls-refused', message: /SELF_SIGNED|UNABLE_TO/ });
});

t.test('uplink: a broker under another name than its certificate says is broker-tls-refused', async (t) => {
  const folder = t.testdir();
  const pki = await createPki(join(folder, 'pki'), ['broker.example']);
  const mosquitto = await Mosquitto.start(join(folder, 'broker'), { tls: pki.broker });
  t.teardown(() => mosquitto.kill());
  const { client, down } = watchedClient(t, { brokers: [mosquitto.url], tls: await pki.client(SITE) });
  const isDown = down();
  await client.start(NEVER);
  t.match(await isDown, { code: 'broker-tls-refused', message: /ERR_TLS_CERT_ALTNAME_INVALID/ });
});

t.test('uplink: a client certificate of another authority is broker-tls-refused', async (t) => {
  const { pki, mosquitto, folder } = await secureBroker(t);
  const other = await createPki(join(folder, 'other'));
  const tls = { ...(await other.client(SITE)), authorities: pki.authorities };
  const { client, down } = watchedClient(t, { brokers: [mosquitto.url], tls });
  const isDown = down();
  await client.start(NEVER);
  t.match(await isDown, { code: 'broker-tls-refused', message: /ALERT_UNKNOWN_CA/ });
});

t.test('uplink: an expired certificate of the box is named as such', async (t) => {
  const { pki, mosquitto } = await secureBroker(t);
  const tls = await pki.client(SITE, Date.now() - 900 * DAY_MS);
  const { client, down } = watchedClient(t, { brokers: [mosquitto.url], tls });
  const isDown = down();
  await client.start(NEVER);
  t.match(await isDown, { code: 'certificate-expired', message: /is valid from .* to .* only/ });
});

t.test('uplink: a server that speaks TLS 1.2 at most is refused', async (t) => {
  const pki = await createPki(t.testdir());
  const old = createTlsServer({
    cert: await readFile(pki.broker.certfile),
    key: await readFile(pki.broker.keyfile),
    maxVersion: 'TLSv1.2',
  });
  old.listen(0, 'localhost');
  await once(old, 'listening');
  t.teardown(() => old.close());
  const { port } = old.address() as { port: number };
  const { client, down } = watchedClient(t, {
    brokers: [`mqtts://localhost:${port}`],
    tls: await pki.client(SITE),
  });
  const isDown = down();
  await client.start(NEVER);
  t.match(await isDown, { code: 'broker-tls-refused', message: /PROTOCOL_VERSION/ });
});

t.test('uplink: a TCP server that never answers the TLS handshake is broker-silent', async (t) => {
  const pki = await createPki(t.testdir());
  const asked = Promise.withResolvers<void>();
  const mute = createServer((socket) =>
    socket.on('error', () => undefined).once('data', () => asked.resolve()),
  );
  mute.listen(0, 'localhost');
  await once(mute, 'listening');
  t.teardown(() => mute.close());
  const { port } = mute.address() as { port: number };
  const clock = new TestClock();
  const tls = await pki.client(SITE);
  const { client, down } = watchedClient(t, { brokers: [`mqtts://localhost:${port}`], tls }, { clock });
  const isDown = down();
  await client.start(NEVER);
  await asked.promise;
  await clock.advance(5_000);
  t.match(await isDown, { code: 'broker-silent', message: /TLS handshake within 5000 ms/ });
});

t.test('uplink: certificate files are read again at each reconnect', async (t) => {
  const { pki, mosquitto, folder } = await secureBroker(t);
  const first = await pki.client(SITE);
  const second = await pki.client('67482-mairie');
  const tls = {
    authorities: pki.authorities,
    certificate: join(folder, 'current.pem'),
    key: join(folder, 'current.key'),
  };
  const { client, up, down, log } = watchedClient(t, { brokers: [mosquitto.url], tls });
  const isDown = down();
  await client.start(NEVER);
  t.match(await isDown, { code: 'key-file-unreadable', message: /current\.(pem|key): ENOENT/ });

  const isUp = up();
  await copyFile(first.key, tls.key);
  await copyFile(first.certificate, tls.certificate);
  await isUp;
  await copyFile(second.certificate, tls.certificate);
  const mismatch = down();
  await mosquitto.stop();
  await mosquitto.restart();
  t.match(await mismatch, { code: /broker-closed|broker-unreachable/ });
  t.match(await down(), { code: 'key-file-unreadable', message: /MISMATCH/ });
  const again = up();
  await copyFile(second.key, tls.key);
  await again;
  await client.publish('csu/v1/67482-mairie/collector/state/link', 'x', { qos: 1 }, NEVER);
  t.notMatch(log.join(''), /PRIVATE KEY/);
});

const TEN_YEARS_MS = 3650 * DAY_MS;
const WITHOUT_CLOCK = { clockBelieved: () => false };

t.test(
  'uplink: without a clock a broker is believed whose certificate is not yet valid, and judged anew with one',
  async (t) => {
    const folder = t.testdir();
    const pki = await createPki(join(folder, 'pki'), ['localhost'], Date.now() + TEN_YEARS_MS);
    const mosquitto = await Mosquitto.start(join(folder, 'broker'), { tls: pki.broker });
    t.teardown(() => mosquitto.kill());
    let clockBelieved = false;
    const { client, up, down } = watchedClient(t, {
      brokers: [mosquitto.url],
      tls: await pki.client(SITE),
      clockBelieved: () => clockBelieved,
    });
    const isUp = up();
    await client.start(NEVER);
    await isUp;
    await client.publish(`csu/v1/${SITE}/collector/state/link`, 'x', { qos: 1 }, NEVER);
    client.judgeAnew();
    t.ok(client.connected, 'nothing has changed');

    clockBelieved = true;
    const isDown = down();
    client.judgeAnew();
    t.match(await isDown, { code: 'broker-tls-refused', message: /CERT_NOT_YET_VALID/ });
  },
);

t.test('uplink: without a clock an expired broker is believed, with one it is refused again', async (t) => {
  const folder = t.testdir();
  const pki = await createPki(join(folder, 'pki'), ['localhost'], Date.now() - 900 * DAY_MS);
  const mosquitto = await Mosquitto.start(join(folder, 'broker'), { tls: pki.broker });
  t.teardown(() => mosquitto.kill());
  let clockBelieved = false;
  const tls = await pki.client(SITE);
  const { client, up, down } = watchedClient(t, {
    brokers: [mosquitto.url],
    tls,
    clockBelieved: () => clockBelieved,
  });
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  clockBelieved = true;
  const isDown = down();
  client.judgeAnew();
  t.match(await isDown, { code: 'broker-tls-refused', message: /CERT_HAS_EXPIRED/ });
});

t.test(
  'uplink: with a good certificate the clock may come: the link is made anew once, and is up',
  async (t) => {
    const { pki, mosquitto } = await secureBroker(t);
    let clockBelieved = false;
    const { client, up, events } = watchedClient(t, {
      brokers: [mosquitto.url],
      tls: await pki.client(SITE),
      clockBelieved: () => clockBelieved,
    });
    const isUp = up();
    await client.start(NEVER);
    await isUp;
    clockBelieved = true;
    const again = up();
    client.judgeAnew();
    await again;
    client.judgeAnew();
    t.ok(client.connected);
    t.equal(events.all.length, 2, 'and no loss was told');
  },
);

/** What a box without a clock says of a server with this certificate. */
async function judged(t: Test, { cert, key }: { cert: string; key: string }, pki: TestPki): Promise<unknown> {
  const server = createTlsServer({ cert: await readFile(cert), key: await readFile(key) });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket) => socket.on('error', () => undefined).end());
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const tls = await pki.client(SITE);
  const { client, down } = watchedClient(t, {
    brokers: [`mqtts://localhost:${port}`],
    tls,
    ...WITHOUT_CLOCK,
  });
  const isDown = down();
  await client.start(NEVER);
  return await isDown;
}

interface Forgery {
  readonly issuer: { readonly cert: string; readonly key: string };
  readonly host?: string;
  readonly purpose?: string;
}

/** A certificate made by openssl ten years ahead, with the chain that its maker would show. */
async function forged(t: Test, folder: string, forgery: Forgery): Promise<{ cert: string; key: string }> {
  const { issuer, host = 'localhost', purpose = 'serverAuth' } = forgery;
  const time = await FakeTime.create(t);
  await time.shift('+3650d');
  const [cert, key] = [join(folder, 'forged.pem'), join(folder, 'forged.key')];
  const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  const use = ['-addext', `extendedKeyUsage=${purpose}`, '-addext', 'basicConstraints=CA:FALSE'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const by = ['-CA', issuer.cert, '-CAkey', issuer.key, '-days', '30'];
  const line = ['req', '-x509', ...curve, ...subject, ...use, ...by, '-keyout', key, '-out', cert];
  const { status, stderr } = spawnSync('openssl', line, { env: { ...process.env, ...time.environment } });
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  await writeFile(cert, (await readFile(cert, 'utf8')) + (await readFile(issuer.cert, 'utf8')));
  return { cert, key };
}

t.test('uplink: without a clock chain, name and purpose of a broker are judged all the same', async (t) => {
  const folder = t.testdir();
  const pki = await createPki(join(folder, 'pki'));
  const root = { cert: pki.authorities, key: pki.rootKey };
  const refused = { code: 'broker-tls-refused' };

  const good = await judged(t, await forged(t, folder, { issuer: root }), pki);
  t.match(good, { code: 'broker-closed' }, 'a good one passes: this server speaks no MQTT');

  const otherName = await judged(t, await forged(t, folder, { issuer: root, host: 'broker.example' }), pki);
  t.match(otherName, { ...refused, message: /ERR_TLS_CERT_ALTNAME_INVALID/ });

  const otherPurpose = await judged(t, await forged(t, folder, { issuer: root, purpose: 'clientAuth' }), pki);
  t.match(otherPurpose, { ...refused, message: /INVALID_PURPOSE/ });

  const other = await createPki(join(folder, 'other'));
  const otherRoot = { cert: other.authorities, key: other.rootKey };
  t.match(
    await judged(t, await forged(t, folder, { issuer: otherRoot }), pki),
    refused,
    'an authority of the same name',
  );

  const box = await pki.client('67482-mairie');
  const byBox = { cert: box.certificate, key: box.key };
  t.match(
    await judged(t, await forged(t, folder, { issuer: byBox }), pki),
    refused,
    'signed by a box of ours',
  );
});

t.test('uplink: who takes the name of a box as client id throws it off no broker', async (t) => {
  const { pki, mosquitto } = await secureBroker(t);
  const { client, up, events } = watchedClient(t, { brokers: [mosquitto.url], tls: await pki.client(SITE) });
  const isUp = up();
  await client.start(NEVER);
  await isUp;
  const files = await pki.client('57672-mairie');
  const intruder = await connectAsync(mosquitto.url, {
    ...{ clientId: SITE, reconnectPeriod: 0 },
    ca: await readFile(files.authorities),
    cert: await readFile(files.certificate),
    key: await readFile(files.key),
  });
  t.teardown(() => intruder.endAsync());
  await client.publish(`csu/v1/${SITE}/collector/state/x`, 'still here', { qos: 1 }, NEVER);
  t.equal(events.all.length, 1, 'the broker has closed no connection');
});
