import t from 'tap';
import { CameraProcess } from '../support/camera/camera-process.ts';
import type { CameraOrder } from '../support/camera/main.ts';
import { RawClient } from './raw-client.ts';

const orders: CameraOrder[] = Array.from({ length: 20 }, (_, i) => ({
  name: `cam-${i}`,
  clip: i % 2 === 0 ? 'h264' : 'h265',
  user: 'u',
  password: 'p',
  inputs: ['door'],
  rtsp: { login: 'none' },
}));

t.test('twenty cameras in one process stream at the same time, and obey commands', async (t) => {
  const cameras = await CameraProcess.start(orders);
  t.teardown(() => cameras.stop());
  t.equal(cameras.places.length, 20);
  const clients = await Promise.all(
    cameras.places.map(async ({ rtspUrl }) => {
      const client = await RawClient.connect(rtspUrl);
      await client.setup();
      await client.ask('PLAY');
      return client;
    }),
  );
  await Promise.all(clients.map((client) => client.until(() => client.rtp.length >= 20)));
  t.match(await cameras.command('cam-3', { do: 'counters' }), { rtsp: { plays: 1 } });
  await cameras.command('cam-3', { do: 'unplug' });
  await clients[3]?.until(() => clients[3]?.closed === true);
  await cameras.command('cam-3', { do: 'plug' });
  t.notOk(clients[4]?.closed);
  await t.rejects(cameras.command('cam-4', { do: 'dance' } as never), /no such command/);
  for (const client of clients) client.close();
});

t.test('a camera plays any Annex B file', async (t) => {
  const file = new URL('../fixtures/clips/h264-small.264', import.meta.url).pathname;
  const clip = { file, codec: 'h264', framesPerSecond: 25 } as const;
  const cameras = await CameraProcess.start([
    { name: 'own', clip, user: 'u', password: 'p', rtsp: { login: 'none' } },
  ]);
  t.teardown(() => cameras.stop());
  const client = await RawClient.connect(cameras.places[0]?.rtspUrl ?? '');
  t.match(await client.ask('DESCRIBE'), /a=framerate:25/);
  client.close();
});
