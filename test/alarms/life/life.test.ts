import t from 'tap';
import {
  type AlarmLife,
  isActive,
  isOpen,
  type LifeInput,
  type LifeState,
  newLife,
  step,
} from '../../../agent/alarms/life/life.ts';
import { LIFE_STATES } from '../../../agent/contract/alarm-life.ts';
import * as fc from '../../support/properties.ts';

const INPUTS: readonly LifeInput[] = ['raise', 'worsen', 'clear', 'acknowledge', 'close'];
const DECISION = { by: 'Opérateur 12', signer: 'key-operate', why: 'vu' };

/** Written from the issue, not from the code: state, input, what is told. */
const TABLE: readonly [LifeState, LifeInput, readonly string[]][] = [
  ['none', 'raise', ['raised']],
  ['none', 'worsen', []],
  ['none', 'clear', []],
  ['none', 'acknowledge', []],
  ['none', 'close', []],
  ['raised', 'raise', []],
  ['raised', 'worsen', ['raised']],
  ['raised', 'clear', ['cleared']],
  ['raised', 'acknowledge', ['acknowledged']],
  ['raised', 'close', ['closed']],
  ['acknowledged', 'raise', []],
  ['acknowledged', 'worsen', ['raised']],
  ['acknowledged', 'clear', ['cleared', 'closed']],
  ['acknowledged', 'acknowledge', []],
  ['acknowledged', 'close', ['closed']],
  ['cleared', 'raise', ['raised']],
  ['cleared', 'worsen', []],
  ['cleared', 'clear', []],
  ['cleared', 'acknowledge', ['acknowledged', 'closed']],
  ['cleared', 'close', ['closed']],
  ['closed', 'raise', ['raised']],
  ['closed', 'worsen', []],
  ['closed', 'clear', []],
  ['closed', 'acknowledge', []],
  ['closed', 'close', []],
];

let ids = 0;
const now = (wallMs: number) => ({ wallMs, newId: () => `alarm-${++ids}`, decision: DECISION });

function lifeIn(state: LifeState): AlarmLife {
  const life = newLife(1000);
  if (state === 'none') return life;
  return { ...life, state, alarm: 'alarm-0', count: 3, firstMs: 1, lastMs: 2 };
}

t.test('life: the table of transitions is whole', (t) => {
  t.equal(TABLE.length, LIFE_STATES.length * INPUTS.length);
  for (const [state, input, told] of TABLE) {
    const before = lifeIn(state);
    const after = step(before, input, now(5000));
    t.same(after.told, told, `${state}, ${input}`);
    t.equal(after.life.state, told.at(-1) ?? state, `${state}, ${input}: the state after it`);
    if (told.length === 0) t.equal(after.life, before, `${state}, ${input}: nothing has changed`);
    else t.equal(after.life.sinceMs, 5000);
  }
  t.end();
});

t.test('life: an alarm that was not acknowledged comes back under its id and counts on', (t) => {
  const first = step(newLife(0), 'raise', now(10)).life;
  const back = step(step(first, 'clear', now(20)).life, 'raise', now(30)).life;
  t.match(back, { alarm: first.alarm, state: 'raised', count: 2, firstMs: 10, lastMs: 30 });
  t.end();
});

t.test('life: one that was closed is another alarm, which nobody has acknowledged', (t) => {
  const first = step(newLife(0), 'raise', now(10)).life;
  const known = step(first, 'acknowledge', now(15)).life;
  t.match(known.acknowledged, { ...DECISION, atMs: 15 });
  const closed = step(known, 'clear', now(20)).life;
  t.match(closed, { state: 'closed', acknowledged: DECISION }, 'who acknowledged it stays told');
  const next = step(closed, 'raise', now(30)).life;
  t.not(next.alarm, first.alarm);
  t.match(next, { count: 1, firstMs: 30, lastMs: 30 });
  t.equal(next.acknowledged, undefined);
  t.end();
});

t.test('life: whatever comes, in whatever order, the account stays right', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...INPUTS), { maxLength: 60 }), (inputs) => {
      let life = newLife(0);
      let account = { raised: 0, closed: 0, opened: 0 };
      const seen = new Set<string>();
      for (const [index, input] of inputs.entries()) {
        const before = life;
        const { life: after, told } = step(before, input, now(index + 1));
        if (told.includes('raised') && !isOpen(before)) {
          if (seen.has(after.alarm)) return false;
          seen.add(after.alarm);
          account = { ...account, opened: account.opened + 1, raised: 0 };
        } else if (after.alarm !== before.alarm) return false;
        account.raised += told.filter((one) => one === 'raised').length;
        account.closed += told.filter((one) => one === 'closed').length;
        const holds = [
          told.length === 0 ? after === before : after.state === told.at(-1),
          after.count === account.raised,
          account.opened - account.closed === (isOpen(after) ? 1 : 0),
          isActive(after) ===
            (input === 'raise' || (isActive(before) && !['clear', 'close'].includes(input))),
          after.state !== 'acknowledged' || after.acknowledged !== undefined,
          after.state !== 'raised' || after.acknowledged === undefined,
          after.firstMs <= after.lastMs,
        ];
        if (holds.includes(false)) return false;
        life = after;
      }
      return true;
    }),
    { numRuns: 5000 },
  );
  t.pass('5,000 lives');
  t.end();
});
