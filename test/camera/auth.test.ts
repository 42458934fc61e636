import { createHash } from 'node:crypto';
import t from 'tap';
import { parseChallenges } from '../../agent/camera/auth/challenge.ts';
import { Login } from '../../agent/camera/auth/digest.ts';
import { digestResponse } from '../../agent/camera/auth/digest-response.ts';
import * as fc from '../support/properties.ts';

const credentials = { version: 1, user: 'Mufasa', password: 'Circle of Life' };
const options = { camera: 'cam-a', peerKnown: false, randomBytes: (count: number) => Buffer.alloc(count, 7) };
const login = (more: object = {}) => new Login(credentials, { ...options, ...more });

const rfc7616 = {
  session: false,
  user: 'Mufasa',
  password: 'Circle of Life',
  realm: 'http-auth@example.org',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  method: 'GET',
  uri: '/dir/index.html',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  auth: { cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ', nonceCount: '00000001' },
};

t.test('digest: the examples of the standards give the responses printed there', async (t) => {
  t.equal(
    digestResponse({ ...rfc7616, hash: 'sha256' }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    'RFC 7616 §3.9.1, SHA-256',
  );
  t.equal(
    digestResponse({ ...rfc7616, hash: 'md5' }),
    '8ca523f5e9506fed4657c9700eebdbec',
    'RFC 7616 §3.9.1, MD5',
  );
  const rfc2617 = {
    ...rfc7616,
    hash: 'md5' as const,
    password: 'Circle Of Life',
    realm: 'testrealm@host.com',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
  };
  const auth = { cnonce: '0a4f113b', nonceCount: '00000001' };
  t.equal(digestResponse({ ...rfc2617, auth }), '6629fae49393a05397450978507c4ef1', 'RFC 2617 §3.5');
  const { auth: _, ...legacy } = rfc2617;
  t.equal(
    digestResponse({ ...legacy, password: 'CircleOfLife' }),
    '1949323746fe6a43ef61f9606e7febea',
    'RFC 2069 §2.4 as corrected by its erratum 749',
  );
});

t.test('digest: the -sess algorithms hash nonce and cnonce into A1 [RFC 7616 §3.4.2]', async (t) => {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const a1 = md5(`${md5('u:r:p')}:n:c`);
  const input = { user: 'u', realm: 'r', password: 'p', nonce: 'n', cnonce: 'c', method: 'GET', uri: '/' };
  const auth = { cnonce: 'c', nonceCount: '00000002' };
  t.equal(
    digestResponse({ ...input, hash: 'md5', session: true, auth }),
    md5(`${a1}:n:00000002:c:auth:${md5('GET:/')}`),
  );
});

t.test('challenges: several in one header, quoted commas, odd spacing and case are read', async (t) => {
  const found = parseChallenges([
    'DIGEST  Realm = "a, \\"b\\"" ,nonce=abc,QOP="auth,auth-int", stale=FALSE,x, Basic realm="c"',
    'Digest realm="d" nonce="e"',
    'Negotiate YWJj==',
  ]);
  t.same(
    found.map(({ scheme }) => scheme),
    ['digest', 'x', 'basic', 'digest', 'negotiate'],
  );
  t.equal(found[0]?.params.get('realm'), 'a, \\"b\\"');
  t.equal(found[0]?.params.get('nonce'), 'abc');
  t.equal(found[0]?.params.get('qop'), 'auth,auth-int');
  t.equal(found[3]?.params.get('nonce'), 'e', 'a missing comma does no harm');
});

t.test('challenges: arbitrary text never throws and is bounded', async (t) => {
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom('Digest', '=', '"', '\\', ',', ' ', 'a')).map((p) => p.join('')),
  );
  fc.assert(fc.property(fc.array(text), (headers) => parseChallenges(headers).length <= 16));
  t.ok(parseChallenges([`Digest ${'a="b",'.repeat(100_000)}`]).length <= 16);
  t.pass('held');
});

t.test('login: nothing is sent before a challenge', async (t) => {
  t.equal(login().authorize('GET', '/'), undefined);
});

t.test('login: SHA-256 is chosen over MD5, in whatever order they are offered', async (t) => {
  const it = login();
  t.equal(
    it.challenge([
      'Digest realm="r", nonce="1", algorithm=MD5',
      'Digest realm="r", nonce="2", algorithm=SHA-256',
    ]),
    'retry',
  );
  t.match(it.authorize('GET', '/'), /nonce="2".*algorithm=SHA-256/);
});

t.test(
  'login: qop auth counts the nonce up, echoes opaque and algorithm, and a new nonce begins anew',
  async (t) => {
    const it = login();
    it.challenge(['Digest realm="r", nonce="n1", qop="auth-int, auth", opaque="o", algorithm="MD5-sess"']);
    const first = it.authorize('GET', '/');
    t.match(first, /qop=auth, nc=00000001, cnonce="(07){16}", opaque="o"/);
    t.match(first, /algorithm=MD5-sess/);
    t.match(it.authorize('GET', '/'), /nc=00000002/);
    it.challenge(['Digest realm="r", nonce="n2", qop="auth", stale=true']);
    t.match(it.authorize('GET', '/'), /nonce="n2".*nc=00000001/);
  },
);

