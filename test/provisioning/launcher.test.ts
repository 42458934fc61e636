import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { REPOSITORY, temporaryFolder } from './processes.ts';

const run = promisify(execFile);
/** With the options of Node that cannot stand in its environment. */
const LAUNCHERS = [
  { launcher: 'agent/beffroi', options: '--heap-growing-percent=40 ' },
  { launcher: 'provisioning/beffroi-csu', options: '' },
];
const PINNED = `node-linux-${process.arch}`;

/** A stand-in for a program: says by which path it was run and with what. */
const SAYS = '#!/bin/sh\necho "$0 $*"\n';

async function program(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, SAYS);
  await chmod(file, 0o755);
}

for (const { launcher, options } of LAUNCHERS) {
  t.test(
    `${launcher} as a dependency runs the compiled program with the pinned Node beside it`,
    async (t) => {
      const modules = join(temporaryFolder(t), 'node_modules');
      const inPackage = join(modules, 'beffroi', launcher);
      const link = join(modules, '.bin', 'x');
      await mkdir(dirname(inPackage), { recursive: true });
      await mkdir(dirname(link));
      await cp(join(REPOSITORY, launcher), inPackage);
      await symlink(inPackage, link);
      await program(join(modules, PINNED, 'bin/node'));
      const { stdout } = await run(link, ['watch', 'a b']);
      const entry = join(modules, 'beffroi', 'dist', dirname(launcher), 'cli.js');
      t.equal(stdout, `${join(modules, PINNED, 'bin/node')} ${options}${entry} watch a b\n`);
    },
  );

  t.test(`${launcher} in a clone runs the sources with the pinned Node within it`, async (t) => {
    const clone = temporaryFolder(t);
    await mkdir(join(clone, dirname(launcher)));
    await cp(join(REPOSITORY, launcher), join(clone, launcher));
    await writeFile(join(clone, dirname(launcher), 'cli.ts'), '');
    await program(join(clone, 'node_modules', PINNED, 'bin/node'));
    const { stdout } = await run(join(clone, launcher), ['--help']);
    const entry = join(clone, dirname(launcher), 'cli.ts');
    t.equal(stdout, `${join(clone, 'node_modules', PINNED, 'bin/node')} ${options}${entry} --help\n`);
  });

  t.test(`${launcher} without a pinned Node runs that of the machine`, async (t) => {
    const folder = temporaryFolder(t);
    await mkdir(join(folder, 'p', dirname(launcher)), { recursive: true });
    await cp(join(REPOSITORY, launcher), join(folder, 'p', launcher));
    await program(join(folder, 'path', 'node'));
    const env = { PATH: `${join(folder, 'path')}:${process.env.PATH}` };
    const { stdout } = await run(join(folder, 'p', launcher), ['--help'], { env });
    t.match(stdout, /path\/node .*cli\.js --help\n$/);
  });
}
