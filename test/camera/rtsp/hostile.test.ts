import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { RtspConnection } from '../../../agent/camera/rtsp/connection.ts';
import { describeStream } from '../../../agent/camera/rtsp/describe.ts';
import { defaultStreamOptions } from '../../../agent/camera/rtsp/stream.ts';
import { freePort, NAMELESS } from '../../support/port.ts';
import { TestClock } from '../../support/test-clock.ts';
import { until } from '../../support/until.ts';
import { rtpBytes } from './packetize.ts';
import { credentials, needs, Pulling, TestPermit } from './pulling.ts';
import { described, good, interleaved, pictures, RawCamera, reply, type Script } from './raw-camera.ts';

/** None of these is reached by a slow machine alone, but for the silence after the pictures. */
const PATIENT = { requestTimeoutMs: 120_000, connectTimeoutMs: 120_000, stallTimeoutMs: 400 };

/** Pulls from a camera with this script until the pull ends, and says by which code. */
async function endsWith(
  script: Script,
  more: { credentials?: typeof credentials; permit?: TestPermit; requestTimeoutMs?: number } = {},
) {
  const camera = await RawCamera.start(script);
  const { permit, requestTimeoutMs = PATIENT.requestTimeoutMs, ...target } = more;
  const pulling = new Pulling({ url: camera.url, ...target }, { ...PATIENT, requestTimeoutMs }, permit);
  const error = await pulling.ended;
  await camera.stop();
  return { code: error?.code, message: error?.message ?? '', camera, pulling };
}

/** Of a camera from which an answer is waited for in vain: ever longer, while the machine is slower than `reached` needs. */
async function endsWaiting(script: Script, reached: (end: Awaited<ReturnType<typeof endsWith>>) => boolean) {
  for (let requestTimeoutMs = 300; ; requestTimeoutMs *= 2) {
    const end = await endsWith(script, { requestTimeoutMs });
    if (reached(end) || end.code !== 'camera-silent') return end;
  }
}

t.test('camera: one that never answers is silent', async (t) => {
  t.equal((await endsWith({}, { requestTimeoutMs: 300 })).code, 'camera-silent');
});

t.test(
  'camera: one that answers nothing but DESCRIBE is silent at SETUP, and pictures never began',
  async (t) => {
    const { code, camera } = await endsWaiting({ ...good(), SETUP: () => undefined }, (end) =>
      end.camera.methods().includes('SETUP'),
    );
    t.equal(code, 'camera-silent');
    t.notOk(camera.methods().includes('PLAY'));
  },
);

t.test('camera: garbage and another protocol are told apart from silence', async (t) => {
  const noise = (_: unknown, socket: Socket) => {
    socket.write(Buffer.alloc(100_000, 1));
    return undefined;
  };
  const never = () => false;
  t.equal((await endsWaiting({ OPTIONS: noise }, never)).code, 'camera-protocol');
  const http = await endsWaiting({ OPTIONS: () => 'HTTP/1.1 400 Bad Request\r\n\r\n' }, never);
  t.equal(http.code, 'camera-protocol');
  t.match(http.message, /HTTP\/1\.1 400/, 'the message shows what came');
});

t.test('camera: an endless header, an endless body and 100 MB are cut off', async (t) => {
  const endless = (_: unknown, socket: Socket) => {
    socket.write('RTSP/1.0 200 OK\r\n');
    const timer = setInterval(() => socket.write(`X-Filler: ${'x'.repeat(8000)}\r\n`), 1);
    socket.on('close', () => clearInterval(timer));
    return undefined;
  };
  t.equal((await endsWith({ OPTIONS: endless })).code, 'camera-too-large');
  const big = (length: number) => `RTSP/1.0 200 OK\r\nContent-Length: ${length}\r\n\r\n`;
  t.equal((await endsWith({ ...good(), DESCRIBE: big(100_000_000) })).code, 'camera-too-large');
});

