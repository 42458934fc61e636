import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import { SimulatedCamera } from '../support/camera/camera.ts';
import type { RtspOptions } from '../support/camera/rtsp-options.ts';
import { clip } from '../support/clips.ts';
import { RawClient } from './raw-client.ts';

/** Ticks of the RTP clock between two pictures of the clips. */
const FRAME_TICKS = 6000;

async function camera(t: Test, rtsp: Partial<RtspOptions> = {}): Promise<SimulatedCamera> {
  const made = new SimulatedCamera({
    name: 'cam',
    clip: 'h264',
    user: 'u',
    password: 'p',
    rtsp: { login: 'none', maxCatchUpMs: Number.POSITIVE_INFINITY, ...rtsp },
  });
  await made.start();
  t.teardown(() => made.stop());
  return made;
}

async function connected(t: Test, made: SimulatedCamera): Promise<RawClient> {
  const client = await RawClient.connect(made.rtsp.url);
  t.teardown(() => client.close());
  return client;
}

async function playing(t: Test, made: SimulatedCamera): Promise<RawClient> {
  const client = await connected(t, made);
  await client.setup();
  await client.ask('PLAY');
  return client;
}

const sequence = (packet: Buffer) => packet.readUInt16BE(2);
const timestamp = (packet: Buffer) => packet.readUInt32BE(4);
const marked = (packet: Buffer) => ((packet[1] ?? 0) & 0x80) !== 0;
const pictures = (client: RawClient) => client.rtp.filter(marked).length;

t.test(
  'the stream begins where RTP-Info says, without gaps, a marker at the end of each picture',
  async (t) => {
    const made = await camera(t);
    const client = await connected(t, made);
    await client.setup();
    const info = /seq=(\d+);rtptime=(\d+)/.exec(await client.ask('PLAY'));
    await client.until(() => pictures(client) >= 5);
    const [first = Buffer.alloc(12)] = client.rtp;
    t.equal(sequence(first), Number(info?.[1]));
    t.equal(timestamp(first), Number(info?.[2]));
    for (const [i, packet] of client.rtp.entries()) t.equal(sequence(packet), (sequence(first) + i) & 0xffff);
    const times = client.rtp.filter(marked).map(timestamp);
    t.strictSame(
      times,
      times.map((_, i) => (timestamp(first) + i * FRAME_TICKS) >>> 0),
    );
  },
);

t.test('a sender report comes before the first picture and names its capture time', async (t) => {
  const made = await camera(t);
  made.setClockOffset(-3_600_000);
  const client = await playing(t, made);
  await client.until(() => client.rtp.length > 0);
  const [first] = client.packets;
  t.equal(first?.channel, 1);
  const report = first?.payload ?? Buffer.alloc(28);
  t.equal(report[1], 200, 'a sender report');
  const unixS = report.readUInt32BE(8) - 2_208_988_800;
  t.ok(Math.abs(unixS - (Date.now() / 1000 - 3600)) < 60, 'on the clock of the camera');
});

t.test('a stalled camera goes on with RTCP, and resumes with a key picture', async (t) => {
  const made = await camera(t, { senderReportIntervalMs: 50 });
  const client = await playing(t, made);
  await client.until(() => client.rtp.length > 0);
  made.stall(true);
  const before = client.rtp.length;
  const reports = client.rtcp.length;
  await client.until(() => client.rtcp.length >= reports + 5);
  const during = client.rtp.length;
  t.ok(during - before <= 20, 'at most what was on its way');
  made.stall(false);
  await client.until(() => client.rtp.length > during);
  const type = (client.rtp[during]?.[12] ?? 0) & 0x1f;
  t.equal(type, 24, 'parameter sets lead the key picture, aggregated');
});

t.test('a share of packets is dropped, and the rest keeps its numbers', async (t) => {
  const made = await camera(t);
  made.rtsp.faults.dropPercent = 30;
  const client = await playing(t, made);
  await client.until(() => client.rtp.length >= 60);
  t.ok(made.counters.rtsp.packetsDropped > 0);
  const steps = client.rtp.slice(1).map((packet, i) => sequence(packet) - sequence(client.rtp[i] as Buffer));
  t.ok(steps.some((step) => step > 1 || step < 0));
});

t.test('packets are repeated and change places', async (t) => {
  const made = await camera(t);
  Object.assign(made.rtsp.faults, { duplicatePercent: 30, reorderPercent: 30 });
  const client = await playing(t, made);
  await client.until(() => client.rtp.length >= 80);
  const numbers = client.rtp.map(sequence);
  t.ok(new Set(numbers).size < numbers.length, 'some twice');
  t.ok(
    numbers.some((number, i) => i > 0 && number < (numbers[i - 1] ?? 0)),
    'some late',
  );
});

t.test('after a change of resolution other parameter sets lead a key picture', async (t) => {
  const made = await camera(t);
  const client = await playing(t, made);
  await client.until(() => pictures(client) >= 2);
  const sps = clip('h264-small').parameterSets[0] as Buffer;
  const carriesSps = (packet: Buffer) => packet.includes(sps);
  t.notOk(client.rtp.some(carriesSps));
  made.rtsp.changeParameterSets();
  await client.until(() => client.rtp.some(carriesSps));
  t.pass('the new ones have come');
});

