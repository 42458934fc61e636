import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import * as fc from '../support/properties.ts';
import { TestClock } from '../support/test-clock.ts';
import { appendText, ENTRY, numbers, openFor, temporaryFolder, texts } from './support.ts';

t.test('the state folder is made for the service alone, and so is the file', async (t) => {
  const folder = join(temporaryFolder(t), 'state', 'deep');
  const { store } = openFor(folder);
  store.memory.set('room', 'key', 'value');
  t.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of ['beffroi.db', 'beffroi.db-wal', 'beffroi.db-shm', 'beffroi.db.marks']) {
    t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  }
  store.close();
  t.notOk(existsSync(join(folder, 'beffroi.db-wal')), 'a clean end leaves one file');
});

t.test('each start has the next number', async (t) => {
  const folder = temporaryFolder(t);
  for (const boot of [1, 2, 3]) {
    const { store } = openFor(folder);
    t.equal(store.boot, boot);
    t.equal(store.durable, true);
    store.close();
  }
});

t.test('events are numbered by one, over starts, and no number comes again', async (t) => {
  const folder = temporaryFolder(t);
  const first = openFor(folder).store;
  t.same([appendText(first, 'a'), appendText(first, 'b')], [1, 2]);
  first.outbox.acknowledge([1, 2]);
  t.equal(first.outbox.pending(), 0);
  first.close();
  const second = openFor(folder).store;
  t.equal(appendText(second, 'c'), 3);
  t.same(texts(second), ['c']);
  second.close();
});

t.test('the outbox gives the oldest events after a number, in order', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  for (const text of ['a', 'b', 'c', 'd']) appendText(store, text);
  t.same(store.outbox.next(1, 2), [
    {
      seq: 2,
      topic: 'csu/v1/57463-mairie/pt-a/event/alarm',
      payload: 'id-2 b',
      id: 'id-2',
      class: 'intrusion',
    },
    {
      seq: 3,
      topic: 'csu/v1/57463-mairie/pt-a/event/alarm',
      payload: 'id-3 c',
      id: 'id-3',
      class: 'intrusion',
    },
  ]);
  store.outbox.acknowledge([2, 99]);
  t.same(numbers(store), [1, 3, 4]);
  store.close();
});

t.test('an event whose making fails takes no number', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  t.throws(
    () =>
      store.outbox.append(() => {
        throw new RangeError('no payload');
      }),
    { message: 'no payload' },
  );
  t.equal(appendText(store, 'a'), 1);
  store.close();
});

t.test('payloads come back as they were, whatever they hold', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  const text = fc.string({ unit: 'grapheme', maxLength: 200 });
  fc.assert(
    fc.property(text, text, text, (payload, key, value) => {
      const seq = store.outbox.append(() => ({ topic: 'a\0b', payload, id: '', class: 'service' }));
      store.memory.set('room', key, value);
      const back = store.outbox.next(seq - 1, 1)[0];
      return back?.payload === payload && back.topic === 'a\0b' && store.memory.get('room', key) === value;
    }),
  );
  t.pass();
  store.close();
});

t.test('the outbox is bounded: the oldest go, it is told once, and again when half is free', async (t) => {
  const { store, faults } = openFor(temporaryFolder(t), new TestClock(), {
    outbox: { events: 4, bytes: 1000 },
  });
  for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) appendText(store, text);
  t.same(texts(store), ['c', 'd', 'e', 'f']);
  t.match(faults, [{ code: 'outbox-overflow', recovered: false, detail: /more than 4 events/ }]);
  t.equal(store.outbox.dropped(), 2);
  store.outbox.acknowledge([3]);
  t.equal(faults.length, 1);
  store.outbox.acknowledge([4]);
  t.match(faults[1], { code: 'outbox-overflow', recovered: true, detail: '2 events were dropped' });
  appendText(store, 'x'.repeat(940));
  t.same(numbers(store), [7], 'the bound is of bytes too');
  store.close();
});

t.test('a full outbox drops the oldest of what fills it, and no rare event of another topic', async (t) => {
  const limits = { outbox: { events: 640, bytes: 1_000_000 } };
  const { store } = openFor(temporaryFolder(t), new TestClock(), limits);
  const append = (topic: string) =>
    store.outbox.append((seq) => ({ topic, payload: `id-${seq}`, id: `id-${seq}`, class: 'technical' }));
  const rare = [append('pt-rare'), append('pt-other')];
  const flap = () => {
    for (let n = 0; n < 50; n += 1) append('pt-flapping');
  };
  for (let n = 0; n < 100; n += 1) store.transaction(flap);
  const waiting = store.outbox.next(0, 1_000);
  const seqs = waiting.map(({ seq }) => seq);
  t.same(seqs.slice(0, 2), rare);
  t.ok(waiting.length > 600 && waiting.length <= 640, `${waiting.length} wait`);
  const [first = 0] = seqs.slice(2);
  t.same(
    seqs.slice(2),
    Array.from({ length: waiting.length - 2 }, (_, i) => first + i),
    'the newest, without a gap',
  );
  t.equal(waiting.length + store.outbox.dropped(), 5_002, 'each dropped event is counted');
  store.close();
});

