import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { verifyRegister } from '../../agent/store/register-chain.ts';
import type { Loss } from '../../agent/store/store.ts';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import {
  appendText,
  BOX_KEY,
  dueNumbers,
  ENTRY,
  numbers,
  openFor,
  temporaryFolder,
  texts,
  told,
} from './support.ts';

const EVENTS = 40;
/** Enough for some tens of pages. */
const MANY = 400;
const PAGE_BYTES = 4096;

/** A folder whose database holds a bit of everything. */
function filled(t: Test): string {
  const folder = temporaryFolder(t);
  const { store } = openFor(folder);
  store.transaction(() => {
    for (let n = 1; n <= EVENTS; n += 1) appendText(store, `event ${n} ${'.'.repeat(n * 10)}`);
    for (let n = 1; n <= 20; n += 1) store.register.append(ENTRY);
    for (let n = 1; n <= 20; n += 1) store.memory.set('room', `key ${n}`, 'value'.repeat(n));
  });
  store.slots.saveGood({ version: 9, hash: 'h', jws: 'j'.repeat(20_000) });
  store.journal.take('order-0001', 5);
  store.outbox.acknowledge([1, 2, 3]);
  store.close();
  return folder;
}

function database(folder: string): string {
  return join(folder, 'beffroi.db');
}

function setAsideIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.includes('.damaged-') && !/-(wal|shm)$/.test(name));
}

const damages: [string, (file: string) => void][] = [
  ['with another header', (file) => overwrite(file, 0, Buffer.from('not a database'))],
  ['of noise', (file) => writeFileSync(file, Buffer.alloc(50_000, 0xa5))],
  ['cut in the middle', (file) => truncateSync(file, Math.floor(statSync(file).size / 2))],
  ['cut within its first page', (file) => truncateSync(file, 700)],
  [
    'with its schema overwritten',
    (file) => {
      // SQLite may leave old copies of what it has moved to another page.
      for (const at of placesOf(file, 'CREATE TABLE journal')) overwrite(file, at, Buffer.alloc(40, 0x41));
    },
  ],
  [
    'whose register lost its guard',
    (file) => withDatabase(file, (db) => db.exec('DROP TRIGGER register_stays')),
  ],
  ['of a newer program', (file) => withDatabase(file, (db) => db.exec('PRAGMA user_version = 99'))],
];

function overwrite(file: string, at: number, bytes: Buffer): void {
  const content = readFileSync(file);
  bytes.copy(content, at);
  writeFileSync(file, content);
}

function placesOf(file: string, text: string): number[] {
  const content = readFileSync(file, 'latin1');
  return [...content.matchAll(new RegExp(text, 'g'))].map(({ index }) => index);
}

function withDatabase(file: string, work: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(file);
  work(db);
  db.close();
}

for (const [name, damage] of damages) {
  t.test(`a database ${name} is set aside and reported, and the box goes on`, async (t) => {
    const folder = filled(t);
    damage(database(folder));
    const { store, faults } = openFor(folder);
    t.match(faults, [{ code: 'store-damaged', recovered: false, detail: /set aside as .*damaged-/ }]);
    t.same(store.setAside(), setAsideIn(folder));
    t.equal(store.setAside().length, 1);
    t.equal(store.durable, true);
    t.equal(store.boot, 2, 'the starts are counted on');
    t.equal(store.slots.highestVersion(), 9, 'an older configuration stays refused');
    t.ok(appendText(store, 'new') > EVENTS, 'no number comes again');
    t.equal(texts(store).at(-1), 'new');
    const lines = store.register.lines(0, 100);
    t.match(lines, [{ action: 'register.break', result: 'set-aside', detail: /beffroi\.db\.damaged-/ }]);
    t.equal(verifyRegister(lines, BOX_KEY).bad, undefined);
    store.close();

    const again = openFor(folder);
    t.same(again.faults, []);
    t.match([again.store.boot, again.store.durable, texts(again.store).at(-1)], [3, true, 'new']);
    again.store.close();
  });
}

