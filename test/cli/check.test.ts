import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { BoxCheck } from '../../agent/cli/check-box.ts';
import type { Finding } from '../../agent/cli/findings.ts';
import { addBox } from '../../provisioning/box.ts';
import { createClient } from '../../provisioning/certificates.ts';
import { createCsu } from '../../provisioning/csu.ts';
import type { CsuFolder } from '../../provisioning/folder.ts';
import { signKeyring } from '../../provisioning/sign.ts';
import { Centre } from '../support/centre.ts';
import { Mosquitto, onlyWith } from '../support/mosquitto.ts';
import { freePort } from '../support/port.ts';
import { Scene, SITE } from '../support/scene.ts';

const DAY_MS = 24 * 3600 * 1000;

/** An enrolled box that was never started, and the CSU that enrolled it. */
class Installed {
  readonly csu: CsuFolder;
  readonly folder: string;

  private constructor(csu: CsuFolder, folder: string) {
    this.csu = csu;
    this.folder = folder;
  }

  static async create(t: { teardown(end: () => unknown): void }, broker?: string): Promise<Installed> {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['localhost'] });
    const brokers = [broker ?? `mqtts://localhost:${await freePort()}`];
    const folders = { stateFolder: join(folder, 'state'), runtimeFolder: join(folder, 'run') };
    await addBox(csu, { site: SITE, brokers, ...folders, clock: 'host' }, join(folder, 'box'));
    return new Installed(csu, folder);
  }

  file(name: string): string {
    return join(this.folder, 'box', name);
  }

  async edit(change: (box: Record<string, unknown>) => object): Promise<void> {
    const box = JSON.parse(await readFile(this.file('box.json'), 'utf8')) as Record<string, unknown>;
    await writeFile(this.file('box.json'), JSON.stringify(change(box)));
  }

  /** A certificate for this site that was made at another time. */
  async certified(name: string, atMs: number): Promise<void> {
    const authority = await this.csu.boxAuthority();
    const { certificate, key } = await createClient(authority, name, atMs);
    await writeFile(this.file('box.crt.pem'), certificate + authority.certificate);
    await writeFile(this.file('box.key.pem'), key);
  }
}

async function findings(file: string): Promise<Finding[]> {
  const found: Finding[] = [];
  for await (const finding of new BoxCheck(file, 'fr').run()) found.push(finding);
  return found;
}

/** What is said of one thing; what is not well has a remedy. */
async function about(box: Installed, what: string): Promise<Finding> {
  const found = (await findings(box.file('box.json'))).find((finding) => finding.what.startsWith(what));
  if (!found) throw new Error(`nothing is said of ${what}`);
  if (found.verdict !== 'ok' && found.remedy === '') throw new Error(`no remedy for ${what}`);
  return found;
}

t.test('check: a folder for sockets that cannot be used, and a box file with a key twice', async (t) => {
  const box = await Installed.create(t);
  t.equal((await about(box, 'Sockets')).verdict, 'ok');
  for (const [folder, why] of [
    [`/tmp/${'r'.repeat(110)}`, /at most 107 bytes/],
    ['/etc/passwd', /expected a folder/],
  ] as const) {
    await box.edit((old) => ({ ...old, runtimeFolder: folder }));
    const { verdict, text } = await about(box, 'Sockets');
    t.equal(verdict, 'bad');
    t.match(text, /runtime-folder-unusable/);
    t.match(text, why);
  }
  await writeFile(box.file('box.json'), '{"site":"57463-mairie","site":"57463-autre"}');
  t.match((await about(box, 'Fichier')).text, /the same name twice/);
});

t.test('check: a box that is well has nothing bad', async (t) => {
  const scene = await Scene.create(t);
  const found = await findings(scene.box.boxFile);
  t.same(
    found.filter(({ verdict }) => verdict === 'bad'),
    [],
  );
  t.ok(found.some(({ what, verdict }) => what.startsWith('Courtier') && verdict === 'ok'));
});

