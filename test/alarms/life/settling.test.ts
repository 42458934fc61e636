import t from 'tap';
import { dueMs, type Settling, say, settle, UNSETTLED } from '../../../agent/alarms/life/settling.ts';
import * as fc from '../../support/properties.ts';

const AT_ONCE = { debounceMs: 0, minDurationMs: 0 };
const NEVER = { raises: 0, withinMs: 60_000, quietMs: 60_000 };

interface Seen {
  readonly settled: string[];
  readonly last: Settling;
}

/** The word of the source at each time, with time looked at every 10 ms between; what settled, with its time. */
function run(
  words: readonly [atMs: number, said: boolean][],
  rules: Parameters<typeof settle>[1],
  untilMs: number,
): Seen {
  const settled: string[] = [];
  let state = UNSETTLED;
  const rest = [...words];
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 10) {
    while (rest[0] && rest[0][0] <= nowMs) state = say(state, rest.shift()?.[1] ?? false, nowMs);
    const next = settle(state, rules, nowMs);
    if (next.settled !== state.settled) settled.push(`${nowMs} ${next.settled}`);
    if (next.changes !== undefined && state.changes === undefined) settled.push(`${nowMs} chatters`);
    if (next.changes === undefined && state.changes !== undefined)
      settled.push(`${nowMs} calm ${state.changes}`);
    state = next;
  }
  return { settled, last: state };
}

t.test('settling: without rules every word counts at once', (t) => {
  const { settled } = run(
    [
      [0, false],
      [100, true],
      [110, false],
      [500, true],
    ],
    { settling: AT_ONCE, chatter: NEVER },
    600,
  );
  t.same(settled, ['0 cleared', '100 raised', '110 cleared', '500 raised']);
  t.end();
});

t.test('settling: a contact that bounces counts once, when it is still', (t) => {
  const rules = { settling: { debounceMs: 100, minDurationMs: 0 }, chatter: NEVER };
  const bounce: [number, boolean][] = [
    [0, false],
    [1000, true],
    [1020, false],
    [1040, true],
    [2000, false],
    [2030, true],
    [2050, false],
  ];
  t.same(run(bounce, rules, 3000).settled, ['0 cleared', '1140 raised', '2150 cleared']);
  t.end();
});

t.test('settling: what holds for less than the minimum duration raises nothing', (t) => {
  const rules = { settling: { debounceMs: 0, minDurationMs: 500 }, chatter: NEVER };
  t.same(
    run(
      [
        [0, false],
        [1000, true],
        [1490, false],
      ],
      rules,
      3000,
    ).settled,
    ['0 cleared'],
  );
  t.same(
    run(
      [
        [0, false],
        [1000, true],
        [1600, false],
      ],
      rules,
      3000,
    ).settled,
    ['0 cleared', '1500 raised', '1600 cleared'],
  );
  t.end();
});

t.test(
  'settling: a point that toggles is chattering once, held as raised, and counted until it is still',
  (t) => {
    const rules = { settling: AT_ONCE, chatter: { raises: 3, withinMs: 1000, quietMs: 500 } };
    const words = Array.from({ length: 20 }, (_, n): [number, boolean] => [n * 100, n % 2 === 1]);
    const { settled, last } = run(words, rules, 5000);
    t.same(settled, [
      '0 cleared',
      '100 raised',
      '200 cleared',
      '300 raised',
      '400 cleared',
      '500 raised',
      '500 chatters',
      '2400 calm 19',
    ]);
    t.match(last, { settled: 'raised', said: true });
    const even = run([...words, [2000, false]], rules, 5000);
    t.same(even.settled.slice(-2), ['2500 cleared', '2500 calm 20'], 'what it says in the end counts');
    t.end();
  },
);

t.test('settling: raises that are far enough apart are no chattering', (t) => {
  const rules = { settling: AT_ONCE, chatter: { raises: 3, withinMs: 1000, quietMs: 500 } };
  const words = Array.from({ length: 20 }, (_, n): [number, boolean] => [n * 300, n % 2 === 1]);
  t.notOk(run(words, rules, 6000).settled.some((text) => text.includes('chatters')));
  t.end();
});

t.test(
  'settling: whatever a source says, in the end its last word counts, and the time of it was told before',
  (t) => {
    const gap = fc.nat(300);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(gap, fc.boolean()), { minLength: 1, maxLength: 40 }),
        fc.record({ debounceMs: fc.nat(200), minDurationMs: fc.nat(500) }),
        fc.record({
          raises: fc.nat(4),
          withinMs: fc.constant(1000),
          quietMs: fc.integer({ min: 1, max: 900 }),
        }),
        (words, settling, chatter) => {
          const rules = { settling, chatter };
          let state = UNSETTLED;
          let nowMs = 0;
          for (const [gapMs, said] of words) {
            nowMs += gapMs;
            state = settle(say(state, said, nowMs), rules, nowMs);
          }
          for (let due = dueMs(state, rules); due !== undefined; due = dueMs(state, rules)) {
            const before = settle(state, rules, due - 1);
            if (due > nowMs && before !== state) return false;
            nowMs = Math.max(nowMs, due);
            const next = settle(state, rules, nowMs);
            if (next === state) return false;
            state = next;
          }
          return state.settled === (words.at(-1)?.[1] ? 'raised' : 'cleared') && state.changes === undefined;
        },
      ),
      { numRuns: 5000 },
    );
    t.pass('5,000 sources');
    t.end();
  },
);
