/**
 * `npm run test:long`: the long tests, and each test that draws by chance, on many times as many cases of a fresh seed, which is
 * told first and makes the same ones again. Arguments are the files to run in place of these.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';

const DRAWS = /support\/(?:properties|seed|fuzz)\.ts'/;
const HOURS_S = 4 * 3600;

const { BEFFROI_SEED = String(randomInt(1, 2 ** 31)), BEFFROI_TIMES = '20' } = process.env;
const variables = { BEFFROI_SEED, BEFFROI_TIMES };
const given = process.argv.slice(2);
const files = given.length > 0 ? given : [...globSync('test/**/*.long.ts'), ...drawing()];

console.log(`the same again: BEFFROI_SEED=${BEFFROI_SEED} BEFFROI_TIMES=${BEFFROI_TIMES} npm run test:long`);
const run = spawnSync(process.execPath, ['test/run.ts', `--timeout=${HOURS_S}`, ...files], {
  stdio: 'inherit',
  env: { ...process.env, ...variables },
});
process.exit(run.status ?? 1);

function drawing(): string[] {
  return globSync('test/**/*.test.ts').filter((file) => DRAWS.test(readFileSync(file, 'utf8')));
}
