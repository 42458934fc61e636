import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import t, { type Test } from 'tap';
import { type Clock, systemClock } from '../../agent/base/clock.ts';
import { UplinkError } from '../../agent/base/errors.ts';
import { createLog } from '../../agent/base/log.ts';
import { BytePool } from '../../agent/base/pool.ts';
import type { Destination } from '../../agent/video/destination.ts';
import { Feed } from '../../agent/video/feed.ts';
import { MediaClock } from '../../agent/video/media-clock.ts';
import type { OutletEvents } from '../../agent/video/outlet.ts';
import { RtspDestination, type RtspDestinationOptions } from '../../agent/video/rtsp-destination.ts';
import { createBroker, createRoot } from '../../provisioning/certificates.ts';
import { type ClipUnit, clip } from '../support/clips.ts';
import { GstRecorder } from '../support/gst-recorder.ts';
import { TestClock } from '../support/test-clock.ts';
import { until } from '../support/until.ts';
import { toAccessUnit } from './encoded.ts';

const MIB = 2 ** 20;
const LOGIN = { version: 1, user: 'beffroi', password: 'Geheim-17' };

const silent: OutletEvents = {
  ...{
    offered: () => undefined,
    sent: () => undefined,
    unsent: () => undefined,
    dropped: () => undefined,
    gap: () => undefined,
    changed: () => undefined,
  },
};

interface Pushing {
  readonly destination: RtspDestination;
  readonly feed: Feed;
  /** Everything that was logged. */
  readonly log: () => string;
}

/** A feed with one destination, whose first try is under way. */
function pushing(
  t: Test,
  codec: 'h264' | 'h265',
  target: RtspDestinationOptions['target'],
  more: { readonly authorities?: string; readonly clock?: Clock; readonly before?: Destination } = {},
): Pushing {
  let logged = '';
  const log = createLog('debug', { write: (line: string) => (logged += line) });
  const authorities = async () => (more.authorities ? Buffer.from(more.authorities) : undefined);
  const clock = more.clock ?? systemClock;
  const destination = new RtspDestination(
    { clock, log, events: silent, randomBytes, random: () => 0, authorities },
    { id: 'dst-a', camera: 'cam-a', target, creditBytes: MIB },
  );
  const feed = new Feed(
    {
      clock: new MediaClock(0),
      pool: new BytePool(),
      random: Math.random,
    },
    { fragmentMs: 200, cacheBytes: 4 * MIB },
  );
  if (more.before) feed.attach(more.before);
  feed.attach(destination);
  feed.streamBegins({ codec, clockRate: 90_000, parameterSets: {} });
  t.teardown(() => feed.end());
  return { destination, feed, log: () => logged };
}

const PICTURES = 40;

function push(feed: Feed, codec: 'h264' | 'h265', from = 0, until = PICTURES): string[][] {
  const units = Array.from({ length: until - from }, (_, i) => {
    const unit = clip(`${codec}-small`).units[(from + i) % clip(`${codec}-small`).units.length];
    if (!unit) throw new Error('expected a picture');
    feed.take(toAccessUnit(unit.nals, unit.key, (from + i) * 6000));
    return unit;
  });
  return units.map(({ nals }) => nals.map((nal) => createHash('sha1').update(nal).digest('hex')));
}

/** The first picture, and when that is on its way all others. */
async function pushAll({ feed, destination }: Pushing, codec: 'h264' | 'h265'): Promise<string[][]> {
  const first = push(feed, codec, 0, 1);
  await until(() => destination.status().state === 'flowing');
  return [...first, ...push(feed, codec, 1)];
}

/** What the server has, when it has so many pictures. */
async function recorded(recorder: GstRecorder, count: number): Promise<string[][]> {
  await until(() => recorder.pictures.length >= count);
  return recorder.pictures.map(({ nals }) => nals.map(({ sha1 }) => sha1));
}

async function failedWith(destination: RtspDestination): Promise<string> {
  await until(() => destination.status().state === 'failed');
  return destination.status().lastError?.code ?? '';
}