t.test('RTP time stamps jump when told to', async (t) => {
  const made = await camera(t);
  const client = await playing(t, made);
  await client.until(() => pictures(client) >= 2);
  made.rtsp.jumpTimestamps(900_000);
  const stepsOf = () => {
    const times = client.rtp.filter(marked).map(timestamp);
    return times.slice(1).map((time, i) => (time - (times[i] ?? 0)) >>> 0);
  };
  await client.until(() => stepsOf().includes(900_000 + FRAME_TICKS));
  t.pass('by as much as told, once');
});

t.test('garbage stands between the frames, and frames follow', async (t) => {
  const made = await camera(t);
  const client = await playing(t, made);
  await client.until(() => client.rtp.length > 0);
  const { packetsSent } = made.counters.rtsp;
  made.rtsp.injectGarbage(32);
  await client.until(() => client.unread.subarray(32).includes('$'));
  t.ok(client.rtp.length <= packetsSent, 'the frames behind it cannot be found without a search');
});

t.test('SETUP above the number of sessions is refused with 453', async (t) => {
  const made = await camera(t);
  made.rtsp.faults.maxSessions = 1;
  await playing(t, made);
  const second = await connected(t, made);
  t.match(await second.setup(), /^RTSP\/1\.0 453 /);
});

t.test('DESCRIBE stays unanswered while OPTIONS is answered', async (t) => {
  const made = await camera(t);
  made.rtsp.faults.silentDescribe = true;
  const client = await connected(t, made);
  client.send('DESCRIBE');
  t.match(await client.ask('OPTIONS'), /CSeq: 2/, 'the only reply is the one to OPTIONS');
});

t.test('the connection is closed after the time that was set', async (t) => {
  const made = await camera(t);
  made.rtsp.faults.closeAfterMs = 300;
  const client = await playing(t, made);
  await client.until(() => client.closed);
  t.ok(client.rtp.length > 0, 'after some pictures');
});

t.test(
  'a session without keep-alive ends after its time-out and half of it again [RFC 2326 §12.37]',
  async (t) => {
    const made = await camera(t);
    const client = await playing(t, made);
    Object.assign(made.rtsp.options, { sessionTimeoutS: 0.2 });
    await client.ask('GET_PARAMETER');
    await client.until(() => client.closed);
    t.equal(made.counters.rtsp.keepAlives, 1);
    t.equal(made.counters.rtsp.sessionsTimedOut, 1);
  },
);

t.test('audio that a client sets up is counted', async (t) => {
  const made = await camera(t);
  const client = await connected(t, made);
  t.match(await client.setup('trackID=1', 2), /200 OK/);
  t.equal(made.counters.rtsp.audioSetups, 1);
});

t.test('what is no RTSP, asks for UDP, or names no such track or session is refused', async (t) => {
  const made = await camera(t);
  const client = await connected(t, made);
  t.match(
    await client.ask('SETUP', ['Transport: RTP/AVP;unicast;client_port=5000-5001'], '/trackID=0'),
    / 461 /,
  );
  t.match(await client.ask('DESCRIBE', [], '/nowhere'), / 404 /);
  t.match(await client.ask('PLAY', ['Session: 1']), / 454 /);
  client.write('GET / HTTP/1.1\r\n\r\n');
  await client.until(() => client.closed);
});

t.test('an unplugged camera refuses connections and comes back on the same ports', async (t) => {
  const made = await camera(t);
  const { rtspPort, onvifPort } = made;
  const client = await playing(t, made);
  await made.unplug();
  await client.until(() => client.closed);
  await t.rejects(RawClient.connect(made.rtsp.url), { code: 'ECONNREFUSED' });
  await made.plug();
  t.strictSame([made.rtspPort, made.onvifPort], [rtspPort, onvifPort]);
  const again = await playing(t, made);
  await again.until(() => again.rtp.length > 0);
});

t.test('a camera cut off silently takes connections and says nothing, until it is back', async (t) => {
  const made = await camera(t);
  const before = await playing(t, made);
  await before.until(() => before.rtp.length > 0);
  await made.unplug('silent');
  const during = await connected(t, made);
  during.send('OPTIONS');
  const frames = made.counters.rtsp.framesSent;
  t.notOk(before.closed, 'the connection from before stays open');
  await made.plug();
  await Promise.all([before.until(() => before.closed), during.until(() => during.closed)]);
  t.equal(made.counters.rtsp.framesSent, frames);
  const after = await connected(t, made);
  t.match(await after.ask('OPTIONS'), /200 OK/);
});

t.test('two clients get the same pictures, the second from the next key picture on', async (t) => {
  const made = await camera(t);
  const first = await playing(t, made);
  await first.until(() => pictures(first) >= 3);
  const second = await playing(t, made);
  await second.until(() => pictures(second) >= 3);
  const bodies = (client: RawClient) =>
    client.rtp.map((packet) => createHash('sha256').update(packet.subarray(12)).digest('hex'));
  const wanted = bodies(second).slice(1, 6); // the first packet holds the parameter sets, which all GOPs share
  await first.until(() => bodies(first).includes(wanted[4] ?? ''));
  const at = bodies(first).indexOf(wanted[0] ?? '');
  t.ok(at > 0);
  t.strictSame(wanted, bodies(first).slice(at, at + 5));
});
