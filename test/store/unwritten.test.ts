import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { appendText, openFor, SmallDisk, temporaryFolder, told } from './support.ts';

const CHILD = fileURLToPath(new URL('unwritten.ts', import.meta.url));
/** The event that met the full disk, one of each class, and more of one class. */
const MORE = 40;

interface Killed {
  readonly disk: SmallDisk;
  readonly runtimeFolder: string;
  /** What was in memory alone when the process was killed; the broker has the third. */
  readonly given: readonly number[];
}

/** A process on a disk that took nothing any more when it was killed, and that does not yet take anything again. */
async function killedInMemory(t: Test): Promise<Killed | string> {
  const disk = SmallDisk.mount(t, 'tmpfs');
  if (typeof disk === 'string') return disk;
  const runtimeFolder = temporaryFolder(t);
  openFor(disk.folder, undefined, { runtimeFolder }).store.close();
  disk.fill(200_000);
  return { disk, runtimeFolder, given: await runAndKill(disk.folder, runtimeFolder) };
}

async function runAndKill(folder: string, runtimeFolder: string): Promise<number[]> {
  const child = spawn(process.execPath, [CHILD, folder, runtimeFolder, String(MORE)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let given: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    given = JSON.parse(line) as number[];
    child.kill('SIGKILL');
  }
  const [, signal] = (await ended) as [unknown, string];
  if (signal !== 'SIGKILL') throw new RangeError(`expected SIGKILL, came ${signal}`);
  return given;
}

function lossesOf(folder: string, runtimeFolder?: string) {
  const { store } = openFor(folder, undefined, runtimeFolder === undefined ? {} : { runtimeFolder });
  const losses = told(store);
  const next = appendText(store, 'new');
  const { durable } = store;
  store.close();
  return { losses, next, durable };
}

t.test('a process that is killed while the disk takes nothing', async (t) => {
  const killed = await killedInMemory(t);
  if (typeof killed === 'string') return t.pass(killed, { skip: true });
  const { disk, runtimeFolder, given } = killed;
  const [first = 0] = given;
  const last = given.at(-1) ?? 0;
  t.same([given.length, last - first], [MORE + 1, MORE], 'numbers rise by one');
  const copyOf = (without: readonly string[] = []) => {
    const copy = temporaryFolder(t);
    cpSync(disk.folder, copy, { recursive: true, filter: (path) => !path.endsWith('filler') });
    for (const name of without) rmSync(join(copy, name));
    return copy;
  };
  const runtimeCopy = () => {
    const copy = temporaryFolder(t);
    cpSync(runtimeFolder, copy, { recursive: true });
    return copy;
  };
  const each = { reason: 'unwritten', firstSeq: first, lastSeq: last };
  const exact = [
    { ...each, class: 'life-safety', count: 1 },
    { ...each, class: 'intrusion', count: 1 },
    { ...each, class: 'technical', count: MORE - 3 },
    { ...each, class: 'service', count: 1 },
  ];

  t.test('the next one tells exactly what was lost, and not what the broker has', async (t) => {
    const [copy, run] = [copyOf(), runtimeCopy()];
    t.same(lossesOf(copy, run), { losses: exact, next: last + 5, durable: true });
    t.same(lossesOf(copy, run), { losses: [], next: last + 6, durable: true }, 'once');
  });

  t.test('after a power cut every number that was reserved may be lost, and none comes again', async (t) => {
    const copy = copyOf();
    const { losses, next } = lossesOf(copy);
    const reached = Math.max(...losses.map(({ lastSeq }) => lastSeq));
    t.ok(reached >= last && next > reached, `up to ${reached}`);
    t.ok(losses.every(({ reason, firstSeq }) => reason === 'unwritten' && firstSeq >= first));
    t.ok(losses.reduce((sum, { count }) => sum + count, 0) >= MORE);
    t.same(lossesOf(copy).losses, [], 'once');
  });

  t.test('a power cut with the marks alone', async (t) => {
    const { losses, next } = lossesOf(copyOf(['beffroi.db.unwritten']));
    t.match(losses, [{ class: 'intrusion', reason: 'unwritten', firstSeq: first }]);
    const [{ lastSeq = 0, count = 0 } = {}] = losses;
    t.ok(lastSeq >= last && count === lastSeq - first + 1, 'an upper bound');
    t.equal(next, lastSeq + 2);
  });

  t.test('a start on the disk that is still full tells it too, and is killed itself', async (t) => {
    const run = runtimeCopy();
    const [before, ...again] = await runAndKill(disk.folder, run);
    t.equal(before, last, 'it knows the last number');
    t.ok(Math.min(...again) > last, 'no number comes again');
    disk.free();
    const { losses, next } = lossesOf(disk.folder, run);
    t.equal(next, (again.at(-1) ?? 0) + 5);
    const firstLost = { reason: 'unwritten', firstSeq: first, lastSeq: again.at(-1) };
    t.match(losses, [
      { ...firstLost, class: 'life-safety', count: 2 },
      { ...firstLost, class: 'intrusion', count: 1 },
      { ...firstLost, class: 'technical', count: 2 * (MORE - 3) },
      { ...firstLost, class: 'service', count: 2 },
    ]);
  });
});

t.test('a process that ends in memory in good order leaves the same words', async (t) => {
  const disk = SmallDisk.mount(t, 'tmpfs');
  if (typeof disk === 'string') return t.pass(disk, { skip: true });
  const runtimeFolder = temporaryFolder(t);
  const { store } = openFor(disk.folder, undefined, { runtimeFolder });
  disk.fill(100_000);
  let last = 0;
  while (store.durable) last = appendText(store, '.'.repeat(3000));
  store.close();
  disk.free();
  const line = { class: 'intrusion', reason: 'unwritten', firstSeq: last, lastSeq: last, count: 1 };
  t.same(lossesOf(disk.folder), { losses: [line], next: last + 2, durable: true }, 'also after a power cut');
});

t.test('what came back to the disk is not lost', async (t) => {
  const disk = SmallDisk.mount(t, 'tmpfs');
  if (typeof disk === 'string') return t.pass(disk, { skip: true });
  const runtimeFolder = temporaryFolder(t);
  const { store, clock } = openFor(disk.folder, undefined, { runtimeFolder });
  await store.start(new AbortController().signal);
  disk.fill(100_000);
  while (store.durable) appendText(store, '.'.repeat(3000));
  disk.free();
  await clock.advance(10_000);
  t.equal(store.durable, true);
  // The process is gone: the store is not closed.
  await store.stop();
  t.same(lossesOf(disk.folder, runtimeFolder).losses, []);
  t.same(lossesOf(disk.folder).losses, []);
});

t.test('a disk that is read-only: the marks and the words lie in the runtime folder', async (t) => {
  const disk = SmallDisk.mount(t, 'tmpfs');
  if (typeof disk === 'string') return t.pass(disk, { skip: true });
  const runtimeFolder = temporaryFolder(t);
  const open = () => openFor(disk.folder, undefined, { runtimeFolder }).store;
  const first = open();
  const known = appendText(first, 'a');
  first.slots.sawVersion(4);
  first.close();
  disk.remount('ro');
  const second = open();
  second.slots.sawVersion(9);
  const lost = [appendText(second, 'b'), appendText(second, 'c')];
  t.ok(Math.min(...lost) > known);
  // The process is gone.
  const third = open();
  t.same([third.boot, third.slots.highestVersion(), third.durable], [second.boot + 1, 9, false]);
  t.ok(appendText(third, 'd') > Math.max(...lost));
  disk.remount('rw');
  const { losses } = lossesOf(disk.folder, runtimeFolder);
  t.match(losses, [{ class: 'intrusion', reason: 'unwritten', firstSeq: lost[0], count: 3 }]);
});