for (const codec of ['h264', 'h265'] as const) {
  t.test(`push: GStreamer records ${codec} with a digest login, every NAL unit byte for byte`, async (t) => {
    const recorder = await GstRecorder.start({ codec, user: LOGIN.user, password: LOGIN.password });
    t.teardown(() => recorder.kill());
    const running = pushing(t, codec, { url: recorder.url, credentials: LOGIN });
    const sent = await pushAll(running, codec);
    const [first = [], ...others] = await recorded(recorder, PICTURES);
    // GStreamer puts the parameter sets of the announcement before the first picture.
    t.same([first.slice(-(sent[0]?.length ?? 0)), ...others], sent);
    t.notMatch(running.log(), LOGIN.password);
  });
}

t.test('push: a camera that changes its size in the stream begins another recording', async (t) => {
  const recorder = await GstRecorder.start();
  t.teardown(() => recorder.kill());
  const { feed, destination } = pushing(t, 'h264', { url: recorder.url });
  push(feed, 'h264', 0, 10);
  await recorded(recorder, 10);
  const larger = clip('h264').units.slice(0, 10);
  t.notSame(clip('h264').parameterSets, clip('h264-small').parameterSets);
  const take = ({ nals, key, index }: ClipUnit) => feed.take(toAccessUnit(nals, key, (10 + index) * 6000));
  for (const unit of larger.slice(0, 1)) take(unit);
  await until(() => recorder.recordings === 2 && destination.status().state === 'flowing');
  for (const unit of larger.slice(1)) take(unit);
  await until(() => recorder.pictures.length >= 20);
  const of = (recording: number) => recorder.pictures.filter((one) => one.recording === recording).length;
  t.same([of(1), of(2), recorder.recordings], [10, 10, 2]);
});

t.test('push: a refused login is told, and not tried over and over', async (t) => {
  const recorder = await GstRecorder.start({ user: LOGIN.user, password: 'another' });
  t.teardown(() => recorder.kill());
  const clock = new TestClock();
  const { feed, destination, log } = pushing(t, 'h264', { url: recorder.url, credentials: LOGIN }, { clock });
  push(feed, 'h264');
  t.equal(await failedWith(destination), 'destination-login-refused');
  await until(() => recorder.connections === 1);
  await clock.advance(55_000);
  t.equal(recorder.connections, 1, 'no further try within a minute');
  t.notMatch(log(), LOGIN.password);
  t.notMatch(destination.status().lastError?.detail, LOGIN.password);
});

t.test(
  'push: a camera that is back soon goes on in the same recording; one that stays away ends it',
  async (t) => {
    const recorder = await GstRecorder.start();
    t.teardown(() => recorder.kill());
    const clock = new TestClock();
    const { feed, destination } = pushing(t, 'h264', { url: recorder.url }, { clock });
    push(feed, 'h264', 0, 10);
    await recorded(recorder, 10);
    feed.streamEnds();
    await clock.advance(1_000);
    feed.streamBegins({ codec: 'h264', clockRate: 90_000, parameterSets: {} });
    push(feed, 'h264', 0, 10);
    await recorded(recorder, 20);
    t.equal(recorder.recordings, 1);
    feed.streamEnds();
    await clock.advance(6_000);
    await until(() => recorder.ended > 0);
    await until(() => destination.status().state === 'waiting');
    t.equal(destination.status().lastError, undefined);
  },
);

t.test('push: a camera that is back after several tries goes on in the same recording', async (t) => {
  const recorder = await GstRecorder.start();
  t.teardown(() => recorder.kill());
  const clock = new TestClock();
  const { feed } = pushing(t, 'h264', { url: recorder.url }, { clock });
  push(feed, 'h264', 0, 10);
  await recorded(recorder, 10);
  for (let tried = 0; tried < 4; tried += 1) {
    feed.streamEnds();
    await clock.advance(1_000);
  }
  feed.streamBegins({ codec: 'h264', clockRate: 90_000, parameterSets: {} });
  push(feed, 'h264', 0, 10);
  await recorded(recorder, 20);
  await clock.advance(6_000);
  push(feed, 'h264', 10, 20);
  await recorded(recorder, 30);
  t.same([recorder.recordings, recorder.ended], [1, 0]);
});

