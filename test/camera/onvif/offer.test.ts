import t from 'tap';
import { cameraAt, captured, never, serve } from './support.ts';

t.test(
  'ONVIF Core §9.6: the captured scopes and topics of a camera give its profiles and events',
  async (t) => {
    const port = await serve(t, (one, response) => {
      response.end(captured(one.method));
    });
    const { camera } = cameraAt(port);
    const { services, profiles, topics } = await camera.offer(never);
    t.same([...services].sort(), ['device', 'deviceio', 'events', 'media', 'ptz']);
    t.same(profiles, ['S']);
    t.same(topics, [
      'Device/Trigger/DigitalInput',
      'VideoSource/MotionAlarm',
      'Device/IO/Port',
      'VideoAnalytics/MotionDetection',
    ]);
  },
);

t.test('a camera that does not say its scopes and events has none', async (t) => {
  const port = await serve(t, (one, response) => {
    if (one.method === 'GetServices') response.end(captured('GetServices'));
    else {
      response.statusCode = 405;
      response.end();
    }
  });
  const { profiles, topics } = await cameraAt(port).camera.offer(never);
  t.same([profiles, topics], [[], []]);
});
