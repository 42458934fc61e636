import { once } from 'node:events';
import t from 'tap';
import PlainReporter from '../support/reporter.ts';

async function report(tap: string): Promise<string[]> {
  const reporter = new PlainReporter();
  const said: Buffer[] = [];
  reporter.on('data', (chunk: Buffer) => said.push(chunk));
  reporter.end(`TAP version 14\n${tap}`);
  await once(reporter, 'end');
  return Buffer.concat(said).toString('utf8').trimEnd().split('\n');
}

t.test('tests: the closing line counts assertions, and nothing stands behind it', async (t) => {
  const said = await report(`# Subtest: a.test.ts
    # Subtest: it works
        ok 1 - one
        not ok 2 - two
        ok 3 - three # SKIP no reason
        1..3
    not ok 1 - it works
    1..1
not ok 1 - a.test.ts
1..1
`);
  t.equal(said.at(-1), '1 passed, 3 failed');
  t.equal(said.at(-2), '1 skipped');
  t.ok(said.includes('  SKIPPED: a.test.ts > it works > three: no reason'), said.join(' / '));
});

t.test('tests: a test that asserts nothing has failed', async (t) => {
  const said = await report(`# Subtest: a.test.ts
    # Subtest: it is empty
        1..0
    ok 1 - it is empty
    1..1
ok 1 - a.test.ts
# Subtest: b.test.ts
    1..0 # no tests found
ok 2 - b.test.ts # SKIP no tests found
1..2
`);
  t.equal(said.at(-1), '0 passed, 2 failed');
});

t.test('tests: a run that is given up has failed', async (t) => {
  t.equal((await report('ok 1 - one\nBail out! no broker\n')).at(-1), '1 passed, 1 failed');
});

t.test('tests: the seed of a fuzzing test is shown, other comments are not', async (t) => {
  const said = await report(`# Subtest: a.test.ts
    # Subtest: no bytes do harm
        # fuzz: bytes: 100000 cases, seed 7
        # a word
        ok 1 - one
        1..1
    ok 1 - no bytes do harm
    1..1
ok 1 - a.test.ts
1..1
`);
  t.same(said, ['  # fuzz: bytes: 100000 cases, seed 7', 'ok a.test.ts', '1 passed, 0 failed']);
});
