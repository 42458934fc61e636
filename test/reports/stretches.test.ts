import t from 'tap';
import { ConnectedDays } from '../../agent/reports/connected.ts';
import { firstEndingAfter, type Stretch, union, without } from '../../agent/reports/stretches.ts';
import * as fc from '../support/properties.ts';

const stretches = fc
  .array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 20 })), { maxLength: 12 })
  .map((all) => all.map(([fromMs, ms]) => ({ fromMs, untilMs: fromMs + ms })));
const covers = (all: readonly Stretch[], ms: number) =>
  all.some(({ fromMs, untilMs }) => fromMs <= ms && ms < untilMs);

t.test('stretches: what lies in no hole is every moment outside of the holes, and no other', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(stretches, stretches, (all, some) => {
        const holes = union(some);
        const rest = without(all, holes);
        return Array.from({ length: 90 }, (_, ms) => ms).every(
          (ms) => covers(rest, ms) === (covers(all, ms) && !covers(holes, ms)),
        );
      }),
    ),
  );
});

t.test('stretches: the first that ends after a moment is found as by looking at each', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(stretches, fc.nat(90), (some, ms) => {
        const all = union(some);
        const found = all.findIndex(({ untilMs }) => untilMs > ms);
        return firstEndingAfter(all, ms) === (found < 0 ? all.length : found);
      }),
    ),
  );
});

t.test(
  'connected cameras: a minute of a day counts, in whatever pieces, and the day of 25 hours is one',
  async (t) => {
    const at = (iso: string) => Date.parse(iso);
    const span = (subject: string, state: string, from: string, until: string) => ({
      ...{ subject, track: 'health', state, cause: 'none', side: 'none', via: '', noticedMs: -1 },
      ...{ fromMs: at(from), untilMs: at(until) },
    });
    const connected = new ConnectedDays({ from: '2026-10-24', to: '2026-10-26' }, at('2026-11-22T00:00:00Z'));
    connected.take([
      span('cam-a', 'ok', '2026-10-24T21:59:00Z', '2026-10-25T22:59:30Z'),
      span('cam-b', 'ok', '2026-10-25T10:00:00Z', '2026-10-25T10:00:40Z'),
      span('cam-b', 'degraded', '2026-10-25T12:00:00Z', '2026-10-25T12:00:20Z'),
      span('cam-c', 'ok', '2026-10-25T12:00:00Z', '2026-10-25T12:00:59Z'),
      span('cam-d', 'down', '2026-10-25T00:00:00Z', '2026-10-27T00:00:00Z'),
      span('cam-e', 'disabled', '2026-10-25T00:00:00Z', '2026-10-27T00:00:00Z'),
    ]);
    t.same(
      connected.days.map(({ day, configured, cameras }) => [day, configured, cameras.join(' ')]),
      [
        ['2026-10-24', 1, 'cam-a'],
        ['2026-10-25', 4, 'cam-a cam-b'],
        ['2026-10-26', 1, ''],
      ],
    );
  },
);
