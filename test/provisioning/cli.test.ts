import { execFile } from 'node:child_process';
import { glob, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import t from 'tap';
import { signOrder } from '../../agent/trust/sign.ts';
import { CsuFolder } from '../../provisioning/folder.ts';
import { until } from '../support/until.ts';
import { type Centre, enrol, runCsu, startAgent, startCentre, startCsu } from './processes.ts';

const run = promisify(execFile);
const SITE = '57463-mairie';
const PASSWORD = 'Sesame-7f3a-of-the-camera';
/** Nothing listens there: the camera is down, which these tests do not mind. */
const CAMERA = {
  id: 'cam-parvis',
  name: 'Parvis',
  host: '127.0.0.1',
  regime: 'continuous',
  owner: 'commune',
  rtsp: { port: 1, path: '/live' },
  credentials: { version: 1, user: 'beffroi', password: PASSWORD },
};

function common({ csu, broker }: Centre): string[] {
  return ['--folder', csu, '--site', SITE, '--broker', broker, '--wait-s', '300'];
}

t.test(
  'provisioning: a box is enrolled, configured, ordered and watched, and no password shows',
  async (t) => {
    const centre = await startCentre(t);
    const box = await enrol(t, centre, SITE);
    const agent = startAgent(t, join(box, 'box.json'));
    const watched = startCsu(t, ['watch', '--folder', centre.csu, '--site', '+', '--broker', centre.broker]);
    await watched.said(/liaison: en ligne/);

    const order = join(centre.folder, 'configuration.jws');
    const sign = ['config', 'sign', '--folder', centre.csu, '--site', SITE, '--in', '-', '--out', order];
    const push = ['config', 'push', ...common(centre), '--in', order];

    const signed = await runCsu(t, sign, JSON.stringify({ cameras: [CAMERA] }));
    t.match(signed, { code: 0, out: /Configuration 1 signée/, err: '' });
    const applied = await runCsu(t, push);
    t.match(applied, { code: 0, out: /configuration 1: appliquée/, err: '' });
    await watched.said(/configuration 1: appliquée/);

    const { stdout: processes } = await run('ps', ['-eww', '-o', 'args']);
    t.notMatch(processes, PASSWORD, 'not in the list of processes');

    const again = await runCsu(t, push);
    t.match(again, { code: 0, out: /configuration 1: appliquée/ }, 'the same order again is already applied');

    const second = await runCsu(t, sign, JSON.stringify({ cameras: [] }));
    t.match(second, { code: 0, out: /Configuration 2 signée/ });
    const older = await runCsu(t, [...sign, '--version', '1'], JSON.stringify({ cameras: [] }));
    t.equal(older.code, 0);
    t.match(await runCsu(t, push), { code: 1, out: /configuration 1: REFUSÉE: order-older-version/ });

    const csu = new CsuFolder(centre.csu);
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      typ: 'configuration',
      aud: SITE,
      jti: 'order-0001',
      iat: now,
      exp: now + 3600,
      version: 7,
    };
    await writeFile(
      order,
      signOrder({ ...claims, config: { cameras: 3, extra: true } }, [await csu.key('config')]),
    );
    t.match(await runCsu(t, push), {
      code: 1,
      out: /configuration 7: (ÉCHEC|REFUSÉE): order-invalid: Le contenu .*cameras: .*extra: unknown key/,
    });
    await writeFile(order, signOrder({ ...claims, config: {} }, [await csu.key('operate')]));
    t.match(await runCsu(t, [...push, '--lang', 'en']), {
      code: 1,
      out: /configuration 7: REFUSED: order-wrong-role/,
    });

    const ping = await runCsu(t, ['order', 'send', ...common(centre), '--command', 'agent.ping']);
    t.match(ping, { code: 0, out: /accepté.*en cours.*réussi/s, err: '' });
    const unknown = await runCsu(t, [
      'order',
      'send',
      ...common(centre),
      '--command',
      'camera.check',
      '--camera',
      'cam-z',
    ]);
    t.match(unknown, { code: 1, out: /REFUSÉ: order-unknown-target/ });
    await watched.said(/ordre camera\.check cam-z: REFUSÉ/);

    const stopped = await watched.end('SIGINT');
    t.match(stopped, { code: 0, err: '' });
    const ended = await agent.end('SIGTERM');
    t.equal(ended.code, 0);

    const said = [signed, applied, second, older, ping, unknown, stopped, ended]
      .map(({ out, err }) => out + err)
      .join('');
    t.notMatch(said, PASSWORD, 'not in any output');
    t.strictSame(await filesWith(centre.folder, PASSWORD), [], 'not in any file');
  },
);

