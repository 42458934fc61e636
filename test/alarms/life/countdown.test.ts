import t from 'tap';
import { Countdown } from '../../../agent/alarms/life/countdown.ts';
import * as fc from '../../support/properties.ts';

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 0, 1);
const trust = 'synced';

t.test('countdown: a wall clock that jumps neither shortens nor prolongs it', (t) => {
  for (const jump of [-10 * 365 * 24 * HOUR, -HOUR, 0, HOUR, 10 * 365 * 24 * HOUR]) {
    const countdown = Countdown.until(T0 + HOUR, { wallMs: T0, monotonicMs: 500 });
    t.notOk(countdown.isOver({ wallMs: T0 + jump, monotonicMs: 500 + HOUR - 1, trust }));
    t.ok(countdown.isOver({ wallMs: T0 + jump, monotonicMs: 500 + HOUR, trust }));
  }
  t.end();
});

t.test('countdown: what was left is kept each minute, and goes on after a kill', (t) => {
  const first = Countdown.until(T0 + HOUR, { wallMs: T0, monotonicMs: 0 });
  t.equal(first.due(59_999), undefined);
  t.same(first.due(60_000), { untilMs: T0 + HOUR, leftMs: HOUR - 60_000 });
  t.equal(first.due(60_001), undefined);
  const next = Countdown.restored(first.record(120_000), 0);
  const untrusted = { wallMs: 0, trust: 'untrusted' } as const;
  t.notOk(next.isOver({ ...untrusted, monotonicMs: HOUR - 120_001 }));
  t.ok(next.isOver({ ...untrusted, monotonicMs: HOUR - 120_000 }));
  t.end();
});

t.test(
  'countdown: time in which the box was off counts, as soon as the clock can be believed, and only then',
  (t) => {
    const kept = { untilMs: T0 + HOUR, leftMs: HOUR };
    const off = Countdown.restored(kept, 0);
    t.notOk(off.isOver({ wallMs: T0 + 2 * HOUR, monotonicMs: 10, trust: 'untrusted' }));
    t.ok(off.isOver({ wallMs: T0 + 2 * HOUR, monotonicMs: 20, trust }));
    const half = Countdown.restored(kept, 0);
    t.notOk(half.isOver({ wallMs: T0 + HOUR / 2, monotonicMs: 0, trust }));
    t.notOk(
      half.isOver({ wallMs: T0 + 9 * HOUR, monotonicMs: HOUR / 2 - 1, trust }),
      'a later jump counts not',
    );
    t.ok(half.isOver({ wallMs: T0, monotonicMs: HOUR / 2, trust }));
    const back = Countdown.restored(kept, 0);
    t.notOk(back.isOver({ wallMs: T0 - 9 * HOUR, monotonicMs: HOUR - 1, trust }));
    t.ok(
      back.isOver({ wallMs: T0 - 9 * HOUR, monotonicMs: HOUR, trust }),
      'a clock set back prolongs nothing',
    );
    t.end();
  },
);

t.test(
  'countdown: no order of kills and jumps lets it last longer than it was set for, by a minute a kill',
  (t) => {
    const life = fc.record({ runsMs: fc.nat(30 * 60_000), wallMs: fc.nat(4 * HOUR), believed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(life, { maxLength: 8 }), (lives) => {
        let kept = Countdown.until(T0 + HOUR, { wallMs: T0, monotonicMs: 0 }).record(0);
        let ranMs = 0;
        for (const { runsMs, wallMs, believed } of lives) {
          const countdown = Countdown.restored(kept, 0);
          const now = { wallMs: T0 + wallMs, trust: believed ? 'synced' : 'untrusted' } as const;
          for (let ms = 0; ms <= runsMs; ms += 10_000) {
            if (countdown.isOver({ ...now, monotonicMs: ms }))
              return ranMs + ms <= HOUR + 70_000 * lives.length;
            kept = countdown.due(ms) ?? kept;
          }
          ranMs += runsMs;
          if (ranMs > HOUR + 70_000 * lives.length) return false;
        }
        return true;
      }),
      { numRuns: 2000 },
    );
    t.pass('2,000 lives');
    t.end();
  },
);
