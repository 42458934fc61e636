import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import t from 'tap';
import { systemClock } from '../../../agent/base/clock.ts';
import { asBeffroiError } from '../../../agent/base/errors.ts';
import { decodeXml } from '../../../agent/camera/http/charset.ts';
import type { HttpTarget } from '../../../agent/camera/http/connect.ts';
import {
  exchange,
  HTTP_LIMITS,
  type HttpLimits,
  type HttpRequest,
  requestPath,
} from '../../../agent/camera/http/exchange.ts';
import { createPki } from '../../support/pki.ts';
import { freePort, NAMELESS } from '../../support/port.ts';
import { never, serve, serveRaw } from './support.ts';

/** None of these is reached by a slow machine alone. */
const limits: HttpLimits = { connectMs: 120_000, idleMs: 120_000, overallMs: 120_000, maxBytes: 100_000 };
const post: HttpRequest = { method: 'POST', path: '/onvif', headers: {}, body: '<x/>' };

function ask(port: number, options: Partial<HttpTarget> = {}, signal = never, bounds = limits) {
  const target = { camera: 'cam-1', host: '127.0.0.1', port, tls: false, ...options };
  return exchange(target, post, bounds, systemClock, signal);
}

/** Asks with ever longer bounds while the machine is slower than they are: while the error is one of `early`. */
async function askBounded(
  port: number,
  bound: 'connectMs' | 'overallMs',
  early: readonly string[],
  options: Partial<HttpTarget> = {},
): Promise<never> {
  for (let ms = 200; ; ms *= 2) {
    const bounds = { ...limits, [bound]: ms };
    const error = await ask(port, options, never, bounds).catch((thrown: unknown) => asBeffroiError(thrown));
    if (!('code' in error) || !early.includes(error.code)) throw error;
  }
}

/** Answers each connection's request with these bytes, then does `after`. */
function answering(t: Parameters<typeof serveRaw>[0], text: string, after: (socket: Socket) => void) {
  return serveRaw(t, (socket) => {
    socket.once('data', () => {
      socket.write(text);
      after(socket);
    });
  });
}

t.test(
  'an answer comes with its status, headers and times, on a connection that is closed after it',
  async (t) => {
    const port = await serve(t, ({ request, body, path }, response) => {
      response.writeHead(401, [
        ['Content-Type', 'text/xml; charset=utf-8'],
        ['WWW-Authenticate', 'Digest realm="a"'],
        ['WWW-Authenticate', 'Basic realm="b"'],
      ]);
      response.end(`${request.method} ${path} ${body} ${request.headers.connection} ${request.headers.host}`);
    });
    const reply = await ask(port);
    t.equal(reply.status, 401);
    t.equal(reply.contentType, 'text/xml; charset=utf-8');
    t.same(reply.challenges, ['Digest realm="a"', 'Basic realm="b"']);
    t.equal(reply.body.toString(), `POST /onvif <x/> close 127.0.0.1:${port}`);
    t.ok(reply.sentMonotonicMs <= reply.answeredMonotonicMs);
  },
);

t.test('cameras with loose line ends or without a length are understood', async (t) => {
  const port = await answering(t, 'HTTP/1.0 200 OK\nContent-Type: text/xml\n\n<a/>', (socket) =>
    socket.end(),
  );
  t.equal((await ask(port)).body.toString(), '<a/>');
});

t.test('a camera that does not answer as it should is named with what it did', async (t) => {
  const silent: [title: string, port: number][] = [
    ['never answers', await serveRaw(t, () => undefined)],
    ['stops within the head', await answering(t, 'HTTP/1.1 200 OK\r\nConte', () => undefined)],
  ];
  const dripping = await answering(t, 'HTTP/1.1 200 OK\r\n\r\n', (socket) => {
    const drip = setInterval(() => socket.write('x'), 20);
    socket.on('close', () => clearInterval(drip));
  });
  const cases: [title: string, code: string, port: number][] = [
    [
      'sends garbage',
      'camera-protocol',
      await answering(t, '\u0000\u0001\u0002 garbage \r\n\r\n', () => undefined),
    ],
    ['closes at once', 'camera-protocol', await serveRaw(t, (socket) => socket.end())],
    ['resets at once', 'camera-protocol', await serveRaw(t, (socket) => socket.resetAndDestroy())],
    [
      'resets within the answer',
      'camera-protocol',
      await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', (socket) =>
        setTimeout(() => socket.resetAndDestroy(), 20),
      ),
    ],
    [
      'promises more than it sends',
      'camera-protocol',
      await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', (socket) => socket.end()),
    ],
    [
      'sends endless headers',
      'camera-protocol',
      await answering(t, `HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(20_000)}`, () => undefined),
    ],
    [
      'redirects',
      'camera-redirected',
      await answering(
        t,
        'HTTP/1.1 302 Found\r\nLocation: http://192.0.2.9/\r\nContent-Length: 0\r\n\r\n',
        () => undefined,
      ),
    ],
    [
      'announces too much',
      'camera-too-large',
      await answering(
        t,
        `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(200_000)}`,
        () => undefined,
      ),
    ],
  ];
  const short = { ...limits, idleMs: 100 };
  await Promise.all([
    ...cases.map(([title, code, port]) =>
      t.rejects(ask(port), { code, message: /cam-1/ }, `${title}: ${code}`),
    ),
    ...silent.map(([title, port]) =>
      t.rejects(ask(port, {}, never, short), { code: 'camera-silent', message: /cam-1/ }, title),
    ),
    t.rejects(
      askBounded(dripping, 'overallMs', ['camera-silent', 'camera-unreachable']),
      { code: 'camera-slow', message: /cam-1/ },
      'drips one byte at a time',
    ),
  ]);
});

