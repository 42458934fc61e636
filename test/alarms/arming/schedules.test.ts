import t from 'tap';
import { type ArmingSchedule, Schedules } from '../../../agent/alarms/arming/schedules.ts';
import { isMinuteExpression } from '../../../agent/base/schedule.ts';

const ALL_DAY = ['* * * * *'];
const at = (iso: string) => Date.parse(iso);

function armed(schedule: Partial<ArmingSchedule>, holidays: readonly string[] = []) {
  const schedules = new Schedules([{ id: 'sch-1', armed: [], onHolidays: ALL_DAY, ...schedule }], holidays);
  return (iso: string) => schedules.isArmed('sch-1', at(iso));
}

t.test('schedules: a town hall is armed at night and at the weekend, by the clock of Europe/Paris', (t) => {
  const hall = armed({ armed: ['* 0-6,19-23 * * 1-5', '* * * * 0,6'] });
  const table: [string, boolean][] = [
    ['2026-11-20T18:59:59+01:00', false],
    ['2026-11-20T19:00:00+01:00', true],
    ['2026-11-20T17:59:59Z', false],
    ['2026-07-14T18:59:59+02:00', false],
    ['2026-07-14T17:00:00Z', true],
    ['2026-11-21T12:00:00+01:00', true],
    ['2026-11-22T12:00:00+01:00', true],
    ['2026-11-23T06:59:59+01:00', true],
    ['2026-11-23T07:00:00+01:00', false],
  ];
  for (const [iso, expected] of table) t.equal(hall(iso), expected, iso);
  t.end();
});

t.test('schedules: the night in which an hour is missing has no gap and no minute too much', (t) => {
  const night = armed({ armed: ['30-59 1 * * *', '* 2 * * *', '0-29 3 * * *'] });
  t.equal(night('2026-03-29T00:29:59Z'), false, '1:29 in winter time');
  for (let ms = at('2026-03-29T00:30:00Z'); ms < at('2026-03-29T01:30:00Z'); ms += 60_000) {
    if (!night(new Date(ms).toISOString())) t.fail(`not armed at ${new Date(ms).toISOString()}`);
  }
  t.equal(night('2026-03-29T01:30:00Z'), false, '3:30 in summer time');
  t.end();
});

t.test('schedules: one that begins in the missing hour is armed from the next minute that exists', (t) => {
  const night = armed({ armed: ['30-59 2 * * *', '* 3-6 * * *'] });
  t.equal(night('2026-03-29T00:59:59Z'), false);
  t.equal(night('2026-03-29T01:00:00Z'), true, '3:00 follows 1:59');
  t.end();
});

t.test('schedules: the doubled hour is armed both times', (t) => {
  const night = armed({ armed: ['* 2 * * *'] });
  t.equal(night('2026-10-24T23:59:59Z'), false);
  for (let ms = at('2026-10-25T00:00:00Z'); ms < at('2026-10-25T02:00:00Z'); ms += 60_000) {
    if (!night(new Date(ms).toISOString())) t.fail(`not armed at ${new Date(ms).toISOString()}`);
  }
  t.equal(night('2026-10-25T02:00:00Z'), false);
  t.end();
});

t.test('schedules: a holiday is a date in Europe/Paris with its own hours, also around midnight', (t) => {
  const school = armed({ armed: ['* 20-23 * * *'], onHolidays: ['* 0-11 * * *'] }, ['2026-07-14']);
  t.equal(school('2026-07-13T21:59:59Z'), true, '23:59 the day before');
  t.equal(school('2026-07-13T22:00:00Z'), true, 'midnight by the hours of the holiday');
  t.equal(school('2026-07-14T10:00:00Z'), false, 'noon');
  t.equal(school('2026-07-14T19:00:00Z'), false, '21:00: no ordinary hours');
  t.equal(school('2026-07-15T19:00:00Z'), true);
  t.equal(armed({}, ['2026-12-25'])('2026-12-25T12:00:00Z'), true, 'all day where nothing else is said');
  t.end();
});

t.test('schedules: a point whose schedule nobody knows is armed', (t) => {
  t.equal(new Schedules([], []).isArmed('sch-1', 0), true);
  t.end();
});

t.test('schedules: the same minute is judged once, whatever is asked between', (t) => {
  const night = armed({ armed: ['* 2 * * *'] });
  t.equal(night('2026-10-25T00:30:00Z'), true);
  t.equal(night('2026-10-25T03:30:00Z'), false);
  t.equal(night('2026-10-25T00:30:30Z'), true, 'a clock that is set back');
  t.end();
});

t.test('schedules: five fields, no more and no less', (t) => {
  for (const good of ['* * * * *', '*/5 8-18 1 1,6 1-5', ' 0 0 * * 0 ']) t.ok(isMinuteExpression(good), good);
  for (const bad of ['', '* * * *', '* * * * * *', '60 * * * *', '@daily', 'x * * * *'])
    t.notOk(isMinuteExpression(bad), bad);
  t.end();
});