t.test('what a damaged database still gives is carried over', async (t) => {
  const folder = filled(t);
  withDatabase(database(folder), (db) => db.exec('PRAGMA user_version = 99'));
  const { store } = openFor(folder);
  t.equal(numbers(store).length, EVENTS - 3);
  t.equal(store.memory.entries('room').length, 20);
  t.match(store.slots.lastGood(), { version: 9, hash: 'h' });
  t.equal(store.journal.take('order-0001', 5), false);
  t.equal(store.register.lines(0, 1)[0]?.number, 21, 'the register goes on from its last line');
  store.close();
});

t.test('an event whose text was altered on the disk is not sent', async (t) => {
  const folder = filled(t);
  const content = readFileSync(database(folder));
  for (let at = content.indexOf('event 7 '); at >= 0; at = content.indexOf('event 7 ', at)) {
    content.writeUInt8(0x21, at + 6);
  }
  writeFileSync(database(folder), content);
  const { store, faults } = openFor(folder);
  t.same(numbers(store), [4, 5, 6, ...Array.from({ length: EVENTS - 7 }, (_, n) => n + 8)]);
  t.match(faults, [{ code: 'store-damaged', detail: /event 7 is not what was written/ }]);
  store.close();
});

/** Ranges of the file in which the pages of a table or index lie. */
function pagesOf(file: string, name: string): number[] {
  let pages: number[] = [];
  withDatabase(file, (db) => {
    const rows = db.prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'").all(name);
    pages = rows.map(({ pageno }) => (Number(pageno) - 1) * PAGE_BYTES);
  });
  return pages;
}

/** Overwrites pages of the outbox and opens the store again. */
function withoutPages(
  t: Test,
  of: Readonly<Record<string, 'all' | 'some'>>,
): { got: number[]; losses: Loss[]; lost: number[] } {
  const folder = temporaryFolder(t);
  const first = openFor(folder).store;
  first.transaction(() => {
    for (let n = 1; n <= MANY; n += 1) appendText(first, '.'.repeat(300));
  });
  first.outbox.rule({ confirm: 'broker', resendAfterMs: 1000, liveWithinMs: 1000 });
  first.outbox.acknowledge([1, 2, 3, MANY / 2]);
  first.close();
  for (const [name, which] of Object.entries(of)) {
    const pages = pagesOf(database(folder), name);
    const hit = which === 'all' ? pages : [2, 3, 9, 20].flatMap((n) => pages[n] ?? []);
    for (const at of hit) overwrite(database(folder), at, Buffer.alloc(PAGE_BYTES, 0xff));
  }
  const { store } = openFor(folder);
  const got = numbers(store);
  const losses = told(store);
  t.equal(
    store.outbox.dropped(),
    losses.reduce((sum, { count }) => sum + count, 0),
  );
  store.close();
  const there = new Set([...got, 1, 2, 3, MANY / 2]);
  const lost = Array.from({ length: MANY }, (_, n) => n + 1).filter((seq) => !there.has(seq));
  return { got, losses, lost };
}

t.test('what lay in damaged pages is in the ledger: which events an index says', async (t) => {
  const { got, losses, lost } = withoutPages(t, { outbox: 'some' });
  t.ok(got.length > MANY * 0.7, 'what lies between two damaged pages is saved');
  t.ok(lost.length > 20, `${lost.length} lost`);
  const [firstSeq, lastSeq] = [lost[0], lost.at(-1)];
  t.same(losses, [{ class: 'intrusion', reason: 'damaged', firstSeq, lastSeq, count: lost.length }]);
});

t.test('what lay in damaged pages is in the ledger: how many the sums say, without an index', async (t) => {
  const { losses, lost } = withoutPages(t, { outbox: 'some', outbox_send: 'some', outbox_topic: 'some' });
  const [firstSeq, lastSeq] = [lost[0], lost.at(-1)];
  t.same(losses, [{ class: 'intrusion', reason: 'damaged', firstSeq, lastSeq, count: lost.length }]);
});