t.test('an endless answer is cut at the limit, not taken into memory', async (t) => {
  let written = 0;
  const closed = Promise.withResolvers<void>();
  const port = await answering(t, 'HTTP/1.1 200 OK\r\n\r\n', (socket) => {
    const piece = Buffer.alloc(65_536, 0x20);
    const more = () => {
      while (!socket.destroyed && socket.write(piece)) written += piece.length;
    };
    socket.on('drain', more);
    socket.on('close', () => closed.resolve());
    more();
  });
  await t.rejects(ask(port), { code: 'camera-too-large' });
  await closed.promise;
  t.ok(written < 30_000_000, `the camera got rid of ${written} bytes, most of them into socket buffers`);
});

t.test('a port that refuses, an unknown name and a caller who stops are told apart', async (t) => {
  await t.rejects(ask(await freePort()), { code: 'camera-port-closed' });
  await t.rejects(ask(80, { host: NAMELESS }), { code: 'camera-unreachable' });
  const silent = await serveRaw(t, () => undefined);
  const abort = new AbortController();
  const asked = ask(silent, {}, abort.signal);
  setImmediate(() => abort.abort(new Error('stop')));
  await t.rejects(asked, { message: 'stop' });
  await t.rejects(ask(silent, {}, abort.signal), { message: 'stop' });
});

t.test(
  'over TLS a certificate of an unknown authority is taken, a pinned one must match before anything is sent',
  async (t) => {
    const { broker } = await createPki(t.testdir());
    const [cert, key] = [readFileSync(broker.certfile), readFileSync(broker.keyfile)];
    let requests = 0;
    const server = createServer({ key, cert }, (_request, response) => {
      requests += 1;
      response.end('hello');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    t.equal((await ask(port, { tls: true })).body.toString(), 'hello');
    const certificateSha256 = new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();
    t.equal((await ask(port, { tls: true, certificateSha256 })).status, 200);
    await t.rejects(ask(port, { tls: true, certificateSha256: 'ab'.repeat(32) }), {
      code: 'camera-certificate',
    });
    t.equal(requests, 2);
    const plain = await serve(t, (_asked, response) => response.end());
    await t.rejects(ask(plain, { tls: true }), { code: 'camera-protocol' });
    const mute = await serveRaw(t, () => undefined);
    await t.rejects(askBounded(mute, 'connectMs', ['camera-unreachable'], { tls: true }), {
      code: 'camera-silent',
    });
  },
);

t.test('the bounds of a working camera are finite', async (t) => {
  for (const bound of Object.values(HTTP_LIMITS)) t.ok(bound > 0 && Number.isFinite(bound));
});

t.test('a path is sent as it is, but for what no request line can carry', async (t) => {
  t.equal(requestPath('/a b?c=é&d=%20"\r\nX: y'), '/a%20b?c=%C3%A9&d=%20"%0D%0AX:%20y');
  t.equal(requestPath('/\ud800'), '/%EF%BF%BD');
});

t.test('text is read by mark, prolog and header, and by what it is where they lie', async (t) => {
  const latin1 = (text: string) => Buffer.from(text, 'latin1');
  t.equal(decodeXml(Buffer.from('<a>é</a>'), 'application/soap+xml'), '<a>é</a>');
  t.equal(
    decodeXml(latin1('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'), ''),
    '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>',
  );
  t.equal(decodeXml(latin1('<a>é</a>'), 'text/xml; charset="iso-8859-1"'), '<a>é</a>');
  t.equal(
    decodeXml(latin1('<a>é</a>'), 'text/xml; charset=utf-8'),
    '<a>é</a>',
    'not UTF-8 although it says so',
  );
  t.equal(decodeXml(Buffer.from([0xb1, 0xb1]), 'text/xml; charset=gb2312'), '北');
  t.equal(
    decodeXml(Buffer.from('<?xml version="1.0" encoding="utf-16"?><a>é</a>'), ''),
    '<?xml version="1.0" encoding="utf-16"?><a>é</a>',
  );
  t.equal(decodeXml(Buffer.from('\ufeff<a/>', 'utf16le'), ''), '<a/>');
  t.equal(decodeXml(Buffer.from('\ufeff<a/>'), ''), '<a/>');
  t.equal(decodeXml(Buffer.from('<a/>'), 'text/xml; charset=klingon'), '<a/>');
});
