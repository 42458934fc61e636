import t from 'tap';
import { Confirmed, judgePath } from '../../../agent/health/backbone/judge.ts';
import { PathWindow } from '../../../agent/health/backbone/window.ts';

const LIMITS = { windowS: 30, roundTripLimitMs: 250, lossLimitPercent: 2, waitingLimitPercent: 100 };
const WELL = { answered: true, kbps: 800, waitingPercent: 0, lossPercent: 0.5, roundTripMs: 20 };

t.test('backbone: what a path carries and loses is counted by its own connections', async (t) => {
  const window = new PathWindow();
  const line = (takenBytes: number) => [{ localPort: 41_000, takenBytes, waitingBytes: 0 }];
  const kernel = (sent: number, lost: number) =>
    window.kernel(
      new Map([
        [41_000, { sent, lost }],
        [42_000, { sent: 9_000, lost: 9_000 }],
      ]),
    );
  window.look(line(5_000), []);
  kernel(1_000, 500);
  t.notOk('lossPercent' in window.sum(1_000), 'what was before is not of this window');
  window.look(line(130_000), [30, 10, 20]);
  kernel(1_080, 504);
  t.match(window.sum(1_000), { kbps: 1_000, roundTripMs: 20, roundTripMaxMs: 30, answered: true });
  kernel(1_200, 510);
  const { lossPercent, ...rest } = window.sum(1_000);
  t.equal(lossPercent, 5, '10 of 200, once there are enough to say so');
  t.match(rest, { roundTripMs: 20, answered: false }, 'the last round trip that is known');
});

t.test('backbone: a path that loses too much is lossy, once two windows say so', async (t) => {
  t.equal(judgePath(WELL, LIMITS).cause, 'none');
  t.equal(judgePath({ ...WELL, lossPercent: 2 }, LIMITS).cause, 'none', 'at its limit');
  const lossy = judgePath({ ...WELL, lossPercent: 2.5, roundTripMs: 900 }, LIMITS);
  t.match(lossy, { cause: 'backbone-lossy', detail: '2.5 % of what was sent was lost, at most 2 %' });
  t.equal(judgePath({ ...WELL, roundTripMs: 900 }, LIMITS).cause, 'backbone-slow');
  t.equal(judgePath({ ...WELL, waitingPercent: 100, lossPercent: 50 }, LIMITS).cause, 'backbone-full');
  const path = new Confirmed();
  const said = (fault: typeof lossy) => {
    path.take(fault, true);
    return path.declared.cause;
  };
  const good = judgePath(WELL, LIMITS);
  t.same([good, lossy, good, lossy, lossy, good, lossy, good, good].map(said), [
    ...['none', 'none', 'none', 'none', 'backbone-lossy', 'backbone-lossy'],
    ...['backbone-lossy', 'backbone-lossy', 'none'],
  ]);
});
