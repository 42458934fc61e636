import t from 'tap';
import { good, pictures, RawCamera, reply } from '../camera/rtsp/raw-camera.ts';
import { FarNetwork, MAY_MAKE_NETWORKS } from '../support/far-network.ts';
import { camera, parts } from './parts.ts';
import { type AgentEnd, cameraAt } from './plane.ts';

const PICTURE_MS = 40;

/** As on a box. Shorter, and a machine that is slow for a moment would stall by itself before the camera does. */
const STALL_MS = 3_000;

t.test('stall: a camera that stops its pictures is the cause, for it still answers', async (t) => {
  const { plane } = await parts(t);
  const gst = await camera(t, { sound: true });
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { stallTimeoutMs: STALL_MS })]);
  await plane.agent.phase('cam-a', 'playing');
  await gst.stall();
  const since = plane.agent.streams.length;
  const stopped = () =>
    plane.agent.streams
      .slice(since)
      .find(({ phase, detail }) => phase === 'stalled' && /stopped its pictures/.test(detail));
  await plane.agent.until(() => stopped() !== undefined);
  t.match(stopped(), { code: 'camera-stalled' });
});

/** What is told first of a stream that plays once its cable is out, by a process that did not stand still meanwhile. */
async function afterCut(agent: AgentEnd, network: FarNetwork) {
  for (;;) {
    await agent.phase('cam-a', 'playing');
    const since = agent.streams.length;
    network.cut();
    const broken = () =>
      agent.streams.slice(since).find(({ phase }) => phase === 'stalled' || phase === 'failed');
    await agent.until(() => broken() !== undefined);
    if (broken()?.code !== 'video-process-late') return broken();
    network.mend();
  }
}

t.test(
  'stall: a cable that is pulled out is the cause, and told from the camera by what is not acknowledged',
  async (t) => {
    if (!MAY_MAKE_NETWORKS) return t.pass('needs root to make a network', { skip: true });
    const { plane } = await parts(t);
    const network = FarNetwork.make(t);
    const gst = await camera(t, { network });
    plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { stallTimeoutMs: STALL_MS })]);
    t.match(await afterCut(plane.agent, network), {
      ...{ phase: 'stalled', code: 'camera-path-lost', detail: /is not acknowledged/ },
    });
    network.mend();
    await plane.agent.phase('cam-a', 'playing');
  },
);

t.test('stall: a video process that stood still until the camera gave it up blames itself', async (t) => {
  const { plane } = await parts(t);
  const sent: { pictures: number; wake: () => void } = { pictures: 0, wake: () => undefined };
  const stream = await RawCamera.start({
    ...good(),
    PLAY: (_, socket) => {
      const timer = setInterval(() => {
        socket.write(pictures(1, 0, sent.pictures));
        sent.pictures += 1;
        sent.wake();
      }, PICTURE_MS);
      socket.on('close', () => clearInterval(timer));
      return reply('200 OK', ['Session: s1']);
    },
  });
  t.teardown(() => stream.stop());
  const hasSent = async (count: number) => {
    while (sent.pictures < count)
      await new Promise<void>((resolve) => Object.assign(sent, { wake: resolve }));
  };
  plane.agent.link.setCameras([cameraAt('cam-a', stream.url, { stallTimeoutMs: 5_000 })]);
  await plane.agent.until(() => plane.agent.measures.some(({ frames }) => frames > 0));
  plane.child?.kill('SIGSTOP');
  await hasSent(sent.pictures + 3000 / PICTURE_MS);
  for (const socket of stream.sockets) socket.destroy();
  plane.child?.kill('SIGCONT');
  await plane.agent.phase('cam-a', 'failed');
  const failed = plane.agent.streams.filter(({ phase }) => phase === 'failed' || phase === 'stalled');
  t.match(failed, [{ code: 'video-process-late', detail: /this process stood still/ }]);
  await plane.agent.phase('cam-a', 'playing');
});