t.test(
  'what lay in damaged pages is in the ledger: every number that may be lost, when nothing says more',
  async (t) => {
    const { losses, lost } = withoutPages(t, {
      outbox: 'some',
      outbox_send: 'some',
      outbox_topic: 'some',
      outbox_total: 'all',
    });
    const [loss] = losses;
    if (!loss) throw new RangeError('no loss');
    t.ok(loss.firstSeq <= Math.min(...lost) && loss.lastSeq >= Math.max(...lost), JSON.stringify(loss));
    t.equal(loss.count, loss.lastSeq - loss.firstSeq + 1);
    t.equal(losses.length, 1);
  },
);

t.test('when every page of events is lost, all of them are in the ledger', async (t) => {
  const { got, losses, lost } = withoutPages(t, { outbox: 'all' });
  t.same(
    [got, losses],
    [[], [{ class: 'intrusion', reason: 'damaged', firstSeq: 4, lastSeq: MANY, count: lost.length }]],
  );
});

t.test(
  'whatever bytes are flipped, it opens, works, sends all it has, invents nothing, keeps the order, and knows what it lost',
  async (t) => {
    const folder = filled(t);
    const intact = readFileSync(database(folder));
    const truth = new Map(
      Array.from({ length: EVENTS }, (_, i) => [i + 1, `event ${i + 1} ${'.'.repeat((i + 1) * 10)}`]),
    );
    const flip = fc.record({
      at: fc.nat({ max: intact.length - 1 }),
      mask: fc.integer({ min: 1, max: 255 }),
    });
    const outcomes = { unnoticed: 0, setAside: 0, unreadable: 0 };
    const property = fc.property(fc.array(flip, { minLength: 1, maxLength: 40 }), (flips) => {
      const content = Buffer.from(intact);
      for (const { at, mask } of flips) content.writeUInt8(content.readUInt8(at) ^ mask, at);
      const inner = temporaryFolder(t);
      writeFileSync(database(inner), content);
      for (const suffix of ['.marks', '.look'])
        copyFileSync(database(folder) + suffix, database(inner) + suffix);
      const { store, faults } = openFor(inner);
      const got = store.outbox.next(0, 1000);
      const known = got.every(
        ({ seq, payload }) => truth.get(seq) === payload.slice(payload.indexOf(' ') + 1),
      );
      const ordered = got.every(({ seq }, i) => i === 0 || seq > (got[i - 1]?.seq ?? 0));
      const sendable = dueNumbers(store).toSorted((a, b) => a - b);
      const reached = JSON.stringify(sendable) === JSON.stringify(got.map(({ seq }) => seq));
      const counted = store.outbox.pending() === got.length;
      const losses = told(store);
      const lost = [...truth.keys()].filter((seq) => seq > 3 && got.every((one) => one.seq !== seq));
      const inLedger = (seq: number) =>
        losses.some(({ firstSeq, lastSeq }) => firstSeq <= seq && seq <= lastSeq);
      const accounted =
        lost.every(inLedger) && losses.reduce((sum, { count }) => sum + count, 0) >= lost.length;
      if (got.length === 0) outcomes.unreadable += 1;
      store.memory.entries('room');
      store.slots.lastGood();
      store.journal.take('order-0002', 5);
      store.register.append(ENTRY);
      const seq = appendText(store, 'new');
      const works = store.durable && store.outbox.next(seq - 1, 1)[0]?.payload === `id-${seq} new`;
      outcomes[faults.length > 0 ? 'setAside' : 'unnoticed'] += 1;
      store.close();
      return accounted && known && ordered && reached && counted && works && seq > (got.at(-1)?.seq ?? 0);
    });
    fc.assert(property, { numRuns: 150, verbose: true });
    t.comment(
      `${outcomes.setAside} set aside, ${outcomes.unnoticed} with no effect on what was read, ${outcomes.unreadable} without an event that could be read`,
    );
    t.ok(outcomes.setAside > 0);
  },
);