t.test('push: a camera whose tries go on for long ends the recording once, and begins another', async (t) => {
  const recorder = await GstRecorder.start();
  t.teardown(() => recorder.kill());
  const clock = new TestClock();
  const { feed } = pushing(t, 'h264', { url: recorder.url }, { clock });
  const away = async () => {
    for (let tried = 0; tried < 10; tried += 1) {
      feed.streamEnds();
      await clock.advance(2_000);
    }
    feed.streamBegins({ codec: 'h264', clockRate: 90_000, parameterSets: {} });
    push(feed, 'h264', 0, 10);
  };
  await away();
  await recorded(recorder, 10);
  const ending = away();
  await until(() => recorder.ended > 0);
  await ending;
  await recorded(recorder, 20);
  t.same([recorder.recordings, recorder.ended], [2, 1]);
});

t.test('push: tries without end leave no listener behind', async (t) => {
  let most = 0;
  let tries = 0;
  const clock: Clock = {
    ...systemClock,
    sleep: async (_ms, signal) => {
      if (signal) most = Math.max(most, getEventListeners(signal, 'abort').length);
      await turn();
    },
  };
  const { url } = await scripted(t, (_, socket) => {
    tries += 1;
    socket.destroy();
    return undefined;
  });
  const { feed } = pushing(t, 'h264', { url }, { clock });
  push(feed, 'h264');
  await until(() => tries >= 30);
  t.ok(most < 5, `expected a few listeners of one signal, there were ${most}`);
});

/** TLS in front of a server that speaks none. */
async function withTls(
  t: Test,
  to: number,
  madeMs = Date.now(),
): Promise<{ port: number; root: string; pin: string }> {
  const root = await createRoot('Centre', Date.now());
  const { certificate: cert, key } = await createBroker(root, ['127.0.0.1'], madeMs);
  const server = createTlsServer({ key, cert, minVersion: 'TLSv1.3' }, (socket) => join(socket, to));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const pin = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
  return { port: (server.address() as AddressInfo).port, root: root.certificate, pin };
}

function join(near: Socket, port: number): void {
  const far = connect(port, '127.0.0.1');
  near.on('error', () => far.destroy()).pipe(far);
  far.on('error', () => near.destroy()).pipe(near);
}

t.test(
  'push: RTSPS goes to the pinned certificate, or to one of the authorities, and to no other',
  async (t) => {
    const recorder = await GstRecorder.start();
    t.teardown(() => recorder.kill());
    const { port, root, pin } = await withTls(t, recorder.port);
    const url = `rtsps://127.0.0.1:${port}/record`;
    const pinned = pushing(t, 'h264', { url, certificateSha256: pin });
    await pushAll(pinned, 'h264');
    await recorded(recorder, PICTURES);
    const signed = pushing(t, 'h264', { url }, { authorities: root });
    await pushAll(signed, 'h264');
    await recorded(recorder, 2 * PICTURES);
    const other = await createRoot('Somebody else', Date.now());
    const old = await withTls(t, recorder.port, Date.now() - 20 * 365 * 86_400_000);
    const expired = `rtsps://127.0.0.1:${old.port}/record`;
    const refusals = [
      pushing(t, 'h264', { url: expired }, { authorities: old.root }),
      pushing(t, 'h264', { url, certificateSha256: 'ab'.repeat(32) }),
      pushing(t, 'h264', { url }, { authorities: other.certificate }),
      pushing(t, 'h264', { url: url.replace('127.0.0.1', 'localhost') }, { authorities: root }),
    ];
    for (const { feed, destination } of refusals) {
      push(feed, 'h264');
      t.equal(await failedWith(destination), 'destination-certificate');
    }
    const unknown = pushing(t, 'h264', { url });
    push(unknown.feed, 'h264');
    t.equal(await failedWith(unknown.destination), 'box-file-invalid', 'never as it comes');
    t.equal(recorder.recordings, 2);
  },
);

