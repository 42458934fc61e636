import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { eventDigest } from '../../agent/contract/receipt.ts';
import { Archive, type Incoming, MAX_COPIES } from '../../provisioning/receive/archive.ts';
import { temporaryFolder } from './processes.ts';

const MIB = 1024 * 1024;
const TOPIC = 'csu/v1/57463-mairie/pt-a/event/alarm';
const HOUR_MS = 3600_000;

function event(n: number, bytes = 100): Incoming {
  return withBytes(n, 'x'.repeat(bytes));
}

function withBytes(n: number, payload: string, topic = TOPIC): Incoming {
  return { site: '57463-mairie', id: `id-${n}`, sha256: eventDigest(topic, payload), topic, payload };
}

function opened(file: string, maxBytes = 16 * MIB): { archive: Archive; cut: number[] } {
  const cut: number[] = [];
  return { archive: Archive.open(file, { maxBytes, onCut: (events) => cut.push(events) }), cut };
}

t.test('archive: printed events make room for new ones, and its file stays within its bound', async (t) => {
  const file = join(temporaryFolder(t), 'archive.db');
  const { archive, cut } = opened(file, 4 * MIB);
  for (let n = 1; n <= 200; n += 1) {
    t.same(archive.store([event(n, 50_000)], 0), ['new']);
    archive.printed = n;
  }
  t.ok(cut.length > 0, `${cut.length} times it made room`);
  t.ok(statSync(file).size <= 4 * MIB, `${statSync(file).size} bytes`);
  t.equal(archive.after(0, 1000).at(-1)?.number, 200, 'numbers go on');
  archive.close();
});

t.test('archive: the last event of each site, with its own bytes', async (t) => {
  const { archive } = opened(join(temporaryFolder(t), 'archive.db'));
  t.same(archive.lastOfEach(), []);
  archive.store([event(1), event(2), withBytes(2, 'altered'), { ...event(3), site: '57463-piscine' }], 0);
  t.same(archive.lastOfEach(), [
    { site: '57463-mairie', id: 'id-2', sha256: eventDigest(TOPIC, 'altered') },
    { site: '57463-piscine', id: 'id-3', sha256: event(3).sha256 },
  ]);
  archive.close();
});

t.test(
  'archive: what is not printed is never forgotten; when it is full, nothing more is stored',
  async (t) => {
    const file = join(temporaryFolder(t), 'archive.db');
    const { archive, cut } = opened(file, 4 * MIB);
    let stored = 0;
    const fill = () => {
      for (; ; stored += 1) archive.store([event(stored + 1, 50_000)], 0);
    };
    t.throws(fill, /full/);
    t.ok(stored > 40, `${stored} events`);
    t.same([cut, archive.unprinted], [[], stored]);
    archive.printed = stored;
    t.same(archive.store([event(stored + 1, 50_000)], 0), ['new'], 'the reader is back');
    archive.close();
  },
);

t.test('archive: age is operating time over all starts, whatever the wall clock says', async (t) => {
  const file = join(temporaryFolder(t), 'archive.db');
  const first = opened(file).archive;
  first.store([event(1)], 0);
  first.printed = 1;
  t.equal(first.age(HOUR_MS, 3 * HOUR_MS), 0);
  first.store([event(2)], 4_000_000_000_000);
  first.close();
  const { archive } = opened(file);
  t.equal(archive.age(2 * HOUR_MS, 3 * HOUR_MS), 0);
  t.equal(archive.age(1, 3 * HOUR_MS), 1, 'the first is older than three hours');
  t.equal(archive.age(10 * HOUR_MS, 3 * HOUR_MS), 0, 'the second is not printed');
  archive.printed = 2;
  t.equal(archive.age(0, 3 * HOUR_MS), 1);
  archive.close();
});

t.test(
  'archive: one of an earlier version is brought up to date, one of a later version is not touched',
  async (t) => {
    const file = join(temporaryFolder(t), 'archive.db');
    const old = new DatabaseSync(file);
    old.exec(`CREATE TABLE event (number INTEGER PRIMARY KEY AUTOINCREMENT, site TEXT NOT NULL, id TEXT NOT NULL,
      topic TEXT NOT NULL, payload TEXT NOT NULL, received_ms INTEGER NOT NULL, UNIQUE (site, id)) STRICT;
    CREATE TABLE printed (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL) STRICT;
    INSERT INTO printed VALUES (1, 0);
    INSERT INTO event VALUES (7, '57463-mairie', 'id-1', '${TOPIC}', '${event(1).payload}', 5);
    PRAGMA user_version = 1;`);
    old.close();
    const { archive } = opened(file);
    t.same(archive.store([event(1), event(2)], 0), ['known', 'new']);
    t.same(
      archive.after(0, 10).map(({ number }) => number),
      [7, 8],
    );
    archive.close();
    const newer = new DatabaseSync(file);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    t.throws(() => opened(file), { code: 'receiver-archive-unusable', message: /99/ });
  },
);

t.test('archive: other bytes under a known id are kept beside it, a few, and told apart', async (t) => {
  const file = join(temporaryFolder(t), 'archive.db');
  const first = opened(file).archive;
  const hist = TOPIC.replace('/event/', '/hist/');
  t.same(first.store([withBytes(1, 'true'), withBytes(1, 'altered')], 0), ['new', 'conflict']);
  t.same(first.store([withBytes(1, 'altered'), withBytes(1, 'true', hist)], 0), ['known', 'known']);
  first.close();
  const { archive } = opened(file);
  t.same(archive.store([withBytes(1, 'true'), withBytes(1, 'altered', hist)], 0), ['known', 'known']);
  const moved = TOPIC.replace('/alarm', '/activity');
  t.same(archive.store([withBytes(1, 'true', moved)], 0), ['conflict'], 'under another topic');
  for (let copy = 4; copy <= MAX_COPIES; copy += 1)
    t.same(archive.store([withBytes(1, `altered ${copy}`)], 0), ['conflict']);
  t.same(archive.store([withBytes(1, 'one too many'), event(2)], 0), ['refused', 'new']);
  t.match(archive.after(0, 10), [
    { number: 1, copy: 1, payload: 'true' },
    { number: 2, copy: 2, payload: 'altered' },
    { number: 3, copy: 3, topic: moved },
    { copy: MAX_COPIES },
    { copy: 1, payload: event(2).payload },
  ]);
  archive.close();
});
