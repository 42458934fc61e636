/** `npm test`: installs the Debian packages that the tests need, then runs tap with a plain closing line. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { missingPackages } from './support/debian.ts';

const only = process.argv.slice(2);
/** A mirror may fail once, and another process may hold the lock of apt for a while. */
const RETRIES = '-o Acquire::Retries=5 -o DPkg::Lock::Timeout=120';

/** The pinned Node comes before the one of the machine, and hundreds of test files share compiled code. */
const environment = {
  NODE_COMPILE_CACHE: resolve('node_modules/.cache/tests'),
  ...process.env,
  PATH: `${resolve('node_modules/.bin')}:${process.env.PATH}`,
};

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): number {
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...environment, ...env },
  });
  return result.status ?? 1;
}

function closeWith(line: string): never {
  console.log(line);
  process.exit(1);
}

const missing = missingPackages();
if (missing.length > 0) {
  const install = `apt-get ${RETRIES} update && apt-get ${RETRIES} install -y --no-install-recommends ${missing.join(' ')}`;
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

process.exit(await runTests());

/**
 * Runs tap as the leader of a group of its own: what a test that hung has left behind, and would hold our standard error
 * open, is ended with the group.
 * @returns the exit code: 0 only when something passed, nothing failed, and the closing line says so
 */
async function runTests(): Promise<number> {
  const tap = spawn('node_modules/.bin/tap', ['--reporter=./test/support/reporter.ts', ...only], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment,
    detached: true,
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => endAll(tap, signal));
  let end = '';
  tap.stdout.setEncoding('utf8').on('data', (text: string) => {
    process.stdout.write(text);
    end = (end + text).slice(-200);
  });
  const [code] = (await once(tap, 'close')) as [number | null];
  endAll(tap, 'SIGKILL');
  const counted = /^(\d+) passed, (\d+) failed\n$/m.exec(end.slice(end.trimEnd().lastIndexOf('\n') + 1));
  if (!counted) closeWith('0 passed, 1 failed');
  return code === 0 && counted[1] !== '0' && counted[2] === '0' ? 0 : 1;
}

function endAll({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid) process.kill(-pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}
