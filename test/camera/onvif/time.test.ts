import t from 'tap';
import { utcMs } from '../../../agent/camera/onvif/date-time.ts';
import { cameraAt, captured, dateAnswer, never, serve, soap } from './support.ts';

/** A camera whose clock stands at a moment. */
async function standing(t: Parameters<typeof serve>[0], iso: string) {
  const port = await serve(t, (_asked, response) => response.end(dateAnswer(new Date(iso))));
  return cameraAt(port).camera;
}

t.test('the offset is right to the second, also on the last day of a month', async (t) => {
  for (const iso of [
    '2026-01-31T23:59:59Z',
    '2026-03-31T00:00:00Z',
    '2024-02-29T12:00:00Z',
    '1970-01-01T00:00:00Z',
    '2037-12-31T23:59:59Z',
  ]) {
    const camera = await standing(t, iso);
    const beforeMs = Date.now();
    const { offsetMs, uncertaintyMs } = await camera.systemTime(never);
    const afterMs = Date.now();
    t.ok(uncertaintyMs >= 500, 'a camera tells whole seconds');
    const trueMs = Date.parse(iso) + 500;
    t.ok(offsetMs >= trueMs - afterMs - 1 && offsetMs <= trueMs - beforeMs + 1, `${iso}: ${offsetMs}`);
  }
});

t.test('an impossible date is refused, not repaired', async (t) => {
  const answer = dateAnswer(new Date('2026-02-28T10:20:30Z'));
  for (const [from, to] of [
    ['<tt:Day>28<', '<tt:Day>30<'],
    ['<tt:Month>2<', '<tt:Month>0<'],
    ['<tt:Month>2<', '<tt:Month>13<'],
    ['<tt:Hour>10<', '<tt:Hour>24<'],
    ['<tt:Minute>20<', '<tt:Minute>-1<'],
    ['<tt:Second>30<', '<tt:Second>x<'],
    ['<tt:Year>2026<', '<tt:Year><'],
  ] as const) {
    const port = await serve(t, (_asked, response) => response.end(answer.replace(from, to)));
    await t.rejects(
      cameraAt(port).camera.systemTime(never),
      { code: 'camera-protocol', message: /exists/ },
      to,
    );
  }
});

t.test('a camera that gives no UTC is not guessed at', async (t) => {
  const content =
    '<GetSystemDateAndTimeResponse><SystemDateAndTime><LocalDateTime/></SystemDateAndTime></GetSystemDateAndTimeResponse>';
  const port = await serve(t, (_asked, response) => response.end(soap(content)));
  await t.rejects(cameraAt(port).camera.systemTime(never), { code: 'camera-unsupported' });
  const other = await serve(t, (_asked, response) => response.end(captured('GetSystemDateAndTime')));
  t.ok((await cameraAt(other).camera.systemTime(never)).offsetMs < 0);
});

t.test('dates exist or they do not', async (t) => {
  const day = (year: number, month: number, date: number) =>
    utcMs({ year, month, day: date, hour: 0, minute: 0, second: 0 });
  t.equal(day(2000, 2, 29), Date.UTC(2000, 1, 29));
  t.equal(day(1900, 2, 29), undefined);
  t.equal(day(2026, 4, 31), undefined);
  t.equal(day(50, 1, 1), Date.parse('0050-01-01T00:00:00Z'));
  t.equal(
    utcMs({ year: 2016, month: 12, day: 31, hour: 23, minute: 59, second: 60 }),
    Date.UTC(2017, 0, 1),
    'a leap second is the first of the next minute',
  );
});
