import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';

const run = promisify(execFile);

const CHECKS: readonly [title: string, command: string, args: readonly string[]][] = [
  ['types: tsc finds nothing', 'tsc', ['--noEmit']],
  ['lint: biome finds nothing', 'biome', ['check', '--error-on-warnings', '.']],
  ['dead code: knip finds nothing', 'knip', []],
  ['generated pages: they are fresh', 'node', ['test/generate/main.ts', '--check']],
];

for (const [title, command, args] of CHECKS) {
  t.test(title, async (t) => {
    const result = await run(`node_modules/.bin/${command}`, [...args], { maxBuffer: 1 << 24 }).catch(
      (error: { stdout?: string; stderr?: string }) => ({
        failed: `${error.stdout ?? ''}${error.stderr ?? ''}`,
      }),
    );
    t.equal('failed' in result ? result.failed : '', '');
  });
}
