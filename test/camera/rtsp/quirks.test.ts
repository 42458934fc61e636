import { createHash, X509Certificate } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { CameraGate } from '../../../agent/camera/gate.ts';
import type { LoginRecord } from '../../../agent/camera/login-count.ts';
import type { StreamOptions, StreamTarget } from '../../../agent/camera/rtsp/stream.ts';
import { createBroker, createRoot } from '../../../provisioning/certificates.ts';
import { until } from '../../support/until.ts';
import { rtpBytes } from './packetize.ts';
import { credentials, needs, Pulling } from './pulling.ts';
import { good, type Heard, interleaved, pictures, RawCamera, reply, type Script } from './raw-camera.ts';

/** None of these is reached by a slow machine alone. */
const PATIENT: Partial<StreamOptions> = {
  requestTimeoutMs: 120_000,
  connectTimeoutMs: 120_000,
  stallTimeoutMs: 120_000,
};

/** Pulls until `count` access units have come, then stops; the pull must end well. */
async function pulled(t: Test, script: Script, count: number, more: Partial<StreamTarget> = {}) {
  const camera = await RawCamera.start(script);
  const pulling = new Pulling({ url: camera.url, ...more }, PATIENT);
  await pulling.has(count);
  const error = await pulling.stop();
  t.equal(error, undefined, error?.message ?? 'ends well');
  t.equal(pulling.units.length, count);
  await camera.stop();
  return { camera, pulling };
}

/** Each answer of the script goes out by these means. */
function sendBy(script: Script, send: (text: string, socket: Socket) => void): Script {
  const wrap = (said: Script[string]) => (heard: Heard, socket: Socket) => {
    const answer = typeof said === 'function' ? said(heard, socket) : said;
    const cseq = /^CSeq: (\d+)/im.exec(heard.text)?.[1];
    if (answer !== undefined) send(answer.replace('\r\n', `\r\ncseq: ${cseq}\r\n`), socket);
    return undefined;
  };
  return Object.fromEntries(Object.entries(script).map(([method, said]) => [method, wrap(said)]));
}

