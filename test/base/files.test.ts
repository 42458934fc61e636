import { execFileSync } from 'node:child_process';
import { existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeFolder, readAtMost, readAtMostSync, readInstalled } from '../../agent/base/files.ts';

t.test('files: an installed file is read to the last byte that may be', async (t) => {
  const file = join(t.testdir({ key: 'x'.repeat(100) }), 'key');
  t.equal((await readInstalled(file, 100, 'key-file-unreadable')).length, 100);
  await t.rejects(readInstalled(file, 99, 'key-file-unreadable'), {
    code: 'key-file-unreadable',
    message: /at most 99 bytes/,
  });
});

t.test('files: an empty file is empty, a link is followed', async (t) => {
  const folder = t.testdir({ empty: '' });
  symlinkSync('empty', join(folder, 'link'));
  t.equal((await readInstalled(join(folder, 'link'), 100, 'box-file-unreadable')).length, 0);
});

t.test('files: a device without end, a pipe without writer and a folder are no files', async (t) => {
  const folder = t.testdir();
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  for (const path of ['/dev/zero', join(folder, 'pipe'), folder]) {
    await t.rejects(readInstalled(path, 1024, 'box-file-unreadable'), {
      code: 'box-file-unreadable',
      message: /: expected a regular file$/,
    });
  }
  await t.rejects(readInstalled(join(folder, 'none'), 1024, 'box-file-unreadable'), { message: /ENOENT$/ });
});

t.test('files: what is read is bounded, also of a file that does not say its length', async (t) => {
  const length = 3 * 65_536;
  const file = join(t.testdir({ text: 'x'.repeat(length) }), 'text');
  const both = async (path: string, maxBytes: number) => [
    (await readAtMost(path, maxBytes))?.length,
    readAtMostSync(path, maxBytes)?.length,
  ];
  t.same(await both(file, length), [length, length]);
  t.same(await both(file, length - 1), [undefined, undefined]);
  t.same(await both('/dev/zero', length), [undefined, undefined]);
  t.same(await both('/dev/null', 0), [0, 0]);
  const [one = 0, other = 0] = await both('/proc/self/maps', 16 * 1024 * 1024);
  t.ok(one > 0 && other > 0);
  for (const way of [readAtMost, async (...asked: [string, number]) => readAtMostSync(...asked)])
    await t.rejects(way(join(file, 'none'), 1), { code: 'ENOTDIR' });
});

t.test(
  'folders: those above are made too, with the same rights, and one that is there is left',
  async (t) => {
    const folder = join(t.testdir(), 'a', 'b', 'c');
    makeFolder(folder, 0o700);
    t.equal(statSync(join(folder, '..')).mode & 0o777, 0o700);
    writeFileSync(join(folder, 'file'), '');
    makeFolder(folder, 0o750);
    t.ok(existsSync(join(folder, 'file')));
    t.equal(statSync(folder).mode & 0o777, 0o700);
  },
);

t.test('folders: a place where none can be is said at once', async (t) => {
  t.throws(() => makeFolder('/proc/beffroi/state', 0o700), { code: 'ENOENT' });
  const file = join(t.testdir({ file: '' }), 'file');
  t.throws(() => makeFolder(file, 0o700), { code: 'EEXIST' });
  t.throws(() => makeFolder(join(file, 'below'), 0o700), { code: 'ENOTDIR' });
  const link = join(t.testdir(), 'link');
  symlinkSync('/nowhere/at/all', link);
  t.throws(() => makeFolder(join(link, 'below'), 0o700));
});
