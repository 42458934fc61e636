import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { addBox } from '../../provisioning/box.ts';
import { createCsu } from '../../provisioning/csu.ts';
import { temporaryFolder } from './processes.ts';

const run = promisify(execFile);
const SITE = '57463-mairie';

t.test(
  'certificates: OpenSSL, which this project did not write, takes them for their purpose alone',
  async (t) => {
    const folder = temporaryFolder(t);
    const csu = await createCsu(join(folder, 'csu'), {
      brokerHosts: ['mqtt.example.fr', '192.0.2.7', '2001:db8::7'],
    });
    await addBox(csu, { site: SITE, brokers: ['mqtts://mqtt.example.fr'] }, join(folder, 'box'));
    const root = join(folder, 'csu/pki/root.crt.pem');
    const chain = join(folder, 'csu/pki/boxes.crt.pem');
    const box = join(folder, 'box/box.crt.pem');
    const broker = join(folder, 'csu/broker/broker.crt.pem');
    const client = join(folder, 'csu/client/csu.crt.pem');
    const verify = (purpose: string, file: string, ...more: string[]) =>
      run('openssl', ['verify', '-x509_strict', '-CAfile', root, '-purpose', purpose, ...more, file]);

    t.match(await verify('sslclient', box, '-untrusted', chain), { stdout: /: OK/ });
    t.match(await verify('sslclient', client), { stdout: /: OK/ });
    t.match(await verify('sslserver', broker, '-verify_hostname', 'mqtt.example.fr'), { stdout: /: OK/ });
    for (const address of ['192.0.2.7', '2001:db8::7']) {
      t.match(await verify('sslserver', broker, '-verify_ip', address), { stdout: /: OK/ });
    }
    await t.rejects(verify('sslserver', box, '-untrusted', chain), 'a box is no server');
    await t.rejects(verify('sslclient', broker), 'the broker is no client');
    await t.rejects(
      verify('sslserver', broker, '-verify_hostname', 'mqtt.example.org'),
      'not under another name',
    );
    await t.rejects(verify('sslclient', box), 'not without its authority');

    const { stdout } = await run('openssl', [
      'x509',
      '-in',
      box,
      '-noout',
      '-subject',
      '-ext',
      'extendedKeyUsage,keyUsage,basicConstraints',
    ]);
    t.match(stdout, new RegExp(`CN ?= ?${SITE}`));
    t.match(stdout, /CA:FALSE/);
    t.match(stdout, /Digital Signature\n/);
    t.match(stdout, /TLS Web Client Authentication\n/);
  },
);

t.test('certificates: those of end points live 825 days at most (ANSSI PA-035)', async (t) => {
  const folder = temporaryFolder(t);
  const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['localhost'] });
  await addBox(csu, { site: SITE, brokers: ['mqtts://localhost'] }, join(folder, 'box'));
  for (const file of ['box/box.crt.pem', 'csu/broker/broker.crt.pem', 'csu/client/csu.crt.pem']) {
    const { stdout } = await run('openssl', ['x509', '-in', join(folder, file), '-noout', '-dates']);
    const [from = 0, to = 0] = [...stdout.matchAll(/=(.*)/g)].map(([, date = '']) => Date.parse(date));
    t.ok((to - from) / 86_400_000 <= 825 && to > from, `${file}: ${stdout}`);
  }
});