t.test('pull: only the video is set up, and TEARDOWN ends it', async (t) => {
  const { camera, pulling } = await pulled(t, good(3), 3);
  t.same(camera.methods(), ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY', 'TEARDOWN']);
  const setup = camera.heard.find(({ method }) => method === 'SETUP');
  t.equal(setup?.url, `${camera.url}/video`);
  t.match(setup?.text, 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1');
  t.match(camera.heard.at(-1)?.text, 'Session: s1');
  t.match(pulling.counters(), { rtpReceived: 3, rtpLost: 0, bytes: 18, framesDamaged: 0, jitterMs: Number });
  t.same(
    pulling.units.map(({ rtpTime }) => rtpTime),
    [0, 6000, 12_000],
  );
});

t.test('pull: answers that come byte by byte, with bare line feeds, are read', async (t) => {
  const body = 'v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:video\n';
  const bare = sendBy({ ...good(3), DESCRIBE: reply('200 OK', [], body) }, (text, socket) => {
    const bytes = Buffer.from(text.replaceAll('\r\n', '\n'), 'latin1');
    for (const byte of bytes) socket.write(Buffer.from([byte]));
  });
  await pulled(t, bare, 3);
});

t.test('pull: pictures that come before the answer to PLAY are not lost', async (t) => {
  const early = (_: unknown, socket: Socket) => {
    socket.write(pictures(2));
    return reply('200 OK');
  };
  await pulled(t, { ...good(), PLAY: early }, 2);
});

t.test(
  'pull: answers with a wrong number, none, or in front of requests of the camera are taken',
  async (t) => {
    const wrong = sendBy(good(2), (text, socket) => socket.write(text.replace(/cseq: \d+/, 'cseq: 77')));
    await pulled(t, wrong, 2);
    const none = sendBy(good(2), (text, socket) => socket.write(text.replace(/cseq: \d+\r\n/, '')));
    await pulled(t, none, 2);
    const asking = sendBy(good(2), (text, socket) =>
      socket.write(`OPTIONS * RTSP/1.0\r\nCSeq: 900\r\n\r\nRECORD * RTSP/1.0\r\nCSeq: 901\r\n\r\n${text}`),
    );
    const { camera } = await pulled(t, asking, 2);
    t.match(camera.other, 'RTSP/1.0 200 OK\r\nCSeq: 900');
    t.match(camera.other, 'RTSP/1.0 501 Not Implemented\r\nCSeq: 901');
  },
);

t.test('pull: a camera without OPTIONS is pulled all the same', async (t) => {
  await pulled(t, { ...good(2), OPTIONS: reply('501 Not Implemented') }, 2);
});

t.test('pull: a control address that the camera does not know is read the other way', async (t) => {
  const base = `${reply('200 OK').split('\r\n')[0]}`;
  const body = 'v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n';
  const script: Script = {
    ...good(2),
    DESCRIBE: reply(base.slice('RTSP/1.0 '.length), ['Content-Base: rtsp://10.0.0.1/H264?channel=1'], body),
    SETUP: ({ url }) =>
      new URL(url).pathname === '/video' ? (good().SETUP as string) : reply('404 Not Found'),
  };
  const { camera } = await pulled(t, script, 2);
  t.same(
    camera.heard.filter(({ method }) => method === 'SETUP').map(({ url }) => url.replace(/^.*:\d+/, '')),
    ['/H264?channel=1/video', '/video'],
  );
});

t.test('pull: pictures on another channel and from another source than announced are taken', async (t) => {
  const announced = reply('200 OK', [
    'Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=12345678',
    'Session: s1',
  ]);
  await pulled(t, { ...good(3, 4), SETUP: announced }, 3);
});

t.test('pull: sound that was never asked for does not come through', async (t) => {
  const both = (_: unknown, socket: Socket) => {
    const sound = rtpBytes({ sequence: 9, timestamp: 9, payload: Buffer.alloc(160, 0xd5), marker: true });
    sound[1] = 0x80;
    socket.write(
      Buffer.concat([interleaved(2, sound), pictures(1), interleaved(0, sound), pictures(1, 0, 1)]),
    );
    return reply('200 OK');
  };
  const { pulling } = await pulled(t, { ...good(), PLAY: both }, 2);
  t.equal(pulling.counters().bytes, 12);
});

t.test('pull: an encoder that starts anew, with another source and numbers, goes on', async (t) => {
  const restart = (_: unknown, socket: Socket) => {
    const anew = Array.from({ length: 3 }, (_, i) => {
      const payload = Buffer.from([0x65, 0x88, 9, i]);
      return interleaved(
        0,
        rtpBytes({ sequence: 65535 + i, timestamp: 5 + i, marker: true, payload, ssrc: 99 }),
      );
    });
    socket.write(Buffer.concat([pictures(3), ...anew]));
    return reply('200 OK');
  };
  const { pulling } = await pulled(t, { ...good(), PLAY: restart }, 6);
  t.same(
    pulling.units.map(({ damaged }) => damaged),
    [false, false, false, true, false, false],
  );
});

t.test('pull: garbage between frames costs at most what it covers', async (t) => {
  const noisy = (_: unknown, socket: Socket) => {
    socket.write(
      Buffer.concat([pictures(2), Buffer.from('\u0000noise $$ \u00ff', 'latin1'), pictures(2, 0, 2)]),
    );
    return reply('200 OK');
  };
  await pulled(t, { ...good(), PLAY: noisy }, 4);
});

const sessionOf = (seconds: number) =>
  reply('200 OK', ['Transport: RTP/AVP/TCP;unicast;interleaved=0-1', `Session: s1;timeout=${seconds}`]);
const SHORT = sessionOf(1);

/** Pictures for ever, so that only keep-alives are at stake. */
const forever = (_: unknown, socket: Socket) => {
  let n = 0;
  const timer = setInterval(() => socket.write(pictures(1, 0, ++n)), 50);
  socket.on('close', () => clearInterval(timer));
  return reply('200 OK');
};

t.test('keep-alive: GET_PARAMETER within the session time-out, OPTIONS where it is not known', async (t) => {
  for (const [offered, expected] of [
    ['GET_PARAMETER', 'GET_PARAMETER'],
    ['PAUSE', 'OPTIONS'],
  ] as const) {
    const camera = await RawCamera.start({
      ...good(),
      OPTIONS: reply('200 OK', [`Public: ${offered}`]),
      SETUP: SHORT,
      PLAY: forever,
    });
    const pulling = new Pulling({ url: camera.url }, PATIENT);
    await camera.hears(expected, 2);
    t.match(camera.heard.at(-1)?.text, 'Session: s1');
    t.equal(await pulling.stop(), undefined);
    await camera.stop();
  }
});

t.test('keep-alive: one that is never answered does not end the stream', async (t) => {
  const camera = await RawCamera.start({
    ...good(),
    SETUP: SHORT,
    PLAY: forever,
    GET_PARAMETER: () => undefined,
  });
  const pulling = new Pulling({ url: camera.url }, PATIENT);
  await camera.hears('GET_PARAMETER', 2);
  const before = pulling.units.length;
  await pulling.has(before + 3);
  t.equal(await pulling.stop(), undefined);
  await camera.stop();
});

t.test('keep-alive: the next one is in time whatever became of the one before', async (t) => {
  const camera = await RawCamera.start({
    ...good(),
    SETUP: SHORT,
    PLAY: forever,
    GET_PARAMETER: () => undefined,
  });
  const pulling = new Pulling({ url: camera.url }, { ...PATIENT, requestTimeoutMs: 3_600_000 });
  await camera.hears('GET_PARAMETER', 3);
  t.equal(await pulling.stop(), undefined);
  await camera.stop();
});

t.test('keep-alive: a stale nonce is answered with the new one and costs no login', async (t) => {
  let nonce = 1;
  const ask = (stale: string) =>
    reply('401 Unauthorized', [`WWW-Authenticate: Digest realm="r", nonce="n${nonce}", qop="auth"${stale}`]);
  const guarded =
    (answer: string) =>
    ({ text }: Heard) =>
      text.includes(`nonce="n${nonce}"`) ? answer : ask('');
  const camera = await RawCamera.start({
    ...good(),
    DESCRIBE: guarded(good().DESCRIBE as string),
    SETUP: guarded(SHORT),
    PLAY: forever,
    GET_PARAMETER: ({ text }) => {
      if (text.includes('nonce="n1"')) {
        nonce = 2;
        return ask(', stale=true');
      }
      return reply('200 OK');
    },
  });
  const pulling = new Pulling({ url: camera.url, credentials }, PATIENT);
  await until(() =>
    camera.heard.some(({ method, text }) => method === 'GET_PARAMETER' && text.includes('nonce="n2"')),
  );
  t.equal(pulling.permit.refused, 0);
  t.ok(pulling.permit.accepted > 0);
  t.equal(await pulling.stop(), undefined);
  await camera.stop();
});

/** Is there with ever longer sessions, while the machine is slower than their keep-alives and waits for one in vain. */
async function whileSlow(
  scene: (session: string) => Promise<{ readonly unanswered: number }>,
): Promise<void> {
  for (let seconds = 1; (await scene(sessionOf(seconds))).unanswered > 0; ) seconds *= 2;
}

t.test('keep-alive: nonces that change without a word of it cost no login, however often', async (t) => {
  const saved: (readonly LoginRecord[])[] = [];
  await whileSlow((session) => withOneUseNonces(t, session, saved));
  t.match(saved.at(-1), [{ version: 1, refused: 0, proven: true }]);
});

async function withOneUseNonces(t: Test, session: string, saved: (readonly LoginRecord[])[]) {
  let nonce = 0;
  const guarded =
    (answer: string, uses: number) =>
    ({ text }: Heard) => {
      const known = text.includes(`nonce="n${nonce}"`) && nonceUses < uses;
      nonceUses += 1;
      if (known) return answer;
      nonce += 1;
      nonceUses = 0;
      return reply('401 Unauthorized', [`WWW-Authenticate: Digest realm="r", nonce="n${nonce}", qop="auth"`]);
    };
  let nonceUses = 0;
  const camera = await RawCamera.start({
    ...good(),
    DESCRIBE: guarded(good().DESCRIBE as string, 9),
    SETUP: guarded(session, 9),
    PLAY: forever,
    GET_PARAMETER: guarded(reply('200 OK'), 1),
  });
  const memory = { load: () => [], save: (records: readonly LoginRecord[]) => saved.push(records) };
  const gate = new CameraGate(
    { clock: needs.clock, memory },
    { camera: 'cam-a', maxConnections: 2, credentialVersion: 1 },
  );
  const permit = await gate.acquire(new AbortController().signal);
  let unanswered = 0;
  const told = permit.loginUnanswered.bind(permit);
  const loginUnanswered = () => {
    unanswered += 1;
    told();
  };
  const counted = Object.assign(permit, { loginUnanswered });
  const pulling = new Pulling({ url: camera.url, credentials }, PATIENT, counted);
  await camera.hears('GET_PARAMETER', 12);
  t.ok(nonce > 4, 'the nonce changed again and again');
  t.equal(await pulling.stop(), undefined);
  await camera.stop();
  return { unanswered };
}

t.test('keep-alive: a session that the camera no longer knows has ended', async (t) => {
  const camera = await RawCamera.start({
    ...good(),
    SETUP: SHORT,
    PLAY: forever,
    GET_PARAMETER: reply('454 Session Not Found'),
  });
  t.equal((await new Pulling({ url: camera.url }, PATIENT).ended)?.code, 'camera-closed');
  await camera.stop();
});

t.test('keep-alive: a refused one is counted, and the pictures go on without asking again', async (t) => {
  let [refused, asked] = [0, 0];
  await whileSlow(async (session) => {
    const { camera, permit } = await refusingKeepAlives(t, session);
    const withLogin = ({ method, text }: Heard) =>
      method === 'GET_PARAMETER' && text.includes('Authorization');
    [refused, asked] = [permit.refused, camera.heard.filter(withLogin).length];
    return permit;
  });
  t.equal(refused, 2, 'the doubtful one and its repetition');
  t.equal(asked, 2);
});

async function refusingKeepAlives(t: Test, session: string) {
  let n = 0;
  const ask = () => reply('401 Unauthorized', [`WWW-Authenticate: Digest realm="r", nonce="n${++n}"`]);
  const camera = await RawCamera.start({
    ...good(),
    DESCRIBE: ({ text }) => (text.includes('Authorization') ? (good().DESCRIBE as string) : ask()),
    SETUP: session,
    PLAY: forever,
    GET_PARAMETER: ask,
  });
  const pulling = new Pulling({ url: camera.url, credentials }, PATIENT);
  await camera.hears('GET_PARAMETER', 4);
  t.equal(await pulling.stop(), undefined);
  await camera.stop();
  return { camera, permit: pulling.permit };
}

t.test('stop: a camera that does not answer TEARDOWN is left all the same', async (t) => {
  await pulled(t, { ...good(2), TEARDOWN: () => undefined }, 2);
});

t.test('stop: an abort before anything was answered resolves', async (t) => {
  const camera = await RawCamera.start({});
  const pulling = new Pulling({ url: camera.url }, PATIENT);
  await camera.hears('OPTIONS');
  t.equal(await pulling.stop(), undefined);
  await camera.stop();
});

t.test('rtsps: a certificate of its own is taken without a pin, with a pin only that one', async (t) => {
  const root = await createRoot('Camera', Date.now());
  const { certificate: cert, key } = await createBroker(root, ['127.0.0.1'], Date.now());
  const pin = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
  const camera = await RawCamera.start(good(2), { key, cert });
  for (const certificateSha256 of [undefined, pin, pin.toUpperCase()]) {
    const pulling = new Pulling(
      { url: camera.url, ...(certificateSha256 ? { certificateSha256 } : {}) },
      PATIENT,
    );
    await pulling.has(2);
    t.equal(await pulling.stop(), undefined);
  }
  const before = camera.heard.length;
  const other = await new Pulling(
    { url: camera.url, certificateSha256: pin.replace(/^../, pin.startsWith('00') ? '11' : '00') },
    PATIENT,
  ).ended;
  t.equal(other?.code, 'camera-certificate');
  t.equal(camera.heard.length, before, 'nothing is said to somebody else');
  await camera.stop();
});

t.test(
  'rtsps: Basic is allowed where the certificate is pinned, and else the password stays here',
  async (t) => {
    const root = await createRoot('Camera', Date.now());
    const { certificate: cert, key } = await createBroker(root, ['127.0.0.1'], Date.now());
    const basic = reply('401 Unauthorized', ['WWW-Authenticate: Basic realm="r"']);
    const open =
      (answer: string) =>
      ({ text }: Heard) =>
        text.includes('Authorization: Basic') ? answer : basic;
    const camera = await RawCamera.start(
      { ...good(2), DESCRIBE: open(good().DESCRIBE as string) },
      { key, cert },
    );
    const unknown = await new Pulling({ url: camera.url, credentials }, PATIENT).ended;
    t.equal(unknown?.code, 'camera-insecure-login');
    t.notOk(camera.heard.some(({ text }) => text.includes('Authorization')));
    const certificateSha256 = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
    const pulling = new Pulling({ url: camera.url, credentials, certificateSha256 }, PATIENT);
    await pulling.has(2);
    t.ok(pulling.permit.accepted > 0);
    t.equal(await pulling.stop(), undefined);
    await camera.stop();
  },
);

t.test('rtsps: a camera that does not speak TLS, or does not answer it, is told apart', async (t) => {
  const camera = await RawCamera.start({});
  const url = camera.url.replace('rtsp:', 'rtsps:');
  const silent = new Pulling({ url }, { ...PATIENT, connectTimeoutMs: 300 });
  t.equal((await silent.ended)?.code, 'camera-silent');
  await camera.stop();
  const plain = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('RTSP/1.0 400 Bad Request\r\n\r\n'),
  );
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const { port } = plain.address() as { port: number };
  t.equal((await new Pulling({ url: `rtsps://127.0.0.1:${port}/` }, PATIENT).ended)?.code, 'camera-protocol');
  await new Promise((resolve) => plain.close(resolve));
});
