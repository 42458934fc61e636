import t from 'tap';
import { type Service, ServiceGroup } from '../../agent/base/lifecycle.ts';
import { TestClock } from '../support/test-clock.ts';

function recorder(
  name: string,
  story: string[],
  options: { failStart?: boolean; failStop?: boolean; hang?: boolean } = {},
): Service {
  return {
    name,
    start: async () => {
      story.push(`start ${name}`);
      if (options.failStart) throw new Error(`${name} cannot start`);
    },
    stop: () => {
      story.push(`stop ${name}`);
      if (options.hang) return new Promise(() => undefined);
      return options.failStop ? Promise.reject(new Error(`${name} cannot stop`)) : Promise.resolve();
    },
  };
}

t.test('lifecycle: start in order, stop in reverse', async (t) => {
  const story: string[] = [];
  const group = new ServiceGroup('box', [recorder('a', story), recorder('b', story)], new TestClock());
  await group.start(new AbortController().signal);
  await group.stop();
  await group.stop();
  t.same(story, ['start a', 'start b', 'stop b', 'stop a']);
});

t.test('lifecycle: a failed start stops what had started', async (t) => {
  const story: string[] = [];
  const members = [recorder('a', story), recorder('b', story, { failStart: true }), recorder('c', story)];
  const group = new ServiceGroup('box', members, new TestClock());
  await t.rejects(group.start(new AbortController().signal), /b cannot start/);
  t.same(story, ['start a', 'start b', 'stop b', 'stop a']);
});

t.test(
  'lifecycle: every stop runs, and the errors name who failed and who does not stop in time',
  async (t) => {
    const story: string[] = [];
    const clock = new TestClock();
    const members = [
      recorder('a', story),
      recorder('b', story, { hang: true }),
      recorder('c', story, { failStop: true }),
    ];
    const group = new ServiceGroup('box', members, clock, 100);
    await group.start(new AbortController().signal);
    let ended: unknown;
    const stopped = group.stop().catch((error: unknown) => {
      ended = error;
    });
    while (!ended) await clock.advance(50);
    await stopped;
    t.match((ended as Error).message, /c cannot stop; b did not stop within 100 ms/);
    t.same(story.slice(3), ['stop c', 'stop b', 'stop a']);
    t.equal(clock.sleeping, 0);
  },
);