/** Asks a camera that says this, or the begin of it, and no more; it is given up when something has been heard of it. */
async function givenUp(t: Test, said: Buffer): Promise<unknown> {
  const server = createServer(async (socket) => {
    socket.on('error', () => undefined);
    await once(socket, 'data');
    for (const byte of said) {
      socket.write(Buffer.of(byte));
      await turn();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const clock = new TestClock();
  const connection = new RtspConnection('cam-1', socket, clock);
  const asked = { method: 'OPTIONS', url: 'rtsp://127.0.0.1/', fields: [], timeoutMs: 10_000 };
  const ended = connection.request(asked).catch((error: { code?: string }) => error.code);
  await until(() => connection.heardMs !== undefined);
  await clock.advance(10_000);
  connection.close();
  return await ended;
}

t.test('camera: one that answers byte by byte is slow, and not silent', async (t) => {
  for (const said of [
    'RTSP/1.0 200 OK\r\nX-Filler: xxx',
    'RTSP/1.0 200 OK\r\nContent-Length: 4000\r\n\r\nv=0',
  ])
    t.equal(await givenUp(t, Buffer.from(said)), 'camera-slow', said);
  const half = interleaved(0, Buffer.alloc(64, 0x80)).subarray(0, 20);
  t.equal(await givenUp(t, half), 'camera-silent', 'half of a picture is no answer');
});

t.test('camera: a flood of requests, or of answers to nothing, ends its connection alone', async (t) => {
  for (const flood of [
    'GET_PARAMETER rtsp://a/ RTSP/1.0\r\nCSeq: 1\r\n\r\n',
    'RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n',
  ]) {
    const error = await endsWith({ ...good(), OPTIONS: flood.repeat(1_000) });
    t.match(error, { code: 'camera-protocol', message: /more than 256 in a second/ });
  }
});

t.test('camera: one that closes in the middle of a reply has closed', async (t) => {
  const half = (_: unknown, socket: Socket) => {
    socket.end('RTSP/1.0 200 OK\r\nCont');
    return undefined;
  };
  t.equal((await endsWith({ OPTIONS: half })).code, 'camera-closed');
  t.equal((await endsWith({ ...good(), PLAY: half })).code, 'camera-closed');
  const reset = (_: unknown, socket: Socket) => {
    socket.resetAndDestroy();
    return undefined;
  };
  t.equal((await endsWith({ ...good(), DESCRIBE: reset })).code, 'camera-closed');
});

t.test('camera: a redirect is reported and never followed', async (t) => {
  const elsewhere = await RawCamera.start(good());
  const moved = reply('302 Moved', [`Location: ${elsewhere.url}`]);
  const { code, message } = await endsWith({ ...good(), DESCRIBE: moved });
  t.equal(code, 'camera-redirected');
  t.match(message, elsewhere.url);
  t.same(elsewhere.heard, []);
  await elsewhere.stop();
});

t.test('camera: a description that names another host is asked for on the camera itself', async (t) => {
  const elsewhere = await RawCamera.start(good());
  const base = described.replace('\r\n', `\r\nContent-Base: ${elsewhere.url}/\r\n`);
  const camera = await RawCamera.start({ ...good(), DESCRIBE: base });
  const pulling = new Pulling({ url: camera.url }, PATIENT);
  await pulling.has(3);
  t.equal(await pulling.stop(), undefined);
  t.same(elsewhere.heard, []);
  t.same(new Set(camera.heard.map(({ url }) => new URL(url).port)), new Set([String(camera.port)]));
  await camera.stop();
  await elsewhere.stop();
});

t.test('camera: what a status means', async (t) => {
  const cases = [
    ['DESCRIBE', '404 Not Found', 'camera-not-found'],
    ['DESCRIBE', '400 Bad Request', 'camera-protocol'],
    ['DESCRIBE', '503 Service Unavailable', 'camera-busy'],
    ['SETUP', '453 Not Enough Bandwidth', 'camera-busy'],
    ['SETUP', '461 Unsupported Transport', 'camera-unsupported'],
    ['PLAY', '500 Internal Server Error', 'camera-busy'],
    ['DESCRIBE', '500 Internal Server Error', 'camera-protocol'],
  ] as const;
  for (const [method, status, expected] of cases) {
    t.equal((await endsWith({ ...good(), [method]: reply(status) })).code, expected, `${method} ${status}`);
  }
  const jpeg = reply('200 OK', [], 'v=0\r\nm=video 0 RTP/AVP 26\r\n');
  t.equal((await endsWith({ ...good(), DESCRIBE: jpeg })).code, 'camera-no-video');
  const udp = reply('200 OK', ['Transport: RTP/AVP;unicast;client_port=5000-5001', 'Session: 1']);
  t.equal((await endsWith({ ...good(), SETUP: udp })).code, 'camera-unsupported');
});

t.test('camera: nobody listening is a closed port, nobody there is unreachable', async (t) => {
  const closed = new Pulling({ url: `rtsp://127.0.0.1:${await freePort()}/live` }, PATIENT);
  t.equal((await closed.ended)?.code, 'camera-port-closed');
  const nowhere = new Pulling({ url: `rtsp://${NAMELESS}/live` }, PATIENT);
  t.equal((await nowhere.ended)?.code, 'camera-unreachable');
});

const challenge = (n: number, more = '') =>
  reply('401 Unauthorized', [`WWW-Authenticate: Digest realm="r", nonce="n${n}"${more}`]);

t.test('login: a camera that refuses with a new nonce each time counts as one refused login', async (t) => {
  let n = 0;
  const { code, camera, pulling } = await endsWith({ OPTIONS: () => challenge(++n) }, { credentials });
  t.equal(code, 'camera-login-refused');
  t.equal(pulling.permit.refused, 1);
  t.equal(camera.heard.filter(({ text }) => /^Authorization:/m.test(text)).length, 1);
});

t.test('login: with no refusals left no credentials are sent at all', async (t) => {
  const permit = new TestPermit(0);
  const { code, camera } = await endsWith(
    { ...good(), DESCRIBE: () => challenge(1) },
    { credentials, permit },
  );
  t.equal(code, 'camera-latched');
  t.notOk(camera.heard.some(({ text }) => /Authorization/i.test(text)));
  t.equal(permit.refused, 0);
});

t.test('login: a password is never sent in clear, whatever the camera asks for', async (t) => {
  const basic = reply('401 Unauthorized', ['WWW-Authenticate: Basic realm="r"']);
  const { code, camera } = await endsWith({ ...good(), DESCRIBE: basic }, { credentials });
  t.equal(code, 'camera-insecure-login');
  const all = camera.heard.map(({ text }) => text).join();
  t.notMatch(all, Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64'));
  t.notMatch(all, credentials.password);
});

t.test('login: needed and not configured is a refused login that costs none', async (t) => {
  const { code, pulling } = await endsWith({ ...good(), DESCRIBE: () => challenge(1) });
  t.equal(code, 'camera-login-refused');
  t.equal(pulling.permit.refused, 0);
});

t.test('login: no error says the password or the user part of an address', async (t) => {
  const camera = await RawCamera.start({ OPTIONS: () => challenge(Math.random()) });
  const url = camera.url.replace('://', `://other:${credentials.password}@`);
  const error = await new Pulling({ url, credentials }, PATIENT).ended;
  t.equal(error?.code, 'camera-login-refused');
  t.notMatch(JSON.stringify([error?.message, String(error?.cause), error?.stack]), credentials.password);
  t.notOk(camera.heard.some(({ text }) => text.includes(credentials.password)));
  await camera.stop();
});

t.test('describe: stops before SETUP, and says what the track is', async (t) => {
  const camera = await RawCamera.start(good());
  const { signal } = new AbortController();
  const target = { camera: 'cam-a', url: camera.url };
  const track = await describeStream(
    target,
    new TestPermit(),
    needs,
    { ...defaultStreamOptions, ...PATIENT },
    signal,
  );
  t.equal(track.codec, 'h264');
  t.same(camera.methods(), ['OPTIONS', 'DESCRIBE']);
  await camera.stop();
});

t.test('camera: a stalled one is declared though it goes on with RTCP and another channel', async (t) => {
  const report = interleaved(1, Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 1]));
  let sequence = 0;
  /** Sound, on a channel that nobody asked for. */
  const sound = () => {
    sequence += 1;
    const of = { sequence, timestamp: 160 * sequence, marker: false, payloadType: 0, ssrc: 7 };
    return interleaved(2, rtpBytes({ ...of, payload: Buffer.alloc(160, 0xd5) }));
  };
  const chatter = (_: unknown, socket: Socket) => {
    const timer = setInterval(() => socket.write(Buffer.concat([report, sound()])), 20);
    socket.on('close', () => clearInterval(timer));
    socket.write(pictures(2));
    return reply('200 OK');
  };
  const { code, camera, message } = await endsWith({ ...good(), PLAY: chatter });
  t.equal(code, 'camera-stalled');
  t.match(message, 'other data comes');
  t.equal(camera.methods().at(-1), 'TEARDOWN', 'and the camera is told');
});

t.test('camera: one that answers and sends no pictures any more has stopped them itself', async (t) => {
  const { code, message, camera } = await endsWith(good(2));
  t.equal(code, 'camera-stalled');
  t.match(message, 'the camera has stopped its pictures');
  t.equal(camera.methods().filter((method) => method === 'OPTIONS').length, 2, 'it was asked once more');
});

t.test('camera: one whose stream server hangs while its network lives is told apart', async (t) => {
  let asked = 0;
  const first = reply('200 OK', ['Public: OPTIONS, DESCRIBE, SETUP, PLAY']);
  const once = () => {
    asked += 1;
    return asked === 1 ? first : undefined;
  };
  const { code, message } = await endsWith({ ...good(2), OPTIONS: once, TEARDOWN: () => undefined });
  t.equal(code, 'camera-stalled');
  t.match(message, 'acknowledges what is sent and answers nothing');
  t.equal(asked, 2);
});