t.test('check: the certificate of the box', async (t) => {
  const box = await Installed.create(t);
  const certificate = () => about(box, 'Certificat');
  t.match(await certificate(), { verdict: 'ok', text: /valable jusqu'au .* jours/ });
  await box.certified(SITE, Date.now() - 800 * DAY_MS);
  t.match(await certificate(), { verdict: 'warning', text: /2[45] jours/ });
  await box.certified(SITE, Date.now() - 900 * DAY_MS);
  t.match(await certificate(), { verdict: 'bad', text: /expiré.*certificate-expired/ });
  await box.certified(SITE, Date.now() + DAY_MS);
  t.match(await certificate(), { verdict: 'bad', text: /pas encore valide/ });
  await box.certified('57463-autre', Date.now());
  t.match(await certificate(), { verdict: 'bad', text: /is not for 57463-mairie/ });
  await copyFile(box.csu.file('client/csu.key.pem'), box.file('box.key.pem'));
  t.match(await certificate(), { verdict: 'bad', text: /box\.key\.pem is not the key of/ });
  await writeFile(box.file('box.key.pem'), 'no key');
  t.match(await certificate(), { verdict: 'bad', text: /box\.key\.pem: expected PEM/ });
  await rename(box.file('box.crt.pem'), box.file('away'));
  t.match(await certificate(), { verdict: 'bad', text: /box\.crt\.pem: ENOENT/ });
  await writeFile(box.file('authorities.pem'), 'no certificate');
  t.match(await certificate(), { verdict: 'bad', text: /authorities\.pem: expected PEM/ });
});

t.test('check: the state folder', async (t) => {
  const box = await Installed.create(t);
  t.match(await about(box, 'Disque'), { verdict: 'ok', text: /Mo libres/ });
  await writeFile(join(box.folder, 'file'), '');
  await box.edit((file) => ({ ...file, stateFolder: join(box.folder, 'file', 'state') }));
  t.match(await about(box, 'Disque'), { verdict: 'bad', text: /store-unavailable.*expected a folder/ });
  if (process.getuid?.() !== 0) return t.pass('needs root to mount a small disk', { skip: true });
  const small = join(box.folder, 'small');
  await mkdir(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
  t.teardown(() => execFileSync('umount', ['-l', small]));
  await box.edit((file) => ({ ...file, stateFolder: join(small, 'state') }));
  t.match(await about(box, 'Disque'), { verdict: 'bad', text: /store-unavailable/ });
  execFileSync('mount', ['-o', 'remount,ro', small]);
  t.match(await about(box, 'Disque'), { verdict: 'bad', text: /EROFS/ });
});

t.test('check: keys, keyring and their rights', async (t) => {
  const box = await Installed.create(t);
  await chmod(box.file('seal.jwk'), 0o640);
  t.match(await about(box, 'Droits des clés'), { verdict: 'bad', remedy: /chmod 600 .*seal\.jwk/ });
  await copyFile(box.file('sign.jwk'), box.file('seal.jwk'));
  t.match(await about(box, 'Clés'), {
    verdict: 'bad',
    text: /seal\.jwk: expected a JWK with a private X25519/,
  });
  const stranger = await createCsu(join(box.folder, 'stranger'), { brokerHosts: ['localhost'] });
  await copyFile(stranger.file('keyring.jws'), box.file('keyring.jws'));
  t.match(await about(box, 'Clés'), { verdict: 'bad', text: /keyring-invalid.*signature of the authority/ });
});

t.test('check: a keyring that is older than the one of the last start', async (t) => {
  const scene = await Scene.create(t);
  const { csu } = scene.centre;
  const file = join(scene.box.folder, 'keyring.jws');
  const old = await readFile(file, 'utf8');
  const keys = new Map([['config', await csu.key('config')]] as const);
  await writeFile(file, signKeyring(keys, await csu.key('authority'), 2, Date.now()));
  scene.box.start();
  await scene.box.until('the link', ({ link }) => link.connected);
  await scene.box.stop();
  await writeFile(file, old);
  const bad = (await findings(scene.box.boxFile)).find(({ verdict }) => verdict === 'bad');
  t.match(bad, { text: /plus ancien.*expected version 2 or higher, came 1/ });
});

t.test('check: the time source does not answer', async (t) => {
  const box = await Installed.create(t);
  await box.edit((file) => ({ ...file, clock: 'chrony' }));
  t.match(await about(box, 'Horloge'), { verdict: 'warning', text: /chrony ne dit pas/ });
});

t.test('check: the broker is down, silent, or of another authority', async (t) => {
  const box = await Installed.create(t);
  t.match(await about(box, 'Courtier'), { verdict: 'bad', text: /broker-unreachable.*ECONNREFUSED/ });
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as { port: number };
  await box.edit((file) => ({ ...file, brokers: [`mqtts://127.0.0.1:${port}`] }));
  t.match(await about(box, 'Courtier'), { verdict: 'bad', text: /ne répond pas à temps.*broker-silent/ });
  const centre = await Centre.create(join(box.folder, 'other'));
  t.teardown(() => centre.end());
  await box.edit((file) => ({ ...file, brokers: [centre.broker.url] }));
  t.match(await about(box, 'Courtier'), { verdict: 'bad', text: /broker-tls-refused/ });
});

t.test('check: the box file is wrong, is no JSON, is away', async (t) => {
  const box = await Installed.create(t);
  await box.edit(({ site, ...file }) => ({ ...file, sites: site }));
  t.match(await about(box, 'Fichier'), { verdict: 'bad', text: /site: .*sites: unknown key/ });
  await writeFile(box.file('box.json'), '{"a":}\n');
  const { text } = await about(box, 'Fichier');
  t.match(text, /expected JSON/);
  t.notMatch(text, /\n/, 'one line');
  await rm(box.file('box.json'));
  t.match(await about(box, 'Fichier'), { verdict: 'bad', text: /illisible.*ENOENT/ });
});

t.test(
  'check: every broker that the box will need: main, back-up, and those of connected objects',
  async (t) => {
    const scene = await Scene.create(t);
    const login = { user: 'collecteur', password: 'un mot de passe local' };
    const gtb = await Mosquitto.start(join(scene.folder, 'gtb'), { extra: onlyWith(login, scene.folder) });
    t.teardown(() => gtb.kill());
    const place = { id: 'mqtt-gtb', name: 'GTB', host: '127.0.0.1', port: gtb.port };
    const configuration = (password: string, version: number) => ({
      localBrokers: [{ ...place, credentials: { ...login, password, version } }],
      objects: [{ id: 'obj-cuve', name: 'Cuve', broker: 'mqtt-gtb', topic: 'bat/cuve' }],
    });
    const inForce = async (password: string, version: number) => {
      await scene.push(configuration(password, version));
      scene.box.start();
      await scene.box.until('the configuration', ({ config }) => config.appliedVersion === version);
      await scene.box.stop();
    };
    const local = async () =>
      (await findings(scene.box.boxFile)).find(({ what }) => what.startsWith('Courtier local'));

    await inForce(login.password, 1);
    t.match(await local(), { verdict: 'ok', what: /mqtt-gtb/, text: /1 sujet/ });
    await inForce('un autre', 2);
    t.match(await local(), { verdict: 'bad', text: /equipment-login-refused/ });
    await gtb.kill();
    const box = JSON.parse(await readFile(scene.box.boxFile, 'utf8')) as object;
    const backup = `mqtts://localhost:${await freePort()}`;
    await writeFile(scene.box.boxFile, JSON.stringify({ ...box, backupBrokers: [backup] }));
    const found = await findings(scene.box.boxFile);
    const verdicts = found
      .filter(({ what }) => what.startsWith('Courtier'))
      .map(({ verdict, text }) => [verdict, text]);
    t.match(verdicts, [
      ['bad', /equipment-port-closed/],
      ['ok', /session acceptée/],
      ['bad', /broker-unreachable/],
    ]);
    t.notMatch(JSON.stringify(found), /un autre/, 'and no password is said');
  },
);

t.test(
  'check: the decoder is named with its version, and a box without one is warned and still ready',
  async (t) => {
    const box = await Installed.create(t);
    t.match(await about(box, 'Décodeur'), { verdict: 'ok', text: /^\d/ });
    for (const decoder of ['/nonexistent/ffmpeg', '/bin/true']) {
      await box.edit((file) => ({ ...file, decoder }));
      t.match(await about(box, 'Décodeur'), {
        verdict: 'warning',
        text: /n'a pas ffmpeg/,
        remedy: /decoder/,
      });
    }
  },
);
