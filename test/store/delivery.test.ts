import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { OutboxClass } from '../../agent/contract/delivery.ts';
import type { SqliteStore } from '../../agent/store/open-store.ts';
import { Sql } from '../../agent/store/sql.ts';
import { TestClock } from '../support/test-clock.ts';
import { dueNumbers, numbers, openFor, temporaryFolder, told, waiting } from './support.ts';

const V1 = new URL('../fixtures/store/beffroi-v1.db', import.meta.url);
const RECEIPTS = { confirm: 'receipt', resendAfterMs: 60_000, liveWithinMs: 30_000 } as const;
const DAY_MS = 24 * 3600 * 1000;

function put(store: SqliteStore, of: OutboxClass, text = '', point = 'pt-a'): number {
  return store.outbox.append((seq) => ({
    topic: `csu/v1/57463-mairie/${point}/event/alarm`,
    payload: `id-${seq} ${text}`,
    id: `id-${seq}`,
    class: of,
  }));
}

t.test('a database of the first version is brought up to date, and nothing of it is lost', async (t) => {
  const folder = temporaryFolder(t);
  copyFileSync(V1, join(folder, 'beffroi.db'));
  const { store, faults } = openFor(folder);
  t.same(faults, []);
  t.same(numbers(store), [2, 3, 4, 5, 6], 'number 1 was acknowledged before');
  t.match(store.outbox.find('6f1c2b9e-2a53-4c55-9d3f-5f1f6f0c8a02'), { seq: 2, class: 'intrusion' });
  t.match(store.outbox.next(4, 2), [
    { seq: 5, class: 'service', id: '6f1c2b9e-2a53-4c55-9d3f-5f1f6f0c8a05' },
    { seq: 6, class: 'intrusion', id: '', payload: 'not json' },
  ]);
  t.same(
    [dueNumbers(store, ['live']), dueNumbers(store, ['backlog'])],
    [[], [2, 3, 4, 6, 5]],
    'of unknown age: backlog',
  );
  t.same(
    [store.outbox.pending(), store.slots.highestVersion(), store.memory.get('agent', 'keyring')],
    [5, 3, '1'],
  );
  t.equal(store.journal.take('order-0001', 5), false);
  t.equal(store.register.head().length, 1);
  t.equal(put(store, 'service'), 7);
  store.close();
  const again = openFor(folder);
  t.same([again.faults, numbers(again.store)], [[], [2, 3, 4, 5, 6, 7]]);
  again.store.close();
});

t.test('a database of the first version that was altered is set aside, not migrated', async (t) => {
  const folder = temporaryFolder(t);
  copyFileSync(V1, join(folder, 'beffroi.db'));
  const sql = new Sql(join(folder, 'beffroi.db'));
  sql.exec('DROP TABLE outbox');
  sql.close();
  const { store, faults } = openFor(folder);
  t.match(faults, [{ code: 'store-damaged' }]);
  t.equal(store.durable, true);
  store.close();
});

t.test('a database of a newer program is set aside', async (t) => {
  const folder = temporaryFolder(t);
  copyFileSync(V1, join(folder, 'beffroi.db'));
  const sql = new Sql(join(folder, 'beffroi.db'));
  sql.exec('PRAGMA user_version = 99');
  sql.close();
  const { store, faults } = openFor(folder);
  t.match(faults, [{ code: 'store-damaged', detail: /a newer program/ }]);
  store.close();
});

t.test('classes go in their order, and within one in the order of the events', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  put(store, 'service', '', 'pt-s');
  put(store, 'technical', '', 'pt-t');
  put(store, 'life-safety', '', 'pt-l');
  put(store, 'intrusion', '', 'pt-i');
  put(store, 'life-safety', '', 'pt-l');
  t.same(dueNumbers(store, ['live']), [3, 5, 4, 2, 1]);
  const query = { lane: 'live', class: 'life-safety', limit: 1 } as const;
  const due = (afterSeq: number, without: string[]) => store.outbox.due({ ...query, afterSeq, without });
  t.match([due(0, []), due(3, []), due(5, [])], [[{ seq: 3 }], [{ seq: 5 }], []]);
  t.same(due(0, ['csu/v1/57463-mairie/pt-l/event/alarm']), []);
  store.close();
});

