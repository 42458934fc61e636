import t from 'tap';
import { GstCamera } from '../support/gst-camera.ts';
import { configurationOf, Scene, simulatedCamera } from '../support/scene.ts';

interface Told {
  point: string;
  transition: string;
}

t.test(
  'system: events on the metadata track of the stream are alarms, without a subscription until the track is lost',
  async (t) => {
    const gst = await GstCamera.start({ inputs: 'DI_1' });
    t.teardown(() => gst.stop());
    const onvif = await simulatedCamera(t, ['DI_1']);
    const scene = await Scene.create(t);
    const { csu, box } = scene;
    box.start();
    const configuration = configurationOf(onvif, ['DI_1']) as { cameras: object[]; points: { id: string }[] };
    const [camera] = configuration.cameras;
    const [point] = configuration.points;
    await scene.push({
      ...configuration,
      cameras: [{ ...camera, rtsp: { port: gst.port, path: '/stream' } }],
      points: [{ ...point, id: 'pt-porte' }],
    });
    const state = (wanted: string) => () =>
      csu.json<{ state: string }>('pt-porte/state/alarm-current').at(-1)?.state === wanted;
    const told = () => csu.events<Told>('/event/alarm').map(({ transition }) => transition);

    await csu.until('the state is known by the track', state('cleared'));
    await gst.setInput('DI_1', true);
    await csu.until('the alarm', state('raised'));
    await csu.until('its event', () => told().length === 1);
    t.equal(onvif.counters.onvif.subscriptions, 0, 'no subscription was taken');

    onvif.setInput('DI_1', true);
    await gst.loseMetadata();
    await csu.until('a subscription', () => onvif.counters.onvif.subscriptions >= 1);
    onvif.setInput('DI_1', false);
    await csu.until('the end of the alarm, by the subscription', () => told().length === 2);
    t.same(told(), ['raised', 'cleared']);
    t.equal(new Set(gst.sent.map(({ client }) => client)).size, 1, 'the pictures went on');
  },
);
