import t from 'tap';
import { readStories } from '../../agent/store/read-stories.ts';
import { STORY_MAX } from '../../agent/store/stories.ts';
import { type OpenedStore, openFor, SmallDisk, temporaryFolder, waiting } from './support.ts';

const RULES = { confirm: 'receipt', resendAfterMs: 60_000, liveWithinMs: 60_000 } as const;

/** An event of a point. @returns its id */
function tell({ store }: OpenedStore, point: string, alarm = 'alarm-1'): string {
  const seq = store.outbox.append((n) => {
    const id = `id-${n}`;
    const payload = JSON.stringify({ id, alarm });
    const topic = `csu/v1/57463-mairie/${point}/event/alarm`;
    return { topic, payload, id, class: 'technical', story: point };
  });
  return `id-${seq}`;
}

const lines = (folder: string, point: string) => readStories(folder, (stories) => stories.of(point)) ?? [];
const fates = (folder: string, point: string) => lines(folder, point).map(({ fate }) => fate);

t.test('store: a story says of each event whether it waits, was sent, has its receipt, or was lost', (t) => {
  const folder = temporaryFolder(t);
  const opened = openFor(folder);
  const { store, clock } = opened;
  store.outbox.rule(RULES);
  const ids = ['pt-a', 'pt-a', 'pt-a', 'pt-a', 'pt-b'].map((point) => tell(opened, point));
  t.same(fates(folder, 'pt-a'), ['waits', 'waits', 'waits', 'waits']);
  store.outbox.acknowledge([1, 2]);
  store.outbox.confirm(waiting(store).filter(({ id }) => id === ids[0]));
  store.outbox.giveUp(3, 'too-large');
  t.same(fates(folder, 'pt-a'), ['receipt', 'sent', 'lost', 'waits']);
  t.match(lines(folder, 'pt-a')[0], { of: 'pt-a', fateMs: clock.wallMs(), payload: /"id-1"/ });
  t.same(fates(folder, 'pt-b'), ['waits'], 'another point is another story');
  store.outbox.rule({ ...RULES, confirm: 'broker' });
  t.same(fates(folder, 'pt-a'), ['receipt', 'broker', 'lost', 'waits']);
  store.outbox.acknowledge([4]);
  store.close();
  openFor(folder).store.close();
  t.same(fates(folder, 'pt-a'), ['receipt', 'broker', 'lost', 'broker'], 'also after a restart');
  t.end();
});

t.test('store: a story is bounded, found by its alarm, and forgotten with its point', (t) => {
  const folder = temporaryFolder(t);
  const opened = openFor(folder);
  tell(opened, 'pt-b', 'f00d-2');
  for (let n = 0; n < STORY_MAX + 5; n += 1) tell(opened, 'pt-a', 'beef-1');
  t.equal(lines(folder, 'pt-a').length, STORY_MAX);
  t.match(lines(folder, 'pt-a').at(-1), { number: STORY_MAX + 6 }, 'the last ones stay');
  t.equal(lines(folder, 'pt-b').length, 1, 'a loud point leaves the others their story');
  const found = readStories(folder, (stories) => [stories.ofAlarm('f00d'), stories.after(stories.last - 2)]);
  t.match(found, [[{ of: 'pt-b' }], [{ of: 'pt-a' }, { of: 'pt-a' }]]);
  opened.store.stories.forget('pt-a');
  t.same(lines(folder, 'pt-a'), []);
  opened.store.close();
  t.equal(
    readStories(temporaryFolder(t), (stories) => stories.last),
    undefined,
    'no database yet',
  );
  t.end();
});

t.test('store: stories go with the events to memory and back when the disk is full', async (t) => {
  const disk = SmallDisk.mount(t, 'tmpfs');
  if (typeof disk === 'string') return t.pass(disk, { skip: true });
  const opened = openFor(disk.folder);
  const { store, clock } = opened;
  await store.start(new AbortController().signal);
  store.outbox.rule(RULES);
  const first = tell(opened, 'pt-a');
  tell(opened, 'pt-gone');
  disk.fill(0);
  let told = 1;
  for (; store.durable; told += 1) tell(opened, 'pt-a');
  store.outbox.confirm(waiting(store).filter(({ id }) => id === first));
  store.stories.forget('pt-gone');
  disk.free();
  await clock.advance(10_000);
  t.ok(store.durable);
  t.equal(lines(disk.folder, 'pt-a').length, Math.min(told, STORY_MAX));
  t.equal(fates(disk.folder, 'pt-a')[0], 'receipt');
  t.same(lines(disk.folder, 'pt-gone'), []);
  await store.stop();
  store.close();
  return undefined;
});
