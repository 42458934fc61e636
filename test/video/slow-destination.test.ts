import { readFileSync } from 'node:fs';
import t from 'tap';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { GstRecorder } from '../support/gst-recorder.ts';
import { heavyClip } from '../support/heavy-clip.ts';
import { SlowPeer } from '../support/slow-peer.ts';
import { until } from '../support/until.ts';
import { camera } from './parts.ts';
import { cameraAt, VideoPlane } from './plane.ts';

const MIB = 2 ** 20;
/** Of each slow destination: some pictures of the heavy camera. */
const CREDIT_BYTES = 4 * MIB;
const PICTURE_BYTES = 500_000;
/** What comes for each slow destination while it is blocked: kept, it would be in memory. */
const MORE_BYTES = 40 * MIB;
/** Source: measured, 3 MiB. */
const MOST_GROWTH_BYTES = 30 * MIB;

/** Most memory that the process ever had, bytes. @see proc_pid_status(5), VmHWM */
function mostMemory(pid = 0): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

t.test(
  'video: a broker and a media server that take one byte per second are named, cost their credit, and harm no other',
  async (t) => {
    const [broker, slow, good] = await Promise.all([
      SlowPeer.start('mqtt'),
      SlowPeer.start('rtsp'),
      GstRecorder.start(),
    ]);
    t.teardown(() => Promise.all([broker.stop(), slow.stop(), good.kill()]));
    const login = { user: 'beffroi', password: 'Geheim-17' };
    const clip = heavyClip(25, 25, PICTURE_BYTES);
    const heavy = new SimulatedCamera({ name: 'cam-heavy', clip, ...login });
    await heavy.start();
    t.teardown(() => heavy.stop());
    const plane = await VideoPlane.start(`mqtt://127.0.0.1:${broker.port}`);
    t.teardown(() => plane.stop());
    const { agent } = plane;
    const watched = await camera(t, {});
    const server = { id: 'dst-good', kind: 'rtsp' as const, url: good.url, creditBytes: 32 * MIB };
    agent.link.setCameras([cameraAt('cam-good', watched.url, { destinations: [server] })]);
    await until(() => good.pictures.length > 0);

    const rtsp = { id: 'dst-slow', kind: 'rtsp' as const, url: `rtsp://127.0.0.1:${slow.port}/live` };
    const destinations = [
      { id: 'mqtt', kind: 'mqtt' as const, creditBytes: CREDIT_BYTES },
      { ...rtsp, creditBytes: CREDIT_BYTES },
    ];
    const both = [
      cameraAt('cam-good', watched.url, { destinations: [server] }),
      cameraAt('cam-heavy', heavy.rtsp.url, {
        ...{ destinations, cacheBytes: MIB, credentials: { version: 1, ...login } },
      }),
    ];
    agent.link.setCameras(both);
    const said = (id: string) =>
      agent.destinations.findLast((one) => one.camera === 'cam-heavy' && one.destination === id);
    const isNamed = (id: string) => said(id)?.state === 'blocked' && said(id)?.code === 'destination-slow';
    await agent.until(() => isNamed('mqtt') && isNamed('dst-slow'));
    for (const id of ['mqtt', 'dst-slow'])
      t.match(said(id), { detail: /^expected at most 4194304 bytes to wait, \d+ do and \d+ came$/ });

    const before = mostMemory(plane.child?.pid);
    const from = agent.measures.length;
    const came = () =>
      agent.measures.slice(from).reduce((sum, one) => sum + (one.camera === 'cam-heavy' ? one.bytes : 0), 0);
    await agent.until(() => came() >= MORE_BYTES);
    const grown = mostMemory(plane.child?.pid) - before;
    t.ok(grown < MOST_GROWTH_BYTES, `${Math.round(grown / MIB)} MiB more`);
    const waiting = agent.destinations
      .filter((one) => one.camera === 'cam-heavy')
      .map((one) => one.waitingBytes);
    t.ok(Math.max(...waiting) <= CREDIT_BYTES, `${Math.max(...waiting)} bytes waited at most`);
    t.ok(Math.max(...waiting) > CREDIT_BYTES - 3 * PICTURE_BYTES, 'the credit is used');
    for (const peer of [broker, slow]) await until(() => (peer.taken.get(1) ?? 0) > 0); // it takes bytes all the while

    const got = good.pictures.map(({ nals }) => nals.at(-1)?.sha1);
    const sent = () => watched.sent.map(({ nals }) => nals.at(-1));
    const first = sent().indexOf(got[0]);
    await until(() => sent().length >= first + got.length);
    t.ok(got.length > 25, `${got.length} pictures beside it`);
    t.same(got, sent().slice(first, first + got.length), 'the other server has every picture');
    t.same(
      agent.gaps.filter((gap) => gap.camera === 'cam-good'),
      [],
    );
    t.equal(good.recordings, 1);
  },
);
