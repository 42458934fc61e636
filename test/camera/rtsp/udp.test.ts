import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../../agent/base/clock.ts';
import { UdpTrack } from '../../../agent/camera/rtsp/udp-track.ts';
import { UdpTrials } from '../../../agent/camera/rtsp/udp-trials.ts';
import type { AccessUnit } from '../../../agent/camera/types.ts';
import { createBroker, createRoot } from '../../../provisioning/certificates.ts';
import { clip } from '../../support/clips.ts';
import { GstCamera, type GstCameraOptions } from '../../support/gst-camera.ts';
import { until } from '../../support/until.ts';
import { credentials, Pulling, TestPermit } from './pulling.ts';
import { good, pictures, RawCamera, reply, type Script } from './raw-camera.ts';
import { clientPorts, picture, socketAt, UdpSide } from './udp-side.ts';

const UDP = { transport: 'udp', stallTimeoutMs: 120_000 } as const;
const login = { user: credentials.user, password: credentials.password };

const sha1 = (nal: Buffer) => createHash('sha1').update(nal).digest('hex');
const hashes = (units: readonly AccessUnit[]) => units.map(({ nals }) => nals.map(sha1));

async function gstreamer(t: Test, options: GstCameraOptions): Promise<GstCamera> {
  const camera = await GstCamera.start(options);
  t.teardown(() => camera.stop());
  return camera;
}

const cases: readonly [name: string, options: GstCameraOptions][] = [
  ['H.264 with digest login and a sound track', { codec: 'h264', ...login, sound: true }],
  ['H.265 with B frames', { codec: 'h265', bframes: 3 }],
];
for (const [name, options] of cases) {
  t.test(`UDP: a GStreamer camera that offers nothing else: ${name}: byte for byte`, async (t) => {
    const frames = 50;
    const camera = await gstreamer(t, { frames, udp: 'only', ...options });
    const pulling = new Pulling({ url: camera.url, ...(options.user ? { credentials } : {}) }, UDP);
    await pulling.has(frames);
    t.equal(await pulling.stop(), undefined);
    const sent = camera.sent.map(({ nals }) => nals);
    t.same(hashes(pulling.units), sent);
    t.match(pulling.counters(), { rtpLost: 0, framesDamaged: 0 });
  });
}

t.test('UDP: a metadata track comes over UDP too', async (t) => {
  const camera = await gstreamer(t, { udp: 'only', inputs: 'in1' });
  const pulling = new Pulling({ url: camera.url }, UDP, undefined, true);
  await pulling.hears(() => pulling.documents.some((text) => text.includes('Initialized')));
  await camera.setInput('in1', true);
  await pulling.hears(() => pulling.documents.some((text) => text.includes('Changed')));
  await pulling.has(5);
  t.same(pulling.said, ['asked', 'readable']);
  t.equal(await pulling.stop(), undefined);
});

t.test(
  'UDP: a camera that does not offer it is asked over TCP where that is configured, and not else',
  async (t) => {
    const camera = await gstreamer(t, { frames: 30 });
    const strict = new Pulling({ url: camera.url }, UDP);
    t.equal((await strict.ended)?.code, 'camera-unsupported');
    const pulling = new Pulling({ url: camera.url }, { ...UDP, transport: 'udp-or-tcp' });
    await pulling.has(30);
    t.equal(await pulling.stop(), undefined);
    t.match(pulling.counters(), { rtpLost: 0, framesDamaged: 0 });
  },
);

const numbers = (pulling: Pulling) => pulling.units.map(({ nals }) => nals[0]?.[2]);

async function pulled(t: Test, side: UdpSide, play: () => void): Promise<Pulling> {
  const camera = await RawCamera.start(side.script(play));
  t.teardown(() => camera.stop());
  return new Pulling({ url: camera.url }, UDP);
}