t.test('a point whose class becomes a higher one keeps its order', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  put(store, 'technical', 'raised', 'pt-a');
  put(store, 'technical', 'raised', 'pt-b');
  put(store, 'life-safety', 'cleared', 'pt-a');
  put(store, 'technical', 'raised again', 'pt-a');
  t.same(dueNumbers(store, ['live']), [1, 3, 2, 4]);
  store.outbox.acknowledge([1, 2, 3, 4]);
  t.equal(store.outbox.pending(), 0, 'the totals hold');
  store.close();
});

t.test('what is no longer live is backlog; the wall clock has no say in one start', async (t) => {
  const clock = new TestClock();
  const { store } = openFor(temporaryFolder(t), clock);
  store.outbox.rule({ ...RECEIPTS, confirm: 'broker' });
  put(store, 'intrusion');
  await clock.advance(29_000);
  clock.jumpWall(10 * 365 * DAY_MS);
  put(store, 'intrusion');
  t.same([dueNumbers(store, ['live']), dueNumbers(store, ['backlog'])], [[1, 2], []]);
  await clock.advance(1_000);
  t.same([dueNumbers(store, ['live']), dueNumbers(store, ['backlog'])], [[2], [1]]);
  store.close();
});

/** Makes something of the database, and opens it again. */
function reopened(t: Test, before: (store: SqliteStore) => void, alter: (sql: Sql) => void): SqliteStore {
  const folder = temporaryFolder(t);
  const { store } = openFor(folder);
  before(store);
  store.close();
  const sql = new Sql(join(folder, 'beffroi.db'));
  alter(sql);
  sql.close();
  const again = openFor(folder).store;
  t.teardown(() => again.close());
  return again;
}

t.test(
  'a box that does not know what its configuration said lets nothing go without a receipt',
  async (t) => {
    const configured = (store: SqliteStore) => {
      store.slots.saveGood({ version: 7, hash: 'h', jws: 'j' });
      store.outbox.rule(RECEIPTS);
    };
    const forget = (sql: Sql) => sql.exec("DELETE FROM slot; DELETE FROM meta WHERE key = 'confirm'");
    const lost = reopened(t, configured, forget);
    t.equal(lost.outbox.confirmation, 'receipt', 'value and configuration are gone');
    put(lost, 'intrusion');
    lost.outbox.acknowledge([1]);
    t.same(numbers(lost), [1]);
    lost.outbox.rule({ ...RECEIPTS, confirm: 'broker' });
    t.same(numbers(lost), [], 'a configuration says otherwise');

    const garbled = (sql: Sql) => sql.exec("UPDATE meta SET value = 'x' WHERE key = 'confirm'");
    t.equal(reopened(t, configured, garbled).outbox.confirmation, 'receipt');
    const setAside = (sql: Sql) => sql.exec('DROP TABLE slot; DROP TABLE meta');
    t.equal(reopened(t, configured, setAside).outbox.confirmation, 'receipt', 'a new database');
    const broker = (store: SqliteStore) => {
      configured(store);
      store.outbox.rule({ ...RECEIPTS, confirm: 'broker' });
    };
    const whole = reopened(t, broker, (sql) => sql.exec('DELETE FROM slot'));
    t.equal(whole.outbox.confirmation, 'broker', 'known, though the configuration is gone');
    t.equal(
      reopened(
        t,
        () => undefined,
        () => undefined,
      ).outbox.confirmation,
      'broker',
      'never configured',
    );
  },
);

t.test('an event of an earlier start is live only while it is young by a trusted clock', async (t) => {
  for (const [offMs, live] of [
    [5_000, [1]],
    [3600_000, []],
    [-3600_000, []],
  ] as const) {
    const folder = temporaryFolder(t);
    const first = openFor(folder, new TestClock(DAY_MS));
    put(first.store, 'intrusion');
    first.store.close();
    const { store } = openFor(folder, new TestClock(DAY_MS + offMs));
    t.same(dueNumbers(store, ['live']), live, `off for ${offMs} ms`);
    t.equal(dueNumbers(store, ['live']).length + dueNumbers(store, ['backlog']).length, 1);
    store.close();
  }
});

