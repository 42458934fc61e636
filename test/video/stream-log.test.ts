import t from 'tap';
import { DeviceError } from '../../agent/base/errors.ts';
import { createLog } from '../../agent/base/log.ts';
import { StreamLog } from '../../agent/video/stream-log.ts';
import { TestClock } from '../support/test-clock.ts';

const closed = new DeviceError('camera-closed', 'cam-a: the connection was closed by the other end');
const silent = new DeviceError('camera-silent', 'cam-a: expected an answer to PLAY, none came');

function rig() {
  const clock = new TestClock();
  const lines: { msg: string; count?: number; failures?: number; codec?: string }[] = [];
  const log = createLog('info', { write: (line: string) => lines.push(JSON.parse(line)) });
  return { clock, lines, log: new StreamLog(clock, log, 'cam-a') };
}

t.test(
  'stream log: a camera that plays ten seconds and closes, all day, is one pair of lines a minute',
  async (t) => {
    const { clock, lines, log } = rig();
    for (let round = 0; round < 360; round += 1) {
      log.flows({ codec: 'h264' });
      await clock.advance(9_000);
      log.flows({ codec: 'h264' });
      log.failed(round % 2 === 0 ? closed : silent, 200);
      await clock.advance(1_000);
    }
    t.match(lines[0], { msg: 'stream plays', codec: 'h264', failures: 0 });
    t.match(lines[1], { msg: 'no stream from the camera', count: 1 });
    t.ok(lines.length > 100 && lines.length < 250, `${lines.length} lines in an hour, of two ways to fail`);
    const told = lines.filter(({ msg }) => msg === 'stream plays').map(({ failures = 0 }) => failures);
    t.ok(told.reduce((sum, one) => sum + one) > 350, 'and the failures are all counted in them');
  },
);

t.test('stream log: a camera that agrees to play and sends nothing never plays', async (t) => {
  const { clock, lines, log } = rig();
  for (let round = 0; round < 100; round += 1) {
    log.failed(closed, 200);
    await clock.advance(1_000);
  }
  t.same(
    lines.map(({ msg, count }) => [msg, count]),
    [
      ['no stream from the camera', 1],
      ['no stream from the camera', 61],
    ],
  );
});

t.test('stream log: what befalls a stream that was steady is a new fault', async (t) => {
  const { clock, lines, log } = rig();
  log.failed(closed, 200);
  log.flows({});
  await clock.advance(60_000);
  log.failed(closed, 200);
  t.same(
    lines.map(({ msg, count, failures }) => [msg, count ?? failures]),
    [
      ['no stream from the camera', 1],
      ['stream plays', 1],
      ['no stream from the camera', 1],
    ],
  );
});