t.test(
  'damage that shows while it runs is met by a new database that goes on with the same numbers',
  async (t) => {
    const folder = temporaryFolder(t);
    const { store, faults } = openFor(folder);
    store.transaction(() => {
      for (let n = 1; n <= 2000; n += 1) appendText(store, `${'.'.repeat(200)} ${n}`);
      for (let n = 1; n <= 50; n += 1) store.register.append(ENTRY);
    });
    store.memory.set('room', 'key', 'value');
    const head = store.register.head();
    withDatabase(database(folder), (db) => db.exec('PRAGMA wal_checkpoint(TRUNCATE)'));
    overwrite(database(folder), 4096, Buffer.alloc(statSync(database(folder)).size - 8192, 0xff));
    for (let n = 0; n < 3; n += 1) appendText(store, `after ${n}`);
    t.match(faults, [{ code: 'store-damaged', recovered: false }]);
    t.equal(store.durable, true);
    const after = store.outbox.next(0, 10_000).filter(({ payload }) => payload.includes('after'));
    t.same(
      after.map(({ seq }) => seq),
      [2001, 2002, 2003],
    );
    const losses = told(store);
    t.same(
      losses,
      [{ class: 'intrusion', reason: 'damaged', firstSeq: 1, lastSeq: 2000, count: 2000 }],
      'nothing could be read',
    );
    const [line] = store.register.lines(0, 1);
    t.match(line, { action: 'register.break', number: head.length + 1, previous: head.hash });
    store.close();
  },
);

t.test('only a few damaged databases are kept, the newest', async (t) => {
  const folder = temporaryFolder(t);
  const clock = new TestClock();
  for (let n = 0; n < 6; n += 1) {
    const { store } = openFor(folder, clock);
    store.close();
    overwrite(database(folder), 0, Buffer.from(`damage ${n}`));
    await clock.advance(n % 2 === 0 ? 1000 : 0);
  }
  openFor(folder, clock).store.close();
  const kept = setAsideIn(folder).map((name) => readFileSync(join(folder, name)).toString('latin1', 0, 8));
  t.same(kept.sort(), ['damage 3', 'damage 4', 'damage 5']);
});

t.test('a folder that stands in the place of the database is set aside too', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(database(folder));
  const { store, faults } = openFor(folder);
  t.match(faults, [{ code: 'store-damaged' }]);
  t.equal(store.durable, true);
  store.close();
});

t.test('when the marks are lost with the database, numbers go on above the clock', async (t) => {
  const folder = filled(t);
  for (const file of [database(folder), `${database(folder)}.marks`]) writeFileSync(file, 'torn');
  const { store, clock } = openFor(folder);
  t.equal(appendText(store, 'a'), clock.wallMs() + 1);
  t.equal(appendText(store, 'b'), clock.wallMs() + 2);
  store.close();
});

t.test(
  'when the database file is lost and the marks are not, numbers, starts and versions go on',
  async (t) => {
    const folder = filled(t);
    const marks = readFileSync(`${database(folder)}.marks`);
    const bare = temporaryFolder(t);
    writeFileSync(`${database(bare)}.marks`, marks);
    const { store } = openFor(bare);
    t.ok(appendText(store, 'a') > EVENTS);
    t.same([store.boot, store.slots.highestVersion()], [2, 9]);
    store.close();
  },
);

t.test('rubbish behind the end of the file or a foreign write-ahead log does no harm', async (t) => {
  const folder = filled(t);
  appendFileSync(database(folder), Buffer.alloc(5000, 1));
  writeFileSync(`${database(folder)}-wal`, Buffer.alloc(5000, 2));
  const { store } = openFor(folder);
  t.equal(numbers(store).length, EVENTS - 3);
  appendText(store, 'new');
  t.equal(store.durable, true);
  store.close();
  t.notOk(existsSync(`${database(folder)}-wal`));
});