t.test(
  'provisioning: watch --json hands over every message as it is; a box that is gone is silent',
  async (t) => {
    const centre = await startCentre(t);
    const box = await enrol(t, centre, SITE);
    const watched = startCsu(t, [
      'watch',
      '--folder',
      centre.csu,
      '--site',
      SITE,
      '--broker',
      centre.broker,
      '--json',
    ]);
    const agent = startAgent(t, join(box, 'box.json'));
    await watched.said(/collector\/state\/config/);
    await watched.said(/collector\/state\/link/);
    await agent.end('SIGTERM');
    const { out } = await watched.end('SIGINT');
    const messages = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const link = messages.find(({ topic }) => topic === `csu/v1/${SITE}/collector/state/link`);
    t.match(link, { message: { site: SITE, online: true } });
    const where = ['--folder', centre.csu, '--site', SITE, '--broker', centre.broker, '--wait-s', '1'];
    const sent = await runCsu(t, ['order', 'send', ...where, '--command', 'agent.ping']);
    t.match(sent, {
      code: 1,
      err: /Le collecteur .*\[box-silent: 57463-mairie: expected an answer within 1 s/,
    });
  },
);

t.test('provisioning: an order of another CSU is refused, and its sender is told why', async (t) => {
  const centre = await startCentre(t);
  const box = await enrol(t, centre, SITE);
  const stranger = await startCentre(t);
  await enrol(t, stranger, SITE);
  const agent = startAgent(t, join(box, 'box.json'));
  await startCsu(t, ['watch', '--folder', centre.csu, '--site', SITE, '--broker', centre.broker]).said(
    /en ligne/,
  );
  const order = join(centre.folder, 'forged.jws');
  const sign = ['config', 'sign', '--folder', stranger.csu, '--site', SITE, '--in', '-', '--out', order];
  const where = ['--folder', centre.csu, '--site', SITE, '--broker', centre.broker];
  // A machine that is slow may not have told it within these seconds; the same order again is not told again.
  const pushed = await until(async () => {
    t.equal((await runCsu(t, sign, '{}')).code, 0);
    const ended = await runCsu(t, ['config', 'push', ...where, '--in', order, '--wait-s', '3']);
    return ended.err.includes('could not believe') && ended;
  });
  t.match(pushed, { code: 1, err: /could not believe: order-bad-signature/ });
  await agent.end('SIGTERM');
});

t.test('provisioning: a wrong command line ends with 2 and says what is wrong', async (t) => {
  const none = await runCsu(t, ['reboot']);
  t.match(none, { code: 2, out: '', err: /expected init, box add, .* came reboot/ });
  const site = await runCsu(t, ['watch', '--folder', '/nowhere', '--site', 'Metz', '--broker', 'mqtts://x']);
  t.match(site, { code: 2, out: '', err: /expected an INSEE code.*came "Metz"/ });
});

t.test('provisioning: the texts are French, and English where it is asked for', async (t) => {
  t.match(await runCsu(t, ['--help']), { code: 0, out: /les gestes du technicien/ });
  t.match(await runCsu(t, ['--help', '--lang', 'en']), { code: 0, out: /what the technician/ });
});

t.test('provisioning: nothing is overwritten, and what is made is for its owner alone', async (t) => {
  const centre = await startCentre(t);
  const box = await enrol(t, centre, SITE);
  const key = await readFile(join(centre.csu, 'keys/config.jwk'), 'utf8');
  t.match(await runCsu(t, ['init', '--folder', centre.csu, '--broker-host', 'x']), {
    code: 1,
    err: /csu-folder-unusable/,
  });
  const add = ['box', 'add', '--folder', centre.csu, '--site', SITE, '--broker', centre.broker];
  t.match(await runCsu(t, [...add, '--out', join(centre.folder, 'new')]), {
    code: 1,
    err: /enrolled already/,
  });
  t.equal(await readFile(join(centre.csu, 'keys/config.jwk'), 'utf8'), key);
  const { stdout } = await run('find', [centre.csu, box, '-perm', '/077']);
  t.equal(stdout, '', 'no file is open to others');
  t.notOk((await readdir(centre.folder)).includes('new'));
  await t.test('the CSU keeps no private key of a box, and the box gets none of the CSU', async (t) => {
    await keysApart(t, centre.csu, box);
  });
});

async function keysApart(t: Test, csu: string, box: string): Promise<void> {
  for (const file of ['seal.jwk', 'sign.jwk']) {
    const { d } = JSON.parse(await readFile(join(box, file), 'utf8'));
    t.strictSame(await filesWith(csu, d), [], file);
  }
  for (const role of ['authority', 'config', 'operate']) {
    const { d } = JSON.parse(await readFile(join(csu, `keys/${role}.jwk`), 'utf8'));
    t.strictSame(await filesWith(box, d), [], role);
  }
}

/** The files below the folder that hold the text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of glob('**/*', { cwd: folder, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    if ((await readFile(file)).includes(text)) found.push(file);
  }
  return found;
}
