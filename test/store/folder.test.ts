import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import t from 'tap';
import { verifyRegister } from '../../agent/store/register-chain.ts';
import { TestClock } from '../support/test-clock.ts';
import { appendText, BOX_KEY, ENTRY, numbers, openFor, temporaryFolder, texts, told } from './support.ts';

const NEVER = new AbortController().signal;

t.test('a state folder that cannot be made is waited for', async (t) => {
  const parent = temporaryFolder(t);
  const place = join(parent, 'state');
  writeFileSync(place, 'a file stands here');
  const { store, clock, faults } = openFor(place);
  t.match(faults, [{ code: 'store-unavailable', recovered: false }]);
  const seq = appendText(store, 'a');
  t.ok(seq > clock.wallMs(), 'the history is unknown: above every number a box counts to');
  await store.start(NEVER);
  rmSync(place);
  await clock.advance(10_000);
  t.same([store.durable, numbers(store)], [true, [seq]]);
  t.equal(appendText(store, 'b'), seq + 1);
  await store.stop();
  store.close();
  t.equal(openFor(place).store.boot, 2);
});

t.test('what was gathered without knowing the disk joins what is on it', async (t) => {
  const place = join(temporaryFolder(t), 'state');
  const first = openFor(place).store;
  appendText(first, 'a');
  first.register.append(ENTRY);
  first.memory.set('room', 'old', '1');
  first.slots.saveGood({ version: 9, hash: 'h', jws: 'j' });
  first.close();
  renameSync(place, `${place}.away`);
  writeFileSync(place, '');
  const { store, clock } = openFor(place);
  t.same([texts(store), store.slots.highestVersion()], [[], 0]);
  appendText(store, 'b');
  store.register.append({ ...ENTRY, detail: 'meanwhile' });
  store.memory.set('room', 'new', '2');
  store.slots.saveGood({ version: 2, hash: 'older', jws: 'older' });
  rmSync(place);
  renameSync(`${place}.away`, place);
  await store.start(NEVER);
  await clock.advance(10_000);
  t.same([store.durable, texts(store)], [true, ['a', 'b']]);
  t.same([store.slots.highestVersion(), store.slots.lastGood()?.version], [9, 9]);
  t.same(
    store.memory.entries('room').map(([key]) => key),
    ['new', 'old'],
  );
  const lines = store.register.lines(1, 10);
  t.same(
    lines.map(({ detail }) => detail),
    ['', 'meanwhile'],
  );
  t.equal(verifyRegister(lines, BOX_KEY).bad, undefined);
  await store.stop();
  store.close();
});

t.test('when the folder is taken away while it runs, everything moves to a new one', async (t) => {
  const place = join(temporaryFolder(t), 'state');
  const { store, clock, faults } = openFor(place);
  appendText(store, 'a');
  await store.start(NEVER);
  rmSync(place, { recursive: true });
  await clock.advance(10_000);
  t.same([store.durable, texts(store)], [true, ['a']]);
  t.match(faults, [{ code: 'store-unavailable', recovered: false }, { recovered: true }]);
  appendText(store, 'b');
  await store.stop();
  store.close();
  const again = openFor(place).store;
  t.same(
    [texts(again), numbers(again)],
    [
      ['a', 'b'],
      [1, 2],
    ],
  );
  again.close();
});

for (const taken of [[''], ['-wal'], ['', '-wal', '-shm', '.marks']]) {
  const names = taken.map((suffix) => `beffroi.db${suffix}`).join(', ');
  t.test(`what is written after ${names} was taken away is on the disk when the call returns`, async (t) => {
    const folder = temporaryFolder(t);
    const { store, faults } = openFor(folder);
    for (const text of ['a', 'b', 'c']) appendText(store, text);
    store.outbox.acknowledge([2]);
    for (const suffix of taken) rmSync(join(folder, `beffroi.db${suffix}`));
    t.equal(appendText(store, 'd'), 4);
    const db = new DatabaseSync(join(folder, 'beffroi.db'), { readOnly: true });
    const rows = db.prepare('SELECT seq, payload FROM outbox ORDER BY seq').all();
    db.close();
    t.same(
      rows.map(({ seq, payload }) => [seq, payload]),
      [
        [1, 'id-1 a'],
        [3, 'id-3 c'],
        [4, 'id-4 d'],
      ],
    );
    t.match(faults, [{ code: 'store-unavailable', recovered: false }, { recovered: true }]);
    store.close();
    t.equal(appendText(openFor(folder).store, 'e'), 5);
  });
}

t.test('at the end what is in memory is brought to the disk when that is possible', async (t) => {
  const place = join(temporaryFolder(t), 'state');
  writeFileSync(place, '');
  const { store } = openFor(place);
  appendText(store, 'a');
  rmSync(place);
  store.close();
  t.same(texts(openFor(place).store), ['a']);
});

t.test('a folder beside the database is left alone', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'other'));
  openFor(folder).store.close();
  t.ok(existsSync(join(folder, 'other')));
});

t.test('what is no file is taken out of the way of one, and a pipe is not waited for', async (t) => {
  const ways = {
    folder: (file: string) => mkdirSync(join(file, 'inner'), { recursive: true }),
    pipe: (file: string) => execFileSync('mkfifo', [file]),
  };
  for (const [what, put] of Object.entries(ways))
    for (const suffix of ['', '-wal', '-shm', '.marks', '.look', '.unwritten', '.marks.new', '.look.new']) {
      const folder = temporaryFolder(t);
      const first = openFor(folder).store;
      appendText(first, 'a');
      first.close();
      const file = join(folder, `beffroi.db${suffix}`);
      rmSync(file, { force: true });
      put(file);
      const { store } = openFor(folder);
      const found = numbers(store).length + told(store).length;
      t.same([store.durable, store.boot, found], [true, 2, 1], `${what} in the place of beffroi.db${suffix}`);
      t.ok(appendText(store, 'b') > 1);
      store.close();
      t.equal(openFor(folder).store.durable, true);
    }
});

t.test('marks with a number that leaves none to give are none, nor are longer ones than any of ours', (t) => {
  for (const text of [`1 0 ${Number.MAX_SAFE_INTEGER} 1`.padStart(64), '9 0 500 0'.padStart(5_000)]) {
    const folder = temporaryFolder(t);
    openFor(folder).store.close();
    writeFileSync(join(folder, 'beffroi.db.marks'), `${text}\n`);
    const { store } = openFor(folder);
    t.same([store.boot, appendText(store, 'a')], [2, 1]);
    store.close();
  }
  t.end();
});

t.test('a look with such a number, and marks of any length, are none either', (t) => {
  const folder = temporaryFolder(t);
  openFor(folder).store.close();
  const line = (values: readonly number[]) => {
    const text = values.map((value) => String(value).padStart(16)).join(' ');
    return `${text} ${crc32(text).toString(16).padStart(8, '0')}\n`;
  };
  const last = Number.MAX_SAFE_INTEGER;
  writeFileSync(join(folder, 'beffroi.db.look'), line([last]) + line([1, 1, last, 0, 0, 0, 0]));
  writeFileSync(join(folder, 'beffroi.db.marks'), '1 0 5000 0'.padEnd(100_000));
  const { store, faults } = openFor(folder);
  t.equal(appendText(store, 'a'), 1);
  t.same(faults, []);
  store.close();
  t.end();
});

t.test('numbers by a clock that is not set are none that a box reaches by counting', (t) => {
  const { store } = openFor('/proc/beffroi', new TestClock(5_000));
  t.ok(appendText(store, 'a') > Date.UTC(2026, 0, 1));
  store.close();
  t.end();
});
