import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { OutboxClass } from '../../agent/contract/delivery.ts';
import type { SqliteStore } from '../../agent/store/open-store.ts';
import type { Loss } from '../../agent/store/store.ts';
import * as fc from '../support/properties.ts';
import { appendText, numbers, openFor, temporaryFolder, told } from './support.ts';

const APPENDER = fileURLToPath(new URL('appender.ts', import.meta.url));
const ACKNOWLEDGED = 30;
const WRITTEN = ['', '-wal', '.marks', '.look'];

function database(folder: string): string {
  return join(folder, 'beffroi.db');
}

function appendOf(store: SqliteStore, of: OutboxClass): number {
  return store.outbox.append((seq) => ({
    topic: `csu/v1/57463-mairie/pt-${of}/event/alarm`,
    payload: `id-${seq} text`,
    id: `id-${seq}`,
    class: of,
  }));
}

function spoil(file: string, at = 0): void {
  const content = readFileSync(file);
  for (let n = 0; n < 16; n += 1) content.writeUInt8(content.readUInt8(at + n) ^ 0xff, at + n);
  writeFileSync(file, content);
}

/** A folder as a process left it that was killed; its events are numbered from 1, and so many were said to be durable. */
async function killed(t: Test): Promise<string> {
  const folder = temporaryFolder(t);
  const child = spawn(process.execPath, [APPENDER, folder, '1', String(ACKNOWLEDGED)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout }))
    if (Number(line) === ACKNOWLEDGED) child.kill('SIGKILL');
  const [, signal] = await ended;
  t.equal(signal, 'SIGKILL');
  return folder;
}

function copyOf(t: Test, folder: string): string {
  const copy = temporaryFolder(t);
  for (const suffix of WRITTEN) copyFileSync(database(folder) + suffix, database(copy) + suffix);
  return copy;
}

/** Opens it; each number that was said to be durable is there or in the ledger, and none comes again. */
function reopen(folder: string): { got: number[]; losses: Loss[]; next: number; codes: string[] } {
  const { store, faults } = openFor(folder);
  const got = numbers(store);
  const losses = told(store);
  const next = appendText(store, 'new');
  store.close();
  return { got, losses, next, codes: faults.map(({ code }) => code) };
}

function unaccounted({ got, losses, next }: ReturnType<typeof reopen>): number[] {
  const acknowledged = Array.from({ length: ACKNOWLEDGED }, (_, n) => n + 1);
  const isKnown = (seq: number) =>
    got.includes(seq) || losses.some(({ firstSeq, lastSeq }) => firstSeq <= seq && seq <= lastSeq);
  const count = losses.reduce((sum, loss) => sum + loss.count, 0);
  const missing = acknowledged.filter((seq) => !got.includes(seq)).length;
  if (count < missing || next <= ACKNOWLEDGED) return acknowledged;
  return acknowledged.filter((seq) => !isKnown(seq));
}

t.test('a header that is lost while the agent is down: the ledger has exactly what waited', async (t) => {
  const folder = temporaryFolder(t);
  const { store } = openFor(folder);
  for (const its of ['life-safety', 'intrusion', 'technical', 'intrusion', 'service', 'technical'] as const)
    appendOf(store, its);
  store.outbox.acknowledge([1, 2]);
  store.close();
  spoil(database(folder));
  const again = openFor(folder);
  t.match(again.faults, [{ code: 'store-damaged' }]);
  const each = { reason: 'damaged', firstSeq: 3, lastSeq: 6 };
  t.same(told(again.store), [
    { class: 'intrusion', ...each, count: 1 },
    { class: 'technical', ...each, count: 2 },
    { class: 'service', ...each, count: 1 },
  ]);
  t.same(numbers(again.store), [7, 8, 9], 'no gap that is not told');
  t.equal(again.store.outbox.dropped(), 4);
  again.store.close();
  t.same(reopen(folder).losses, [], 'once');
});

t.test('a header that is lost when nothing waited: nothing is in the ledger', async (t) => {
  const folder = temporaryFolder(t);
  const { store } = openFor(folder);
  store.outbox.acknowledge([appendText(store, 'a')]);
  store.close();
  spoil(database(folder));
  const { losses, next, codes } = reopen(folder);
  t.same([losses, next, codes], [[], 2, ['store-damaged']]);
});

t.test('a killed process', async (t) => {
  const folder = await killed(t);

  t.test('whole: nothing is told, and numbers go on by one', async (t) => {
    const { got, losses, next, codes } = reopen(copyOf(t, folder));
    t.same([losses, codes, next], [[], [], got.length + 1]);
  });

  t.test('without a header: every number that may have been given is in the ledger', async (t) => {
    const copy = copyOf(t, folder);
    spoil(database(copy));
    rmSync(`${database(copy)}-wal`);
    const all = reopen(copy);
    t.same(unaccounted(all), []);
    t.match(all.losses, [{ class: 'intrusion', reason: 'damaged', firstSeq: 1 }]);
    t.equal(all.losses[0]?.count, all.losses[0]?.lastSeq, 'rather too many');
    t.equal(all.next, (all.losses[0]?.lastSeq ?? 0) + 2, 'after the event that tells the loss');
  });

  t.test('without a header and without the last look: the marks say how far', async (t) => {
    const copy = copyOf(t, folder);
    for (const suffix of ['', '.look']) writeFileSync(database(copy) + suffix, 'torn');
    rmSync(`${database(copy)}-wal`);
    t.same(unaccounted(reopen(copy)), []);
  });

  t.test('without a database', async (t) => {
    const copy = copyOf(t, folder);
    for (const suffix of ['', '-wal']) rmSync(database(copy) + suffix);
    const all = reopen(copy);
    t.same([unaccounted(all), all.codes], [[], ['store-damaged']]);
  });

  t.test('whose write-ahead log is damaged: what SQLite drops of it is told', async (t) => {
    const { length } = readFileSync(`${database(folder)}-wal`);
    for (const at of [0, Math.floor(length / 4), Math.floor(length / 2)]) {
      const copy = copyOf(t, folder);
      spoil(`${database(copy)}-wal`, at);
      const all = reopen(copy);
      t.same(unaccounted(all), [], `byte ${at} of ${length}`);
      t.match(all.losses, [{ reason: 'damaged', firstSeq: all.got.length + 1 }]);
      t.same(all.codes, ['store-damaged']);
      const again = reopen(copy);
      t.same([again.losses, again.codes, again.next], [[], [], all.next + 1], 'once');
    }
  });

  t.test('whatever bytes of its write-ahead log are flipped', async (t) => {
    const { length } = readFileSync(`${database(folder)}-wal`);
    const places = fc.array(fc.nat({ max: length - 16 }), { minLength: 1, maxLength: 4 });
    let lost = 0;
    const property = fc.property(places, (at) => {
      const copy = copyOf(t, folder);
      for (const place of at) spoil(`${database(copy)}-wal`, place);
      const all = reopen(copy);
      lost += all.losses.length;
      return unaccounted(all).length === 0;
    });
    fc.assert(property, { numRuns: 15, verbose: true });
    t.ok(lost > 0, `${lost} of 15 with a loss`);
  });
});
