import t from 'tap';
import { TestClock } from '../support/test-clock.ts';
import { cameraAt, dateAnswer, never, serve } from './onvif/support.ts';

t.test(
  'a camera is asked forty times at once and once a second after that, whoever wants more',
  async (t) => {
    let asked = 0;
    const port = await serve(t, (_one, response) => {
      asked += 1;
      response.end(dateAnswer(new Date()));
    });
    const clock = new TestClock();
    const { camera } = cameraAt(port, {}, clock);
    for (let i = 0; i < 40; i += 1) await camera.systemTime(never);
    t.equal(asked, 40);
    const later = Array.from({ length: 12 }, () => camera.systemTime(never));
    await t.rejects(camera.systemTime(never), { code: 'camera-request-limit', message: /cam-1/ });
    t.equal(asked, 40, 'the others wait');
    for (let i = 0; i < 12; i += 1) {
      await clock.advance(1_000);
      await later[i];
    }
    t.equal(asked, 52);
    const leaves = AbortSignal.abort(new RangeError('gone'));
    await t.rejects(camera.systemTime(leaves), { message: 'gone' });
  },
);