t.test('UDP: packets that change places and come twice come out in order and once', async (t) => {
  const side = await UdpSide.open(t);
  const pulling = await pulled(t, side, () => {
    for (const sequence of [65534, 65536, 65535, 65535, 65539, 65538, 65537, 65536, 65540, 65541])
      side.send(sequence);
  });
  await pulling.has(7);
  t.same(numbers(pulling), [254, 255, 0, 1, 2, 3, 4]);
  t.match(pulling.counters(), { rtpLost: 0, framesDamaged: 0 });
  t.equal(await pulling.stop(), undefined);
});

t.test('UDP: what is lost is counted and marked, and the stream goes on', async (t) => {
  const side = await UdpSide.open(t);
  const pulling = await pulled(t, side, () => {
    for (let sequence = 0; sequence < 200; sequence += 1) if (sequence !== 50) side.send(sequence);
  });
  await pulling.has(190);
  t.match(pulling.counters(), { rtpLost: 1 });
  t.same(
    pulling.units.filter(({ damaged }) => damaged).map(({ nals }) => nals[0]?.[2]),
    [51],
  );
  t.equal(await pulling.stop(), undefined);
});

t.test(
  'UDP: nothing is taken from another address, nor from another port once the named one sends',
  async (t) => {
    const side = await UdpSide.open(t);
    const stranger = await socketAt(t, '127.0.0.2');
    const moved = await socketAt(t, '127.0.0.1');
    const inOrder = async () => {
      const done = (socket: UdpSocket, sequence: number) =>
        new Promise<void>((resolve) =>
          socket.send(picture(sequence), side.ports[0], '127.0.0.1', () => resolve()),
        );
      await done(stranger, 1000);
      await done(moved, 1); // a camera may send from where it likes
      await done(side.rtp, 2); // until it sends from where it said
      await done(moved, 3);
      await done(stranger, 4);
      for (let sequence = 3; sequence < 9; sequence += 1) await done(side.rtp, sequence);
    };
    const pulling = await pulled(t, side, () => void inOrder());
    await pulling.has(7);
    t.same(numbers(pulling), [1, 2, 3, 4, 5, 6, 7]);
    t.match(pulling.counters(), { rtpLost: 0, framesDamaged: 0 });
    t.equal(await pulling.stop(), undefined);
  },
);

t.test(
  'UDP: the ports of the camera hear of us before PLAY, so that what filters on the way lets it answer',
  async (t) => {
    const side = await UdpSide.open(t);
    const pulling = await pulled(t, side, () => side.send(1));
    await side.hears(() => ['rtp', 'rtcp'].every((at) => side.heard.some((one) => one.at === at)));
    const report = side.heard.find(({ at }) => at === 'rtcp')?.bytes ?? Buffer.alloc(0);
    t.same([...report.subarray(0, 4)], [0x80, 201, 0, 1], 'a receiver report [RFC 3550 §6.4.2]');
    t.same(
      [...report.subarray(8, 12)],
      [0x81, 202, 0, report.length / 4 - 3],
      'with the name of its source [§6.1]',
    );
    t.equal(side.ports[0] % 2, 0, 'RTP has an even port and RTCP the next one [§11]');
    t.equal(side.ports[1], side.ports[0] + 1);
    t.equal(await pulling.stop(), undefined);
  },
);

/** A camera that says yes to UDP and whose packets never arrive; over TCP it works. */
function deaf(): Script {
  let isUdp = false;
  return {
    ...good(),
    SETUP: ({ text }) => {
      isUdp = text.includes('client_port');
      const transport = isUdp
        ? `RTP/AVP;unicast;client_port=${clientPorts(text).join('-')}`
        : 'RTP/AVP/TCP;interleaved=0-1';
      return reply('200 OK', [`Transport: ${transport}`, 'Session: s1']);
    },
    PLAY: (_, socket) => {
      if (!isUdp) setImmediate(() => socket.write(pictures(3)));
      return reply('200 OK', ['Session: s1']);
    },
  };
}

