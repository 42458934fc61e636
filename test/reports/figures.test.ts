import t from 'tap';
import { ConnectedDays } from '../../agent/reports/connected.ts';
import { availabilityOf } from '../../agent/reports/figures.ts';

const MIN = 60_000;
const DAY_0 = Date.UTC(2026, 4, 31, 22); // 1 June 2026, midnight in Paris
const at = (minute: number) => DAY_0 + minute * MIN;
const DAY = { fromMs: at(0), untilMs: at(1_440) };
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
    const days = new Set(['2026-06-01', '2026-06-02']);
    const read = { own, planned: [], figures } as unknown as Parameters<typeof availabilityOf>[1];
    const got = availabilityOf('cam-a', read, DAY, days);
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

const works = (from: number, until: number) => ({
  ...{ id: 'w', subject: 'cam-a', by: 'x', why: 'y', fromMs: at(from), untilMs: at(until) },
});
const readOf = (own: object[], planned: object[] = []) =>
  availabilityOf(
    'cam-a',
    { own, planned, figures: [] } as unknown as Parameters<typeof availabilityOf>[1],
    DAY,
    new Set(),
  );

t.test('figures: announced work within an incident is no time of repair, and is told', (t) => {
  const own = [
    span(0, 60, 'ok'),
    down(60, 120, 'camera', 4_000),
    span(120, 600, 'ok'),
    down(600, 660, 'camera', 4_000),
    span(660, 1_440, 'ok'),
  ];
  const got = readOf(own, [works(70, 100), works(90, 110), works(600, 700)]);
  t.match(got, { repairMs: 20 * MIN, downMs: 20 * MIN, plannedMs: 140 * MIN });
  t.match(got?.incidents, [{ fromMs: at(60), plannedMs: 40 * MIN, repairMs: 20 * MIN, open: false }]);
  t.equal(got?.incidents.length, 1, 'what is work from begin to end is no incident');
  const later = readOf([span(0, 100, 'absent'), span(100, 1_440, 'ok')], [works(50, 150)]);
  t.match(later, { plannedMs: 50 * MIN, countedMs: 1_290 * MIN }, 'what was not there yet is not worked on');
  t.end();
});

t.test(
  'figures: an incident from before the period has its whole length, and its notice is told once',
  (t) => {
    const own = [
      down(-90, -60, 'unknown', 4_000),
      span(-60, -50, 'unknown'),
      down(-50, 10, 'camera', -1),
      span(10, 1_440, 'ok'),
    ];
    const got = readOf(own, [works(-40, -20)]);
    t.match(got, {
      repairMs: 80 * MIN,
      downMs: 10 * MIN,
      plannedMs: 0,
      detectMs: undefined,
      countedMs: 1_440 * MIN,
    });
    t.match(got?.incidents, [{ fromMs: at(-90), plannedMs: 20 * MIN, noticedMs: -1, side: 'camera' }]);
    t.end();
  },
);

t.test('figures: a breach that is there again after nobody could look is the same one', (t) => {
  const law = (from: number, until: number, state: string) => span(from, until, state, { track: 'law-rate' });
  const own = [
    span(0, 1_440, 'ok'),
    breach('law-rate', 10, 20),
    law(20, 40, 'unknown'),
    breach('law-rate', 40, 50),
    law(50, 60, 'ok'),
    breach('law-rate', 60, 70),
  ];
  t.match(readOf(own), { breaches: 2, breachMs: 30 * MIN });
  t.end();
});

t.test('figures: a camera at work for less than a minute of a day is not connected on it', (t) => {
  const days = new ConnectedDays({ from: '2026-06-01', to: '2026-06-01' }, at(1_440));
  days.take([span(0, 0.9, 'ok')] as never);
  days.take([{ ...span(0, 1, 'ok'), subject: 'cam-b' }] as never);
  t.match(days.days, [{ configured: 2, connected: 1, cameras: ['cam-b'] }]);
  t.end();
});