t.test('an event of an earlier start is backlog where the clock cannot be believed', async (t) => {
  const folder = temporaryFolder(t);
  const first = openFor(folder).store;
  put(first, 'intrusion');
  first.close();
  const { store } = openFor(folder, new TestClock(), {}, 'untrusted');
  t.same([dueNumbers(store, ['live']), dueNumbers(store, ['backlog'])], [[], [1]]);
  store.close();
});

t.test('what waits for its receipt waits no longer than the rules of the next start allow', async (t) => {
  const folder = temporaryFolder(t);
  const first = openFor(folder).store;
  first.outbox.rule({ ...RECEIPTS, resendAfterMs: 3_600_000 });
  first.outbox.acknowledge([put(first, 'intrusion')]);
  first.close();
  const { store, clock } = openFor(folder);
  store.outbox.rule(RECEIPTS);
  t.same(dueNumbers(store), [], 'the broker has it');
  await clock.advance(119_999);
  t.same(dueNumbers(store), []);
  await clock.advance(1);
  t.same(dueNumbers(store), [1]);
  store.close();
});

t.test(
  'without a receipt an event is sent again, later each time; a receipt hastens the others',
  async (t) => {
    const clock = new TestClock();
    const { store } = openFor(temporaryFolder(t), clock);
    store.outbox.rule(RECEIPTS);
    put(store, 'technical');
    put(store, 'technical');
    store.outbox.acknowledge([1, 2]);
    t.same(
      [dueNumbers(store, ['live']), dueNumbers(store, ['backlog']), store.outbox.unreceipted()],
      [[], [], 2],
    );
    for (const waitMs of [60_000, 120_000, 240_000, 480_000, 900_000, 900_000]) {
      await clock.advance(waitMs - 1);
      t.same(dueNumbers(store, ['backlog']), [], `${waitMs} ms have not passed`);
      await clock.advance(1);
      t.same(dueNumbers(store, ['backlog']), [1, 2]);
      store.outbox.acknowledge([1, 2]);
    }
    t.match(store.outbox.confirm(waiting(store).slice(0, 1)), { gone: 1, altered: [] });
    await clock.advance(2_000);
    t.same(dueNumbers(store, ['backlog']), [2], 'not after 900 s');
    t.equal(store.outbox.find('id-2')?.payload, 'id-2 ', 'with the same bytes');
    store.close();
  },
);

t.test('an alarm without a receipt is sent again every two minutes at most', async (t) => {
  for (const alarm of ['life-safety', 'intrusion'] as const) {
    const clock = new TestClock();
    const { store } = openFor(temporaryFolder(t), clock);
    store.outbox.rule(RECEIPTS);
    put(store, alarm);
    store.outbox.acknowledge([1]);
    for (const waitMs of [60_000, 120_000, 120_000, 120_000]) {
      await clock.advance(waitMs - 1);
      t.same(dueNumbers(store, ['backlog']), [], `${waitMs} ms have not passed`);
      await clock.advance(1);
      t.same(dueNumbers(store, ['backlog']), [1]);
      store.outbox.acknowledge([1]);
    }
    store.close();
  }
});

t.test('a receipt that names nothing that waits says that the receiver is there, once', async (t) => {
  const clock = new TestClock();
  const { store } = openFor(temporaryFolder(t), clock);
  store.outbox.rule(RECEIPTS);
  put(store, 'intrusion');
  const known = waiting(store);
  store.outbox.confirm(known);
  put(store, 'technical');
  store.outbox.acknowledge([2]);
  store.outbox.confirm(known);
  await clock.advance(2_000);
  t.same(
    dueNumbers(store, ['backlog']),
    [],
    'it was heard just before: what it has not signed for is under way',
  );
  await clock.advance(58_001);
  t.same(dueNumbers(store, ['backlog']), [2]);
  store.outbox.acknowledge([2]);
  store.outbox.confirm(known);
  await clock.advance(1_999);
  t.same(dueNumbers(store, ['backlog']), []);
  await clock.advance(1);
  t.same(dueNumbers(store, ['backlog']), [2], 'not after two minutes');
  store.outbox.acknowledge([2]);
  await clock.advance(60_000);
  const altered = store.outbox.next(0, 1).map(({ id }) => ({ id, sha256: 'A'.repeat(43) }));
  t.match(store.outbox.confirm(altered), { gone: 0, altered: ['id-2'] });
  await clock.advance(2_000);
  t.same(dueNumbers(store, ['backlog']), [], 'one for altered bytes says nothing');
  store.close();
});