/** A server that answers each request as the script says. */
async function scripted(
  t: Test,
  answer: (request: string, socket: Socket) => string | undefined,
): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const length = Number(/Content-Length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
        const request = text.slice(0, end + 4 + length);
        text = text.slice(end + 4 + length);
        requests.push(request);
        const said = answer(request, socket);
        const cseq = /CSeq: (\d+)/.exec(request)?.[1];
        if (said !== undefined) socket.write(`RTSP/1.0 ${said}\r\nCSeq: ${cseq}\r\n\r\n`);
      }
    });
    t.teardown(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { url: `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/live?x=1`, requests };
}

const md = (text: string) => createHash('sha256').update(text).digest('hex');

t.test('push: a digest login with SHA-256 is right by the book [RFC 7616 §3.4.1]', async (t) => {
  const challenge =
    '401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256';
  const { url, requests } = await scripted(t, (request) =>
    request.includes('Authorization') ? '404 Not Found' : challenge,
  );
  const { feed, destination } = pushing(t, 'h264', { url, credentials: LOGIN });
  push(feed, 'h264');
  t.equal(await failedWith(destination), 'destination-refused');
  const [, login = ''] = requests;
  const part = (name: string) => new RegExp(`${name}="?([^",\r]+)`).exec(login)?.[1] ?? '';
  const [method = '', uri = ''] = login.split(' ');
  t.equal(part('uri'), uri);
  const middle = `n1:${part('nc')}:${part('cnonce')}:auth`;
  const expected = md(`${md(`${LOGIN.user}:r:${LOGIN.password}`)}:${middle}:${md(`${method}:${uri}`)}`);
  t.equal(part('response'), expected);
});

/** Says the same until nobody listens any more, or 100 MB were said. */
function pour(socket: Socket, bytes: Buffer): void {
  let left = Math.ceil((100 * MIB) / bytes.length);
  const more = () => {
    while (left > 0 && !socket.destroyed && socket.writableLength < MIB) {
      left -= 1;
      socket.write(bytes);
    }
    if (left > 0 && !socket.destroyed) socket.once('drain', more);
  };
  more();
}

const RTP_BACK = Buffer.concat([Buffer.from([0x24, 0, 0x04, 0x00, 0x80]), Buffer.alloc(1023)]);
const TRANSPORT = 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1';
let challenges = 0;
/** Another realm, nonce and algorithm each time. */
const everAnother = () => {
  challenges += 1;
  const algorithm = challenges % 2 ? 'MD5' : 'SHA-256';
  const stale = challenges % 3 ? '' : ', stale=true';
  return `401 No\r\nWWW-Authenticate: Digest realm="r${challenges}", nonce="n${challenges}", algorithm=${algorithm}${stale}`;
};

t.test('push: what a server does wrong has a name, and is tried again later', async (t) => {
  const cases: [name: string, expected: string, answer: Parameters<typeof scripted>[1]][] = [
    ['closes', 'destination-closed', (_, socket) => void socket.destroy()],
    ['refuses to record', 'destination-refused', () => '403 Forbidden'.replace('403', '406')],
    ['redirects', 'destination-refused', () => '302 Found\r\nLocation: rtsp://127.0.0.1:9/live'],
    ['sends rubbish', 'destination-protocol', (_, socket) => void socket.write(Buffer.alloc(100_000, 'x'))],
    [
      'asks for the password in clear',
      'destination-login-refused',
      () => '401 No\r\nWWW-Authenticate: Basic realm="r"',
    ],
    ['asks for another login each time', 'destination-login-refused', everAnother],
    [
      'never ends its header',
      'destination-protocol',
      (_, socket) => {
        socket.write('RTSP/1.0 200 OK\r\n');
        pour(socket, Buffer.from(`X-More: ${'x'.repeat(1000)}\r\n`));
        return undefined;
      },
    ],
    [
      'names a session of 1 MB',
      'destination-protocol',
      (request) =>
        request.startsWith('SETUP') ? `200 OK\r\n${TRANSPORT}\r\nSession: ${'s'.repeat(MIB)}` : '200 OK',
    ],
    [
      'sends pictures back',
      'destination-protocol',
      (request, socket) => {
        if (request.startsWith('RECORD')) setImmediate(() => pour(socket, RTP_BACK));
        return `200 OK\r\n${TRANSPORT}`;
      },
    ],
    [
      'wants another transport',
      'destination-refused',
      (request) =>
        request.startsWith('SETUP') ? '200 OK\r\nTransport: RTP/AVP;unicast;server_port=1-2' : '200 OK',
    ],
    [
      'cuts the connection while it records',
      'destination-closed',
      (request, socket) => {
        if (request.startsWith('RECORD')) setTimeout(() => socket.resetAndDestroy(), 20);
        return '200 OK';
      },
    ],
  ];
  for (const [name, expected, answer] of cases) {
    const { url, requests } = await scripted(t, answer);
    const { feed, destination } = pushing(t, 'h264', { url, credentials: LOGIN });
    push(feed, 'h264');
    t.equal(await failedWith(destination), expected, name);
    t.notOk(requests.some((request) => request.includes(LOGIN.password)));
    const before = requests.length;
    if (expected === 'destination-login-refused') t.ok(before <= 6, `${name}: asked ${before} times`);
    if (expected !== 'destination-login-refused') await until(() => requests.length > before);
    await feed.end();
  }
});

