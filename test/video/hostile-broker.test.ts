import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { GstRecorder } from '../support/gst-recorder.ts';
import { until } from '../support/until.ts';
import { camera } from './parts.ts';
import { cameraAt, VideoPlane } from './plane.ts';

const MIB = 2 ** 20;
const CONNACK = Buffer.from([0x20, 3, 0, 0, 0]);
/** A PUBLISH of 20 MB. */
const PUBLISH = Buffer.concat([Buffer.from([0x30, 0x80, 0x80, 0x80, 0x0a]), Buffer.alloc(20 * MIB)]);
const PINGRESPS = Buffer.alloc(MIB, Buffer.from([0xd0, 0]));
/** Above this the process keeps what a broker sends. Source: measured, 20 MB grow with the bound and 160 without. */
const MOST_GROWTH_KB = 100 * 1024;

/** A broker that takes everything, and when told sends without end: a large message, and the smallest packets. */
async function flooding(t: Test) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined).resume();
    socket.once('data', () => socket.write(CONNACK));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const flood = () => {
    const socket = sockets.at(-1);
    const more = () => {
      while (socket && !socket.destroyed && socket.writableLength < MIB) socket.write(PINGRESPS);
      socket?.once('drain', more);
    };
    socket?.write(PUBLISH);
    more();
  };
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, flood };
}

const memoryKb = (pid = 0) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);

t.test('video: a broker that floods harms no other destination and fills no memory', async (t) => {
  const { url, flood } = await flooding(t);
  const plane = await VideoPlane.start(url);
  t.teardown(() => plane.stop());
  const server = await GstRecorder.start();
  t.teardown(() => server.kill());
  const gst = await camera(t, {});
  const destinations = [
    { id: 'mqtt', kind: 'mqtt' as const, creditBytes: 4 * MIB },
    { id: 'dst-1', kind: 'rtsp' as const, creditBytes: 4 * MIB, url: server.url },
  ];
  plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { destinations })]);
  await until(() => server.pictures.length > 0);
  const before = memoryKb(plane.child?.pid);
  flood();
  const pictures = server.pictures.length;
  await until(() => server.pictures.length > pictures + 75);
  const grown = memoryKb(plane.child?.pid) - before;
  t.ok(grown < MOST_GROWTH_KB, `${Math.round(grown / 1024)} MB more`);
  const lost = plane.agent.gaps.filter(({ destination }) => destination === 'dst-1');
  t.same(lost, [], 'the other has every picture');
});