t.test('what is in force is durable, and where the broker confirms nothing waits for receipts', async (t) => {
  const folder = temporaryFolder(t);
  const first = openFor(folder).store;
  first.outbox.rule(RECEIPTS);
  put(first, 'intrusion');
  first.outbox.acknowledge([1]);
  first.close();
  const second = openFor(folder).store;
  t.equal(second.outbox.confirmation, 'receipt', 'before any configuration is read');
  put(second, 'intrusion');
  second.outbox.rule({ ...RECEIPTS, confirm: 'broker' });
  t.same(numbers(second), [2], 'what the broker has is confirmed');
  second.close();
});

t.test(
  'the least class is dropped first, life-safety after everything, and the ledger has it all',
  async (t) => {
    const { store } = openFor(temporaryFolder(t), new TestClock(), {
      outbox: { events: 4, bytes: 1_000_000 },
    });
    put(store, 'service', '', 'pt-s');
    put(store, 'life-safety', '', 'pt-l');
    put(store, 'technical', '', 'pt-t');
    put(store, 'intrusion', '', 'pt-i');
    for (let n = 0; n < 4; n += 1) put(store, 'life-safety', '', 'pt-l');
    t.same(numbers(store), [5, 6, 7, 8]);
    store.outbox.acknowledge([5, 6, 7]);
    t.same(told(store), [
      { class: 'service', reason: 'space', firstSeq: 1, lastSeq: 1, count: 1 },
      { class: 'technical', reason: 'space', firstSeq: 3, lastSeq: 3, count: 1 },
      { class: 'intrusion', reason: 'space', firstSeq: 4, lastSeq: 4, count: 1 },
      { class: 'life-safety', reason: 'space', firstSeq: 2, lastSeq: 2, count: 1 },
    ]);
    store.close();
  },
);

t.test('how full the outbox is: the fullest of its bounds', async (t) => {
  const { store } = openFor(temporaryFolder(t), new TestClock(), {
    outbox: { events: 10, bytes: 1_000_000, classes: { technical: { bytes: 400 } } },
  });
  t.equal(store.outbox.filledPercent(), 0);
  put(store, 'service', '', 'pt-s');
  t.equal(store.outbox.filledPercent(), 10, 'one of ten events');
  put(store, 'technical', 'x'.repeat(200), 'pt-t');
  t.ok(store.outbox.filledPercent() > 50, 'more than half of a class');
  store.outbox.acknowledge(numbers(store));
  t.equal(store.outbox.filledPercent(), 0);
  store.close();
});

t.test('a class that is above its own bound drops its own events only', async (t) => {
  const { store } = openFor(temporaryFolder(t), new TestClock(), {
    outbox: { events: 1000, bytes: 1_000_000, classes: { technical: { bytes: 200 } } },
  });
  put(store, 'service', '', 'pt-s');
  for (let n = 0; n < 10; n += 1) put(store, 'technical', '', 'pt-t');
  t.equal(numbers(store).length, 1 + 4, 'at most 200 bytes');
  t.match(told(store), [{ class: 'technical', firstSeq: 2, lastSeq: 7, count: 6 }]);
  store.close();
});

t.test('age is operating time: no jump of the wall clock drops anything', async (t) => {
  const clock = new TestClock();
  const classes = { technical: { bytes: 1_000_000, ageMs: 10 * DAY_MS } };
  const { store } = openFor(temporaryFolder(t), clock, {
    outbox: { events: 100, bytes: 1_000_000, classes },
  });
  put(store, 'technical', '', 'pt-t');
  put(store, 'life-safety', '', 'pt-l');
  clock.jumpWall(50 * 365 * DAY_MS);
  store.outbox.maintain();
  t.equal(store.outbox.pending(), 2);
  await clock.advance(10 * DAY_MS + 1);
  store.outbox.maintain();
  t.same(numbers(store), [2], 'life-safety has no age');
  t.match(told(store), [{ class: 'technical', reason: 'age', count: 1 }]);
  store.close();
});

