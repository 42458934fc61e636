import t from 'tap';
import { ConnectedDays } from '../../agent/reports/connected.ts';
import { availabilityOf } from '../../agent/reports/figures.ts';

const MIN = 60_000;
const DAY_0 = Date.UTC(2026, 4, 31, 22); // 1 June 2026, midnight in Paris
const at = (minute: number) => DAY_0 + minute * MIN;
const span = (from: number, until: number, state: string, more: object = {}) => ({
  ...{ subject: 'cam-a', track: 'health', cause: 'none', side: 'none', via: '', noticedMs: -1, state },
  ...{ fromMs: at(from), untilMs: at(until), ...more },
});
const down = (from: number, until: number, side: string, noticedMs: number) =>
  span(from, until, 'down', { cause: 'camera-unreachable', side, noticedMs });
const breach = (track: string, from: number, until: number) => span(from, until, 'breach', { track });

t.test(
  'figures: repair, notice, sides, breaches and clock are those of the spans, to the millisecond',
  (t) => {
    const own = [
      span(0, 60, 'ok'),
      down(60, 70, 'camera', 4_000),
      span(70, 100, 'ok'),
      down(100, 130, 'camera', 8_000),
      span(130, 200, 'degraded'),
      down(200, 220, 'local-network', -1),
      span(220, 1_440, 'ok'),
      breach('law-rate', 300, 330),
      breach('law-masks', 320, 350),
    ];
    const figures = [
      { name: 'clock_off_ms', day: '2026-06-01', value: 300 },
      { name: 'clock_off_ms', day: '2026-06-02', value: 900 },
      { name: 'clock_off_ms', day: '2026-06-03', value: 5_000 },
    ].map((one) => ({ subject: 'cam-a', ...one }));
    const period = { fromMs: at(0), untilMs: at(1_440) };
    const days = new Set(['2026-06-01', '2026-06-02']);
    const read = { own, planned: [], figures } as unknown as Parameters<typeof availabilityOf>[1];
    const got = availabilityOf('cam-a', read, period, days);
    t.match(got, { detectMs: 6_000, repairMs: 20 * MIN, downMs: 60 * MIN, degradedMs: 70 * MIN });
    t.same(
      [...(got?.downMsBySide ?? [])],
      [
        ['camera', 40 * MIN],
        ['local-network', 20 * MIN],
      ],
    );
    t.match(got, { breaches: 2, breachMs: 50 * MIN, clockOffMs: 900 });
    t.end();
  },
);

t.test('figures: a camera at work for less than a minute of a day is not connected on it', (t) => {
  const days = new ConnectedDays({ from: '2026-06-01', to: '2026-06-01' }, at(1_440));
  days.take([span(0, 0.9, 'ok')] as never);
  days.take([{ ...span(0, 1, 'ok'), subject: 'cam-b' }] as never);
  t.match(days.days, [{ configured: 2, connected: 1, cameras: ['cam-b'] }]);
  t.end();
});