t.test('push: a server that accepts and never answers, or never reads, is silent', async (t) => {
  const clock = new TestClock();
  const mute = await scripted(t, () => undefined);
  const { feed, destination } = pushing(t, 'h264', { url: mute.url }, { clock });
  push(feed, 'h264');
  await until(() => mute.requests.length > 0);
  await clock.advance(11_000);
  t.equal(await failedWith(destination), 'destination-silent');

  const deaf = await scripted(t, (request, socket) => {
    if (request.startsWith('RECORD')) setImmediate(() => socket.pause());
    return '200 OK';
  });
  const other = new TestClock();
  const second = pushing(t, 'h264', { url: deaf.url }, { clock: other });
  for (let i = 0; second.destination.status().state !== 'blocked'; i += PICTURES) {
    push(second.feed, 'h264', i, i + PICTURES);
    await turn();
  }
  t.ok(second.destination.status().waitingBytes <= MIB);
  t.equal(second.destination.status().lastError?.code, 'destination-slow');
  for (let i = 0; i < 25 && second.destination.status().state !== 'failed'; i += 1)
    await other.advance(1_000);
  t.equal(second.destination.status().lastError?.code, 'destination-silent');
});

/** What a server was announced, and the interleaved bytes that came after it. */
interface Recording {
  readonly description: string;
  media: Buffer;
}

