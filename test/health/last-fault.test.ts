import t from 'tap';
import { isAnother } from '../../agent/health/last-fault.ts';

const fault = (cause: string, next: string) => ({ state: 'degraded', cause, sinceMs: 1, untilMs: 2, next });

t.test('a fault that takes the place of another sight of it is no repair', async (t) => {
  for (const [cause, now] of [
    ['picture-black', 'picture-covered'],
    ['camera-login-refused', 'camera-latched'],
    ['camera-latched', 'camera-insecure-login'],
    ['camera-clock-offset', 'camera-clock-zone'],
    ['camera-loss', 'camera-low-rate'],
    ['box-unread', 'camera-no-key-picture'],
    ['camera-law-breach', 'camera-law-breach'],
  ] as const) {
    t.notOk(isAnother(fault(cause, now), now), `${cause}, ${now}`);
    t.notOk(isAnother(fault(now, cause), cause), `${now}, ${cause}`);
  }
});

t.test(
  'another fault that showed as the first was over is another, and one that came later is not',
  async (t) => {
    t.ok(isAnother(fault('picture-black', 'camera-loss'), 'camera-loss'));
    t.ok(isAnother(fault('camera-unreachable', 'picture-black'), 'picture-black'));
    t.notOk(isAnother(fault('picture-black', 'none'), 'camera-loss'));
  },
);