t.test('login: a camera without qop is answered in the legacy form', async (t) => {
  const it = login();
  it.challenge(['Digest realm="Surveillance Server", nonce="98481030"']);
  const value = it.authorize('DESCRIBE', 'rtsp://10.0.0.1/') ?? '';
  t.match(value, /^Digest username="Mufasa", realm="Surveillance Server", nonce="98481030", uri=/);
  t.notMatch(value, /qop|nc=|cnonce|algorithm|opaque/);
});

t.test('login: Basic is only used where TLS has shown who asks', async (t) => {
  t.throws(() => login().challenge(['Basic realm="r"']), { code: 'camera-insecure-login' });
  const it = login({ peerKnown: true });
  it.challenge(['Basic realm="r"']);
  t.equal(it.authorize('GET', '/'), `Basic ${Buffer.from('Mufasa:Circle of Life').toString('base64')}`);
  t.equal(it.challenge(['Basic realm="r"']), 'refused');
});

t.test('login: a realm that is not ASCII is hashed and sent back byte for byte', async (t) => {
  for (const encoding of ['utf8', 'latin1'] as const) {
    const realm = Buffer.from('Caméra', encoding).toString('latin1');
    const it = login();
    it.challenge([`Digest realm="${realm}", nonce="n"`]);
    const value = it.authorize('GET', '/') ?? '';
    const md5 = (...parts: (string | Buffer)[]) =>
      parts.reduce((hash, part) => hash.update(part), createHash('md5')).digest('hex');
    const secret = md5('Mufasa:', Buffer.from('Caméra', encoding), ':Circle of Life');
    t.match(value, `realm="${realm}"`, encoding);
    t.match(value, `response="${md5(`${secret}:n:${md5('GET:/')}`)}"`, encoding);
  }
});

t.test('login: what no header can carry back is no challenge', async (t) => {
  for (const nonce of ['a\0b', 'a\rb'])
    t.throws(() => login().challenge([`Digest realm="r", nonce="${nonce}"`]), { code: 'camera-unsupported' });
});

t.test('login: what is offered without a known way is refused with the reason', async (t) => {
  t.throws(() => login().challenge(['Digest realm="r", nonce="n", qop="auth-int"']), {
    code: 'camera-unsupported',
  });
  t.throws(() => login().challenge(['Digest realm="r", nonce="n", algorithm=SHA-512-256']), {
    code: 'camera-unsupported',
  });
  t.throws(() => login().challenge(['Negotiate']), { code: 'camera-unsupported' });
  t.throws(() => login().challenge([]), { code: 'camera-protocol' });
  t.throws(() => login().challenge(['Digest realm="r", nonce="n", qop="auth-int"', 'Basic realm="r"']), {
    code: 'camera-insecure-login',
  });
});

t.test('login: a second challenge without stale is a refusal, whatever nonce it brings', async (t) => {
  for (const nonce of ['n1', 'n2']) {
    const it = login();
    it.challenge(['Digest realm="r", nonce="n1"']);
    it.authorize('GET', '/');
    t.equal(it.challenge([`Digest realm="r2", nonce="${nonce}"`]), 'refused');
    t.equal(it.refusals, 1);
  }
});

t.test('login: a peer that calls every nonce stale is refused in the end', async (t) => {
  const it = login();
  const verdicts = [0, 1, 2, 3].map((n) => {
    const verdict = it.challenge([`Digest realm="r", nonce="n${n}", stale=TRUE`]);
    it.authorize('GET', '/');
    return verdict;
  });
  t.same(verdicts, ['retry', 'retry', 'retry', 'refused']);
});

t.test('login: stale with the same nonce is a refusal', async (t) => {
  const it = login();
  it.challenge(['Digest realm="r", nonce="n"']);
  it.authorize('GET', '/');
  t.equal(it.challenge(['Digest realm="r", nonce="n", stale=true']), 'refused');
});

t.test(
  'login: after an accepted login one new nonce without stale is tried, a second one is refused',
  async (t) => {
    const it = login();
    it.challenge(['Digest realm="r", nonce="n1"']);
    it.authorize('GET', '/');
    it.accepted();
    it.authorize('GET', '/');
    t.equal(it.challenge(['Digest realm="r", nonce="n2"']), 'retry');
    it.authorize('GET', '/');
    t.equal(it.challenge(['Digest realm="r", nonce="n3"']), 'refused');
    t.equal(it.refusals, 2, 'both logins were refused by the peer');
  },
);

t.test('login: names outside ASCII are UTF-8, and cannot break out of the header', async (t) => {
  const it = new Login({ version: 1, user: 'zoé"\r\nX: y', password: 'é' }, options);
  it.challenge(['Digest realm="r", nonce="n"']);
  const value = it.authorize('GET', '/') ?? '';
  t.match(Buffer.from(value, 'latin1').toString('utf8'), 'username="zoé\\"X: y"');
  t.notMatch(value, /[\r\n]/);
});