/** A server that says yes to everything and keeps each recording apart. */
async function keeping(t: Test): Promise<{ url: string; recordings: Recording[] }> {
  const recordings: Recording[] = [];
  const server = createServer((socket) => {
    t.teardown(() => socket.destroy());
    socket.on('error', () => undefined);
    let rest: Buffer = Buffer.alloc(0);
    let now: Recording | undefined;
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end = messageEnd(rest); end > 0; end = messageEnd(rest)) {
        const message = rest.subarray(0, end);
        rest = rest.subarray(end);
        const text = message.toString('latin1');
        if (message[0] === 0x24 && now) now.media = Buffer.concat([now.media, message.subarray(16)]);
        if (message[0] === 0x24) continue;
        if (text.startsWith('ANNOUNCE')) {
          now = { description: text, media: Buffer.alloc(0) };
          recordings.push(now);
        }
        socket.write(`RTSP/1.0 200 OK\r\nCSeq: ${/CSeq: (\d+)/.exec(text)?.[1]}\r\n${TRANSPORT}\r\n\r\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { url: `rtsp://127.0.0.1:${(server.address() as AddressInfo).port}/live`, recordings };
}

/** Of the first message or interleaved frame; 0 while it is not whole. */
function messageEnd(bytes: Buffer): number {
  if (bytes[0] === 0x24) {
    const end = bytes.length < 4 ? Number.POSITIVE_INFINITY : 4 + bytes.readUInt16BE(2);
    return end <= bytes.length ? end : 0;
  }
  const head = bytes.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const length = Number(/Content-Length: (\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1] ?? 0);
  return head + 4 + length <= bytes.length ? head + 4 + length : 0;
}

const LARGE = clip('h264');
const [LARGE_SPS] = LARGE.parameterSets;
/** Bytes that only the key picture of the large clip has. */
const LARGE_KEY = LARGE.units[0]?.nals.at(-1)?.subarray(20, 52);
if (!LARGE_SPS || !LARGE_KEY) throw new Error('expected a key picture with its parameter sets');

const announcesLarge = ({ description }: Recording) => description.includes(LARGE_SPS.toString('base64'));
const hasLarge = ({ media }: Recording) => media.includes(LARGE_KEY);

function pushLarge(feed: Feed): void {
  const { nals = [] } = LARGE.units[0] ?? {};
  feed.take(toAccessUnit(nals, true, 100 * 6000));
}

/** Longer than it takes from the answer until pictures go, in turns of the promises. Measured: 9 to 16 of them matter. */
const TURNS = 40;

t.test(
  'push: pictures of another size never go where they were not announced, whenever they come',
  async (t) => {
    const { url, recordings } = await keeping(t);
    for (let turns = 0; turns <= TURNS; turns += 1) {
      recordings.length = 0;
      let answers = 0;
      const late: { feed?: Feed } = {};
      const answered = async () => {
        answers += 1;
        if (answers !== 4) return; // OPTIONS, ANNOUNCE, SETUP, RECORD
        for (let turn = 0; turn < turns; turn += 1) await undefined;
        if (late.feed) pushLarge(late.feed);
      };
      const clock: Clock = {
        ...systemClock,
        sleep: (ms, signal) => {
          if (ms === 10_000) signal?.addEventListener('abort', () => void answered(), { once: true });
          return systemClock.sleep(ms, signal);
        },
      };
      const { feed } = pushing(t, 'h264', { url }, { clock });
      late.feed = feed;
      push(feed, 'h264', 0, 3);
      await until(() => recordings.some(hasLarge));
      const wrong = recordings.filter((one) => hasLarge(one) && !announcesLarge(one));
      t.equal(wrong.length, 0, `${turns} turns after the answer`);
      await feed.end();
    }
  },
);

t.test('push: one that goes on as another size comes begins another recording with it', async (t) => {
  const { url, recordings } = await keeping(t);
  const late: { resume?: () => void } = {};
  const before: Destination = {
    ...{ id: 'before', format: 'rtp', begin: () => undefined, streamEnded: () => undefined },
    take: ({ key }) => (key ? late.resume?.() : undefined),
    status: () => destination.status(),
    end: async () => undefined,
  };
  const { feed, destination } = pushing(t, 'h264', { url }, { before });
  push(feed, 'h264', 0, 3);
  await until(() => destination.status().state === 'flowing');
  destination.pause(new UplinkError('backbone-budget', 'expected at most 1 kbit/s, 2 are needed'));
  late.resume = () => destination.resume();
  pushLarge(feed);
  await until(() => recordings.some(hasLarge));
  t.same(recordings.filter(hasLarge).map(announcesLarge), [true]);
  t.equal(destination.status().state, 'flowing');
});

t.test('push: a camera that changes its size again and again begins few recordings', async (t) => {
  const { url, recordings } = await keeping(t);
  const clock = new TestClock();
  const { feed, destination } = pushing(t, 'h264', { url }, { clock });
  const change = (to: number) => (to % 2 ? pushLarge(feed) : push(feed, 'h264', 0, 1));
  for (let number = 1; number <= 5; number += 1) {
    change(number);
    await until(() => recordings.length === number && destination.status().state === 'flowing');
  }
  for (let number = 6; number <= 15; number += 1) change(number);
  let waitedMs = 0;
  for (; recordings.length < 6; waitedMs += 100) {
    await clock.advance(100);
    await turn();
  }
  t.ok(waitedMs >= 5_000, `the sixth came after ${waitedMs} ms`);
  await until(() => destination.status().state === 'flowing');
  t.ok(destination.status().gaps > 0, 'what it did not get stands in a gap');
});