t.test('operating time goes on over starts', async (t) => {
  const folder = temporaryFolder(t);
  const classes = { technical: { bytes: 1_000_000, ageMs: 10 * DAY_MS } };
  const options = { outbox: { events: 100, bytes: 1_000_000, classes } };
  for (let start = 0; start < 11; start += 1) {
    const clock = new TestClock();
    const { store } = openFor(folder, clock, options);
    if (start === 0) put(store, 'technical');
    t.equal(store.outbox.pending(), 1, `start ${start}`);
    await clock.advance(DAY_MS);
    store.outbox.maintain();
    store.close();
  }
  const { store } = openFor(folder, new TestClock(), options);
  store.outbox.maintain();
  t.equal(store.outbox.pending(), 0);
  store.close();
});

t.test(
  'a line of the ledger is closed by the receipt of its event, and told again when that is dropped',
  async (t) => {
    const folder = temporaryFolder(t);
    const options = { outbox: { events: 2, bytes: 1_000_000 } };
    const first = openFor(folder, new TestClock(), options).store;
    first.outbox.rule(RECEIPTS);
    for (let n = 0; n < 3; n += 1) put(first, 'service');
    t.match(told(first), [{ class: 'service', firstSeq: 1, lastSeq: 1, count: 1 }]);
    t.match(
      told(first),
      [{ class: 'service', firstSeq: 2, lastSeq: 2, count: 1 }],
      'the event of the first took a place',
    );
    put(first, 'life-safety', '', 'pt-l');
    put(first, 'life-safety', '', 'pt-l');
    first.close();
    const { store } = openFor(folder, new TestClock(), options);
    t.match(
      store.outbox.next(0, 10).map(({ class: of }) => of),
      ['life-safety', 'life-safety'],
    );
    store.outbox.confirm(waiting(store));
    t.match(told(store), [{ class: 'service', firstSeq: 1, lastSeq: 3, count: 3 }]);
    store.outbox.confirm(waiting(store));
    t.same([store.outbox.pending(), told(store)], [0, []]);
    store.close();
  },
);

t.test('an event that can never be sent is given up and told', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  put(store, 'intrusion');
  store.outbox.giveUp(1, 'too-large');
  store.outbox.giveUp(1, 'too-large');
  t.same(told(store), [{ class: 'intrusion', reason: 'too-large', firstSeq: 1, lastSeq: 1, count: 1 }]);
  store.close();
});

t.test(
  'an event damaged on the disk is in the ledger; states, rules and losses go to the new file',
  async (t) => {
    const folder = temporaryFolder(t);
    const options = { outbox: { events: 3, bytes: 1_000_000 } };
    const first = openFor(folder, new TestClock(), options).store;
    first.outbox.rule(RECEIPTS);
    for (let n = 0; n < 4; n += 1) put(first, 'service');
    first.outbox.acknowledge([2]);
    first.close();
    const sql = new Sql(join(folder, 'beffroi.db'));
    sql.run("UPDATE outbox SET payload = 'altered' WHERE seq = 3");
    sql.close();
    const { store, faults } = openFor(folder, new TestClock(), options);
    t.same(numbers(store), [2, 4]);
    t.match(faults, [{ code: 'outbox-overflow' }, { code: 'store-damaged' }]);
    t.same([store.outbox.confirmation, store.outbox.unreceipted()], ['receipt', 1]);
    t.match(told(store), [
      { reason: 'space', firstSeq: 1, lastSeq: 1, count: 1 },
      { reason: 'damaged', firstSeq: 3, lastSeq: 3, count: 1 },
    ]);
    store.close();
  },
);

t.test(
  'what the collector says is no sequence: a later event of a higher class takes none with it',
  async (t) => {
    const { store } = openFor(temporaryFolder(t));
    put(store, 'technical', 'first', 'collector');
    put(store, 'life-safety', 'second', 'collector');
    put(store, 'technical', 'third', 'collector');
    t.same(dueNumbers(store, ['live']), [2, 1, 3]);
    store.close();
  },
);
