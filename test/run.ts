/** `npm test`: installs the Debian packages that the tests need, then runs tap with a plain closing line. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { missingPackages } from './support/debian.ts';

const only = process.argv.slice(2);

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): number {
  const PATH = `${resolve('node_modules/.bin')}:${process.env.PATH}`;
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH, ...env },
  });
  return result.status ?? 1;
}

function closeWith(line: string): never {
  console.log(line);
  process.exit(1);
}

const missing = missingPackages();
if (missing.length > 0) {
  const install = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) {
    console.error(`The tests need Debian packages that are not installed. As root:\n  ${install}`);
    closeWith('0 passed, 1 failed');
  }
  console.log(`installing Debian packages: ${missing.join(' ')}`);
  if (run('sh', ['-c', `(${install}) >&2`], { DEBIAN_FRONTEND: 'noninteractive' }) !== 0) {
    console.error('Debian packages could not be installed');
    closeWith('0 passed, 1 failed');
  }
}

// A fresh `npm ci` leaves tap's plugin build undone, and its first run would fail.
if (run('node_modules/.bin/tap', ['build']) !== 0) closeWith('0 passed, 1 failed');

process.exit(run('node_modules/.bin/tap', ['--reporter=./test/support/reporter.ts', ...only]));
