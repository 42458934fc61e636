import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { carryOver } from '../../agent/store/carry.ts';
import { openForReading, openMemory } from '../../agent/store/database.ts';
import { verifyRegister } from '../../agent/store/register-chain.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import {
  appendText,
  BOX_KEY,
  ENTRY,
  numbers,
  type OpenedStore,
  openFor,
  SmallDisk,
  temporaryFolder,
  texts,
} from './support.ts';

const NEVER = new AbortController().signal;

/** Appends until the disk has refused; the texts `first`, `first` + 1, … @returns the next number */
function appendUntilMemory({ store }: OpenedStore, first: number): number {
  let next = first;
  while (store.durable) {
    appendText(store, `${next} ${'.'.repeat(3000)}`);
    next += 1;
  }
  return next;
}

function order({ store }: OpenedStore): number[] {
  return texts(store).map((text) => Number(text.split(' ')[0]));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

type Step =
  | { do: 'append' | 'line' | 'restart' | 'time' }
  | { do: 'acknowledge'; share: number }
  | { do: 'fill'; spareBytes: number }
  | { do: 'free' }
  | { do: 'set'; key: number };

for (const kind of ['tmpfs', 'ext4'] as const) {
  t.test(
    `${kind}: when the disk fills up, everything goes on in memory and comes back to the disk in order`,
    async (t) => {
      const disk = SmallDisk.mount(t, kind);
      if (typeof disk === 'string') return t.pass(disk, { skip: true });
      const opened = openFor(disk.folder);
      const { store, clock, faults } = opened;
      await store.start(NEVER);
      appendText(store, '0 on disk');
      store.memory.set('room', 'on disk', '1');
      store.memory.set('room', 'deleted', '1');
      store.register.append(ENTRY);
      store.slots.saveGood({ version: 4, hash: 'h', jws: 'j' });
      disk.fill(200_000);
      const next = appendUntilMemory(opened, 1);
      t.match(faults, [{ code: 'store-unavailable', recovered: false }]);
      t.same(order(opened), upTo(next), 'the event that met the full disk is there once');
      t.same(
        numbers(store),
        upTo(next).map((n) => n + 1),
        'and the numbers have no gap',
      );

      store.outbox.acknowledge([1, 2, next]);
      store.memory.set('room', 'in memory', '2');
      store.memory.delete('room', 'deleted');
      store.register.append({ ...ENTRY, detail: 'in memory' });
      t.equal(store.journal.take('order-0001', 5), true);
      t.equal(store.slots.lastGood()?.version, 4, 'the configuration is still there');
      await clock.advance(10_000);
      t.equal(store.durable, false, 'the disk is still full');
      const before = texts(store);

      disk.free();
      await clock.advance(10_000);
      t.equal(store.durable, true);
      t.match(faults, [{ recovered: false }, { code: 'store-unavailable', recovered: true }]);
      t.same(texts(store), before);
      appendText(store, 'last');
      t.equal(numbers(store).at(-1), next + 1);
      await store.stop();
      store.close();

      const { store: again } = openFor(disk.folder);
      t.same(texts(again), [...before, 'last'], 'all of it is on the disk');
      t.same(again.memory.entries('room'), [
        ['in memory', '2'],
        ['on disk', '1'],
      ]);
      t.equal(again.journal.take('order-0001', 5), false);
      t.match(verifyRegister(again.register.lines(1, 100), BOX_KEY), { first: 1, last: 2, bad: undefined });
      again.close();
    },
  );

  t.test(`${kind}: a start on a full disk still knows what the disk holds`, async (t) => {
    const disk = SmallDisk.mount(t, kind);
    if (typeof disk === 'string') return t.pass(disk, { skip: true });
    const first = openFor(disk.folder).store;
    for (const text of ['a', 'b', 'c']) appendText(first, text);
    first.slots.saveGood({ version: 4, hash: 'h', jws: 'j' });
    first.slots.sawVersion(6);
    first.outbox.rule({ confirm: 'broker', resendAfterMs: 60_000, liveWithinMs: 60_000 });
    const line = first.register.append(ENTRY);
    first.close();
    disk.fill();

    const { store, clock, faults } = openFor(disk.folder);
    t.equal(store.durable, false);
    t.match(faults, [{ code: 'store-unavailable', recovered: false }]);
    t.same([store.boot, texts(store)], [2, ['a', 'b', 'c']]);
    t.same([store.slots.highestVersion(), store.slots.lastGood()?.version], [6, 4]);
    t.equal(store.register.append(ENTRY).previous, line.hash);
    t.ok(appendText(store, 'd') > 3);
    store.outbox.acknowledge([2]);
    await store.start(NEVER);
    disk.free();
    await clock.advance(10_000);
    t.same([store.durable, texts(store)], [true, ['a', 'c', 'd']]);
    await store.stop();
    store.close();
    const again = openFor(disk.folder).store;
    t.same([again.boot, texts(again)], [3, ['a', 'c', 'd']]);
    t.match(verifyRegister(again.register.lines(1, 9), BOX_KEY), { last: 2, bad: undefined });
    again.close();
  });

  t.test(
    `${kind}: a number that was given in memory and lost with the process does not come again`,
    async (t) => {
      const disk = SmallDisk.mount(t, kind);
      if (typeof disk === 'string') return t.pass(disk, { skip: true });
      const first = openFor(disk.folder);
      disk.fill(100_000);
      appendUntilMemory(first, 0);
      const lost = appendText(first.store, 'lost with the process');
      disk.free();
      // The process is gone: the first store is not closed, which would bring its events back.
      const { store } = openFor(disk.folder);
      t.ok(appendText(store, 'new') > lost);
      store.close();
    },
  );

  t.test(
    `${kind}: a read-only disk is read, and what comes meanwhile joins it when it can be written`,
    async (t) => {
      const disk = SmallDisk.mount(t, kind);
      if (typeof disk === 'string') return t.pass(disk, { skip: true });
      const first = openFor(disk.folder).store;
      appendText(first, 'a');
      first.slots.saveGood({ version: 4, hash: 'h', jws: 'j' });
      first.close();
      disk.remount('ro');
      const opened = openFor(disk.folder);
      const { store, clock, faults } = opened;
      t.match(faults, [{ code: 'store-unavailable', recovered: false }]);
      t.same([store.durable, store.slots.lastGood()?.version, texts(store)], [false, 4, ['a']]);
      appendText(store, 'b');
      await store.start(NEVER);
      await clock.advance(10_000);
      t.equal(store.durable, false);
      disk.remount('rw');
      await clock.advance(10_000);
      t.same([store.durable, texts(store)], [true, ['a', 'b']]);
      t.same(
        readdirSync(disk.folder).filter((name) => name.includes('damaged')),
        [],
      );
      await store.stop();
      store.close();
    },
  );

  t.test(
    `${kind}: a disk that was read-only while a write-ahead log was left on it is read too`,
    async (t) => {
      const disk = SmallDisk.mount(t, kind);
      if (typeof disk === 'string') return t.pass(disk, { skip: true });
      const other = temporaryFolder(t);
      const first = openFor(other).store;
      appendText(first, 'a');
      first.slots.saveGood({ version: 4, hash: 'h', jws: 'j' });
      execFileSync('cp', ['-a', `${other}/.`, disk.folder]);
      first.close();
      t.ok(existsSync(join(disk.folder, 'beffroi.db-wal')));
      disk.remount('ro');
      const { store } = openFor(disk.folder);
      t.same([store.durable, store.slots.lastGood()?.version, texts(store)], [false, 4, ['a']]);
      store.close();
    },
  );

  t.test(`${kind}: a transaction that meets the full disk is done once, whole`, async (t) => {
    const disk = SmallDisk.mount(t, kind);
    if (typeof disk === 'string') return t.pass(disk, { skip: true });
    const { store } = openFor(disk.folder);
    disk.fill(300_000);
    let swallowed = 0;
    for (let n = 0; store.durable; n += 1) {
      store.transaction(() => {
        store.memory.set('room', 'last', String(n));
        try {
          appendText(store, `${n} ${'.'.repeat(20_000)}`);
        } catch {
          swallowed += 1;
        }
      });
    }
    const all = texts(store);
    t.same(
      all.map((text) => Number(text.split(' ')[0])),
      upTo(all.length),
    );
    t.equal(store.memory.get('room', 'last'), String(all.length - 1));
    t.ok(swallowed <= 1, 'an error that the caller hides does not hide the fault');
    store.close();
  });

  t.test(`${kind}: whatever comes in whatever order, nothing is lost, doubled or out of order`, async (t) => {
    const disk = SmallDisk.mount(t, kind);
    if (typeof disk === 'string') return t.pass(disk, { skip: true });
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom<Step>({ do: 'append' }, { do: 'line' }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('acknowledge' as const),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ do: fc.constant('fill' as const), spareBytes: fc.nat({ max: 60_000 }) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('set' as const), key: fc.nat({ max: 3 }) }) },
      { weight: 4, arbitrary: fc.constantFrom<Step>({ do: 'free' }, { do: 'time' }, { do: 'restart' }) },
    );
    let run = 0;
    let inMemory = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      run += 1;
      const folder = join(disk.folder, `run-${run}`);
      const clock = new TestClock();
      let opened = openFor(folder, clock);
      await opened.store.start(NEVER);
      const model = {
        waiting: [] as { seq: number; text: string }[],
        lines: 0,
        values: new Map<string, string>(),
        seq: 0,
      };
      const check = () => {
        const got = opened.store.outbox
          .next(0, 1000)
          .map(({ seq, payload }) => ({ seq, text: payload.slice(payload.indexOf(' ') + 1) }));
        if (JSON.stringify(got) !== JSON.stringify(model.waiting)) throw new RangeError('outbox differs');
        if (opened.store.register.head().length !== model.lines) throw new RangeError('register differs');
        for (const [key, value] of model.values) {
          if (opened.store.memory.get('room', key) !== value) throw new RangeError('memory differs');
        }
        if (!opened.store.durable) inMemory += 1;
      };
      for (const [index, now] of steps.entries()) {
        const { store } = opened;
        if (now.do === 'append') {
          const text = `${index} ${'.'.repeat(5000)}`;
          const seq = appendText(store, text);
          if (seq <= model.seq) throw new RangeError('number came again');
          model.seq = seq;
          model.waiting.push({ seq, text });
        } else if (now.do === 'line') {
          store.register.append({ ...ENTRY, detail: 'x'.repeat(1000) });
          model.lines += 1;
        } else if (now.do === 'set') {
          store.memory.set('room', String(now.key), String(index));
          model.values.set(String(now.key), String(index));
        } else if (now.do === 'acknowledge') {
          const gone = model.waiting.splice(0, Math.floor(model.waiting.length * now.share));
          store.outbox.acknowledge(gone.map(({ seq }) => seq));
        } else if (now.do === 'fill') disk.fill(now.spareBytes);
        else if (now.do === 'free') disk.free();
        else if (now.do === 'time') await clock.advance(10_000);
        else {
          disk.free();
          await store.stop();
          store.close();
          opened = openFor(folder, clock);
          await opened.store.start(NEVER);
        }
        check();
      }
      disk.free();
      await clock.advance(10_000);
      check();
      const { bad } = verifyRegister(opened.store.register.lines(0, 1000), BOX_KEY);
      await opened.store.stop();
      opened.store.close();
      rmSync(folder, { recursive: true });
      return bad === undefined && opened.store.durable;
    });
    await fc.assert(property, { numRuns: kind === 'ext4' ? 10 : 25, verbose: true });
    t.comment(`${inMemory} steps in memory`);
    t.ok(inMemory > 0);
  });
}

t.test('what finds no room in memory takes nothing else with it', async (t) => {
  const folder = temporaryFolder(t);
  const opened = openFor(folder).store;
  for (const text of ['a', 'b']) appendText(opened, text);
  const span = { track: 'health', state: 'down', cause: 'x', side: 'camera', via: '', noticedMs: 0 };
  const ended = Array.from({ length: 10_000 }, (_, n) => ({
    ...{ ...span, subject: `cam-${n % 4}`, fromMs: 2 * n, untilMs: 2 * n + 1 },
  }));
  opened.timeline.write({ ended, open: [], closed: [], figures: [], planned: [], knownMs: 1 });
  opened.close();
  const from = openForReading(join(folder, 'beffroi.db'));
  const to = openMemory();
  to.exec('PRAGMA max_page_count = 100');
  if (!from) throw new RangeError('expected a database');
  t.notOk(carryOver(from, to, 0), 'not everything fits');
  t.same(to.all('SELECT seq FROM outbox'), [{ seq: 1 }, { seq: 2 }], 'the events are there');
  from.close();
  to.close();
});