t.test(
  'UDP: where no packet arrives in time, that is said, and TCP is used where it is configured',
  async (t) => {
    const camera = await RawCamera.start(deaf());
    t.teardown(() => camera.stop());
    const QUICK = { stallTimeoutMs: 500 };
    const strict = await new Pulling({ url: camera.url }, { ...QUICK, transport: 'udp' }).ended;
    t.equal(strict?.code, 'camera-udp-blocked');
    const trials = new UdpTrials(systemClock);
    const pull = () =>
      new Pulling({ url: camera.url }, { ...QUICK, transport: 'udp-or-tcp' }, undefined, false, trials);
    const setups = () =>
      camera.heard.filter(({ method }) => method === 'SETUP').map(({ text }) => /client_port/.test(text));
    for (const asked of [
      [true, true, false],
      [true, true, false, false],
    ]) {
      const pulling = pull();
      await pulling.has(3);
      t.equal(await pulling.stop(), undefined);
      t.same(setups(), asked, 'the next pull does not wait for it again');
    }
  },
);

t.test('UDP: a stream over TLS never leaves its connection', async (t) => {
  const root = await createRoot('Camera', Date.now());
  const { certificate: cert, key } = await createBroker(root, ['127.0.0.1'], Date.now());
  const camera = await RawCamera.start(good(3), { key, cert });
  t.teardown(() => camera.stop());
  const pulling = new Pulling({ url: camera.url }, UDP);
  await pulling.has(3);
  t.equal(await pulling.stop(), undefined);
  t.match(camera.heard.find(({ method }) => method === 'SETUP')?.text, 'RTP/AVP/TCP');
});

t.test('UDP: RTP that ffmpeg sends is read, byte for byte', async (t) => {
  let child: ChildProcess | undefined;
  const file = join(import.meta.dirname, '../../fixtures/clips/h264-small.264');
  const side = await UdpSide.open(t);
  const camera = await RawCamera.start(
    side.script(() => {
      const to = `rtp://127.0.0.1:${side.ports[0]}?rtcpport=${side.ports[1]}&pkt_size=1200`;
      const args = [
        '-v',
        'error',
        '-re',
        '-f',
        'h264',
        '-i',
        file,
        '-c',
        'copy',
        '-payload_type',
        '96',
        '-f',
        'rtp',
        to,
      ];
      child = spawn('ffmpeg', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    }),
  );
  t.teardown(() => camera.stop());
  const pulling = new Pulling({ url: camera.url }, UDP);
  const wanted = clip('h264-small').units.map(({ nals }) => nals.map(sha1));
  await pulling.has(wanted.length - 1);
  t.equal(await pulling.stop(), undefined);
  if (child?.exitCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  t.same(hashes(pulling.units).slice(0, wanted.length - 1), wanted.slice(0, -1));
});

/** What this process has open. */
const openFiles = () => readdirSync('/proc/self/fd').length;

t.test('UDP: ports that cannot be had leave no socket open', async (t) => {
  const before = openFiles();
  const ends = { localAddress: '192.0.2.1', remoteAddress: '192.0.2.2' }; // of nobody, as RFC 5737 has it
  await t.rejects(
    UdpTrack.open('cam-a', ends, 0, () => undefined),
    { code: 'camera-udp-blocked' },
  );
  t.ok(openFiles() < before + 16, 'and there were 32 tries');
});

t.test('UDP: a pull that ends while the ports are opened leaves none open', async (t) => {
  const camera = await RawCamera.start(good(0));
  t.teardown(() => camera.stop());
  const before = openFiles();
  for (let pulls = 0; pulls < 8; pulls += 1) {
    const pulling: Pulling = new Pulling({ url: camera.url }, UDP, new TestPermit(), false, undefined, () =>
      pulling.stop(),
    );
    t.equal(await pulling.ended, undefined);
  }
  await until(() => openFiles() < before + 8); // of two for each
  t.pass('all are closed');
});
