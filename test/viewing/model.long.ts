import t from 'tap';
import { playStories, reached } from './model.ts';

const RUNS = 500;

t.test('leases: over many stories a partner’s camera is open on a lease alone', async (t) => {
  await playStories(t, RUNS);
  t.ok(reached.opened >= RUNS, `${reached.opened} opened`);
  t.ok(reached.pictures >= RUNS, `${reached.pictures} messages of pictures`);
  t.ok(reached.closed >= RUNS / 10, `${reached.closed} closed by order`);
  t.ok(reached.forged >= RUNS / 2, `${reached.forged} forged`);
  t.ok(reached.refused >= RUNS, `${reached.refused} refused`);
});