t.test(
  'what was dropped is known after the next start, and said again while the outbox is full',
  async (t) => {
    const folder = temporaryFolder(t);
    const limits = { outbox: { events: 4, bytes: 1000 } };
    const first = openFor(folder, new TestClock(), limits);
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) appendText(first.store, text);
    first.store.close();

    const { store, faults } = openFor(folder, new TestClock(), limits);
    t.match(faults, [{ code: 'outbox-overflow', recovered: false, detail: /2 events were dropped before/ }]);
    store.outbox.acknowledge([3, 4]);
    t.match(faults[1], { code: 'outbox-overflow', recovered: true, detail: '2 events were dropped' });
    t.equal(store.outbox.dropped(), 2);
    store.close();
    t.same(openFor(folder, new TestClock(), limits).faults, []);
  },
);

t.test('an event that no broker takes is given up and counted', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  for (const text of ['a', 'b']) appendText(store, text);
  store.outbox.giveUp(1, 'too-large');
  store.outbox.giveUp(1, 'too-large');
  t.same([texts(store), store.outbox.dropped()], [['b'], 1]);
  store.close();
});

t.test('a transaction is all or nothing, and those inside join it', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  let told = 0;
  store.outbox.onAppended(() => {
    told += 1;
  });
  const fail = () =>
    store.transaction(() => {
      appendText(store, 'a');
      store.transaction(() => store.memory.set('room', 'key', 'value'));
      store.register.append(ENTRY);
      throw new RangeError('stop');
    });
  t.throws(fail, { message: 'stop' });
  t.same(
    [store.outbox.pending(), store.memory.get('room', 'key'), store.register.head().length, told],
    [0, undefined, 0, 0],
  );
  const result = store.transaction(() => {
    appendText(store, 'a');
    appendText(store, 'b');
    t.equal(told, 0, 'nothing is told before it is durable');
    return 'done';
  });
  t.equal(result, 'done');
  t.same([texts(store), told], [['a', 'b'], 1]);
  store.close();
});

t.test('a listener may write to the store, and one that fails harms nobody', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  store.outbox.onAppended(() => {
    throw new RangeError('listener');
  });
  store.register.onAppended(() => {
    if (store.outbox.pending() < 2) appendText(store, 'told');
  });
  appendText(store, 'a');
  store.register.append(ENTRY);
  t.same(texts(store), ['a', 'told']);
  store.close();
});

t.test('the journal takes an id once, over starts', async (t) => {
  const folder = temporaryFolder(t);
  const first = openFor(folder).store;
  t.equal(first.journal.take('order-0001', 5), true);
  t.equal(first.journal.take('order-0001', 5), false);
  first.close();
  const second = openFor(folder).store;
  t.equal(second.journal.take('order-0001', 5), false);
  second.close();
});

t.test('the journal forgets only orders that are old in number and in time', async (t) => {
  const { store, clock } = openFor(temporaryFolder(t));
  const nowMs = clock.wallMs();
  store.transaction(() => {
    store.journal.take('expired-1', nowMs);
    store.journal.take('valid-001', nowMs + 365 * 24 * 3600 * 1000);
    for (let n = 0; n < 9_999; n += 1) store.journal.take(`filler-${n}`, nowMs + 365 * 24 * 3600 * 1000);
  });
  await clock.advance(6 * 24 * 3600 * 1000);
  store.journal.take('order-a01', nowMs);
  t.equal(store.journal.take('expired-1', nowMs), false, 'the margin is a week');
  await clock.advance(2 * 24 * 3600 * 1000);
  store.journal.take('order-b01', nowMs);
  t.equal(store.journal.take('valid-001', nowMs), false);
  t.equal(store.journal.take('expired-1', nowMs), true);
  store.close();
});

t.test('the slots keep the last good configuration and the highest version', async (t) => {
  const folder = temporaryFolder(t);
  const first = openFor(folder).store;
  t.same([first.slots.highestVersion(), first.slots.lastGood()], [0, undefined]);
  first.slots.saveGood({ version: 3, hash: 'h3', jws: 'j3' });
  first.slots.sawVersion(7);
  first.slots.sawVersion(5);
  first.close();
  const second = openFor(folder).store;
  t.same(
    [second.slots.highestVersion(), second.slots.lastGood()],
    [7, { version: 3, hash: 'h3', jws: 'j3' }],
  );
  second.slots.saveGood({ version: 8, hash: 'h8', jws: 'j8' });
  t.same([second.slots.highestVersion(), second.slots.lastGood()?.version], [8, 8]);
  second.close();
});

t.test('each room has its own small values', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  store.memory.set('latch', 'cam-a', '1');
  store.memory.set('latch', 'cam-b', '2');
  store.memory.set('points', 'cam-a', '3');
  store.memory.set('latch', 'cam-a', '4');
  t.same(store.memory.entries('latch'), [
    ['cam-a', '4'],
    ['cam-b', '2'],
  ]);
  store.memory.delete('latch', 'cam-a');
  t.same([store.memory.get('latch', 'cam-a'), store.memory.get('points', 'cam-a')], [undefined, '3']);
  store.close();
});

t.test('as a service it starts and stops, twice too, and works before and after', async (t) => {
  const { store } = openFor(temporaryFolder(t));
  appendText(store, 'before');
  await store.start(new AbortController().signal);
  await store.stop();
  await store.stop();
  appendText(store, 'after');
  t.same(texts(store), ['before', 'after']);
  store.close();
});
