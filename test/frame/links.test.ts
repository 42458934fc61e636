import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';

const LINK = /\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)/g;

t.test('pages: every link to a file of the repository leads somewhere', async (t) => {
  const pages = execFileSync('git', ['ls-files', '*.md'], { encoding: 'utf8' }).trim().split('\n');
  const links = pages
    .filter((page) => !page.startsWith('test/fixtures/') && existsSync(page))
    .flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(LINK)].map(([, to = '']) => ({
        page,
        file: join(dirname(page), to),
      })),
    );
  t.ok(links.length > 0, 'there are links');
  t.same(
    links.filter(({ file }) => !existsSync(file)),
    [],
  );
});
