import { execFile } from 'node:child_process';
import { mkdir, readlink, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import type { StatusSnapshot } from '../../agent/contract/status.ts';
import { addBox } from '../../provisioning/box.ts';
import { createCsu } from '../../provisioning/csu.ts';
import { freePort } from '../support/port.ts';
import { until } from '../support/until.ts';
import { REPOSITORY, Running, temporaryFolder } from './processes.ts';

const run = promisify(execFile);
/** As on a box: the Node of the distribution or none. */
const PATH = '/usr/local/bin:/usr/bin:/bin';

/** The package as `npm install` of its tarball leaves it, its dependencies linked in place of loaded. */
async function install(folder: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: REPOSITORY,
  });
  const home = join(folder, 'node_modules', 'beffroi');
  await mkdir(home, { recursive: true });
  await run('tar', ['-xzf', join(folder, basename(stdout.trim())), '--strip-components=1', '-C', home]);
  for (const dependency of await dependencies()) {
    const link = join(folder, dependency);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(REPOSITORY, dependency), link);
  }
  return home;
}

/** Folders of what the package needs when it runs, nothing that only tests need. */
async function dependencies(): Promise<string[]> {
  const list = ['ls', '--omit=dev', '--all', '--parseable'];
  const { stdout } = await run('npm', list, { cwd: REPOSITORY });
  const folders = stdout.trim().split('\n').slice(1);
  return folders
    .map((folder) => relative(REPOSITORY, folder))
    .filter((path) => path.lastIndexOf('node_modules') === 0);
}

t.test('package: what npm pack makes runs by itself, with the Node that it pins', async (t) => {
  const folder = temporaryFolder(t);
  const home = await install(folder);
  const bin = (name: string, args: string[]) =>
    run(join(home, name), args, { env: { PATH, LANG: 'C.UTF-8' } });
  t.match((await bin('agent/beffroi', ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  t.match((await bin('provisioning/beffroi-csu', ['--help'])).stdout, /beffroi-csu init/);

  const csu = await createCsu(join(folder, 'csu'), { brokerHosts: ['localhost'] });
  const brokers = [`mqtts://localhost:${await freePort()}`];
  const folders = { stateFolder: join(folder, 'state'), runtimeFolder: join(folder, 'run') };
  await addBox(csu, { site: '57463-mairie', brokers, ...folders, clock: 'host' }, join(folder, 'box'));
  const config = ['--config', join(folder, 'box/box.json')];
  const agent = new Running(t, join(home, 'agent/beffroi'), ['run', ...config]);
  const snapshot = await until(async () => {
    const { stdout } = await bin('agent/beffroi', ['status', '--json', ...config]).catch(
      (failed: { stdout: string }) => failed,
    );
    const told = stdout === '' ? undefined : (JSON.parse(stdout) as StatusSnapshot);
    return told?.video.running ? told : undefined;
  });
  t.equal(snapshot.site, '57463-mairie', 'the agent runs, and its video process');
  t.match(await readlink(`/proc/${agent.child.pid}/exe`), /node-linux-/);
  t.equal((await agent.end('SIGTERM')).code, 0);
});
