import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { Mosquitto } from '../support/mosquitto.ts';
import { camera } from './parts.ts';
import { cameraAt, VideoPlane } from './plane.ts';

const MIB = 2 ** 20;
const SAID = 'no rtsp://beffroi:Geheim-17@media/live?key=Geheim-18 here';

t.test('video: what a media server says is told without the secrets of the addresses in it', async (t) => {
  const refusing = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (request: Buffer) => {
      const cseq = /CSeq: (\d+)/.exec(request.toString())?.[1];
      if (cseq) socket.write(`RTSP/1.0 404 ${SAID}\r\nCSeq: ${cseq}\r\n\r\n`);
    });
  });
  refusing.listen(0, '127.0.0.1');
  await once(refusing, 'listening');
  t.teardown(() => refusing.close());
  const broker = await Mosquitto.start(t.testdir());
  t.teardown(() => broker.stop());
  const plane = await VideoPlane.start(broker.url);
  t.teardown(() => plane.stop());
  const { port } = refusing.address() as AddressInfo;
  const server = {
    id: 'dst-a',
    kind: 'rtsp' as const,
    creditBytes: MIB,
    url: `rtsp://127.0.0.1:${port}/live`,
  };
  plane.agent.link.setCameras([cameraAt('cam-a', (await camera(t, {})).url, { destinations: [server] })]);
  const { destinations } = plane.agent;
  await plane.agent.until(() => destinations.some(({ code }) => code !== undefined));
  const told = destinations.find(({ code }) => code !== undefined);
  t.match(told, {
    state: 'failed',
    code: 'destination-refused',
    detail: /rtsp:\/\/\*\*\*@media\/live\?\*\*\*/,
  });
  t.notMatch(JSON.stringify(destinations), 'Geheim');
  t.notMatch(plane.log, 'Geheim');
});
