import { execFile } from 'node:child_process';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';

const run = promisify(execFile);
const UNITS = ['beffroi.service', 'beffroi-video.service'];
const repository = join(import.meta.dirname, '..', '..');

/** A root folder as an installation leaves it: the units of the system, ours, and the launcher. */
async function stageRoot(folder: string): Promise<void> {
  const units = join(folder, 'etc/systemd/system');
  const launcher = join(folder, 'usr/lib/beffroi/agent');
  await mkdir(units, { recursive: true });
  await mkdir(launcher, { recursive: true });
  await cp('/usr/lib/systemd/system', join(folder, 'usr/lib/systemd/system'), { recursive: true });
  for (const unit of UNITS) await cp(join(repository, 'systemd', unit), join(units, unit));
  await cp(join(repository, 'agent/beffroi'), join(launcher, 'beffroi'));
}

t.test('systemd-analyze verify says nothing against the units in a staged root', async (t) => {
  const root = t.testdir();
  await stageRoot(root);
  const { stdout, stderr } = await run('systemd-analyze', ['verify', `--root=${root}`, ...UNITS]);
  t.equal(stdout + stderr, '');
});

t.test(
  'systemd-analyze verify says nothing against the example for the centre, and its options exist',
  async (t) => {
    const root = t.testdir();
    await stageRoot(root);
    const name = 'beffroi-receive.service';
    const unit = join(repository, 'systemd/centre', name);
    await cp(unit, join(root, 'etc/systemd/system', name));
    await mkdir(join(root, 'bin'), { recursive: true });
    await cp('/bin/sh', join(root, 'bin/sh'), { dereference: true });
    const { stdout, stderr } = await run('systemd-analyze', ['verify', `--root=${root}`, name]);
    t.equal(stdout + stderr, '');
    const [, command = ''] = /beffroi-csu (receive .*?) \|/.exec(await readFile(unit, 'utf8')) ?? [];
    const help = await run(join(repository, 'provisioning/beffroi-csu'), ['--help', '--lang', 'en']);
    const [, usage = ''] = /(beffroi-csu receive [\s\S]*?)\n {6}\w/.exec(help.stdout) ?? [];
    const options = command.match(/--[a-z-]+/g) ?? [];
    t.same(
      options.filter((option) => !usage.includes(option)),
      [],
    );
    t.equal(options.length, 4);
  },
);

for (const unit of UNITS) {
  t.test(`${unit} runs without rights, dumps no memory and restarts for ever`, async (t) => {
    const lines = (await readFile(join(repository, 'systemd', unit), 'utf8')).split('\n');
    for (const line of [
      'Type=notify',
      'Restart=always',
      'StartLimitIntervalSec=0',
      'User=beffroi',
      'UMask=0077',
      'CacheDirectory=beffroi',
      'LimitCORE=0',
      'CoredumpFilter=elf-headers',
      'NoNewPrivileges=yes',
      'CapabilityBoundingSet=',
      'ProtectSystem=strict',
    ]) {
      t.ok(lines.includes(line), line);
    }
    t.notOk(
      lines.some((line) => line.startsWith('MemoryDenyWriteExecute')),
      'V8 could not run',
    );
  });
}

t.test('the video service may not use swap, the agent outlives it when memory is short', async (t) => {
  const read = (unit: string) => readFile(join(repository, 'systemd', unit), 'utf8');
  t.match(await read('beffroi-video.service'), /^MemorySwapMax=0$/m);
  const score = async (unit: string) => Number(/^OOMScoreAdjust=(.*)$/m.exec(await read(unit))?.[1]);
  t.ok((await score('beffroi.service')) < (await score('beffroi-video.service')));
});
