import t from 'tap';
import { passwordDigest } from '../../../agent/camera/onvif/envelope.ts';
import { foreignCamera } from './foreign-camera.ts';
import { cameraAt, captured, credentials, dateAnswer, never, serve, soapFault } from './support.ts';

const wrong = { ...credentials, password: 'wrong' };

t.test('the digest of a UsernameToken is that of the ONVIF Application Programmer Guide', async (t) => {
  const nonce = Buffer.from('LKqI6G/AikKCQrN0zqZFlg==', 'base64');
  t.equal(passwordDigest(nonce, '2010-09-16T07:50:45Z', 'userpassword'), 'tuOSpGlFlIXsozq4HFNeeGeFLEI=');
});

for (const auth of ['md5', 'sha-256'] as const) {
  t.test(`a foreign camera with digest ${auth} takes our login`, async (t) => {
    const foreign = await foreignCamera(t, { auth });
    const { camera, latch } = cameraAt(foreign.port, { credentials });
    t.equal((await camera.deviceInformation(never)).manufacturer, 'Python');
    t.equal((await camera.deviceInformation(never)).manufacturer, 'Python');
    const stats = await foreign.stats();
    t.match(stats, { accepted: 2, refused: 0, anonymous: 2, problems: [], most_open: 1 });
    t.equal(latch.saved[0]?.refused ?? 0, 0);
  });
}

t.test('a foreign camera that wants a token takes ours although its clock is an hour off', async (t) => {
  const foreign = await foreignCamera(t, { auth: 'token', skew: -3600, window: 5 });
  const { camera } = cameraAt(foreign.port, { credentials });
  t.equal((await camera.deviceInformation(never)).manufacturer, 'Python');
  t.equal((await camera.deviceInformation(never)).manufacturer, 'Python');
  t.match(await foreign.stats(), {
    accepted: 2,
    refused: 0,
    anonymous: 1,
    calls: ['GetDeviceInformation', 'GetSystemDateAndTime', 'GetDeviceInformation', 'GetDeviceInformation'],
  });
  const { offsetMs, uncertaintyMs } = await camera.systemTime(never);
  t.ok(Math.abs(offsetMs + 3_600_000) <= uncertaintyMs + 50, `offset ${offsetMs} within ${uncertaintyMs}`);
});

t.test('a clock that jumps costs one refusal, which the next login takes back', async (t) => {
  const foreign = await foreignCamera(t, { auth: 'token' });
  const { camera, latch } = cameraAt(foreign.port, { credentials });
  await camera.deviceInformation(never);
  for (const seconds of [7200, -86_400, 30, 7200]) {
    await foreign.order(`/skew?seconds=${seconds}`);
    t.equal((await camera.deviceInformation(never)).manufacturer, 'Python');
  }
  t.match(await foreign.stats(), { refused: 4, accepted: 5 });
  t.match(latch.saved, [{ version: 1, refused: 0, proven: true }]);
});

for (const auth of ['md5', 'token', 'token-or-md5'] as const) {
  t.test(`a wrong password is refused three times in all, then not sent any more (${auth})`, async (t) => {
    const foreign = await foreignCamera(t, { auth });
    const { camera, gate, latch } = cameraAt(foreign.port, { credentials: wrong });
    const codes: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      await camera.deviceInformation(never).catch((error: { code: string }) => codes.push(error.code));
    }
    const { refused } = await foreign.stats();
    t.equal(refused, 3);
    t.equal(codes[0], 'camera-login-refused');
    t.equal(codes.at(-1), 'camera-latched');
    t.same(latch.saved, [{ version: 1, refused: 3, unsure: 0, proven: false }]);
    const before = (await foreign.stats()).calls.length;
    await t.rejects(camera.systemTime(never), { code: 'camera-latched' });
    t.equal((await foreign.stats()).calls.length, before, 'latched: not even a connection');
    gate.setCredentialVersion(2);
    const right = cameraAt(foreign.port, { credentials: { ...credentials, version: 2 } });
    t.equal((await right.camera.deviceInformation(never)).manufacturer, 'Python');
  });
}

t.test('many calls at once with a wrong password are refused three times in all', async (t) => {
  const foreign = await foreignCamera(t, { auth: 'md5' });
  const { camera } = cameraAt(foreign.port, { credentials: wrong });
  const results = await Promise.allSettled(Array.from({ length: 12 }, () => camera.deviceInformation(never)));
  t.ok(results.every(({ status }) => status === 'rejected'));
  const { refused, most_open } = await foreign.stats();
  t.equal(refused, 3);
  t.ok(most_open <= 2, 'never more connections than the budget');
});

t.test('a login that is wanted and not configured is named', async (t) => {
  const foreign = await foreignCamera(t, { auth: 'md5' });
  await t.rejects(cameraAt(foreign.port).camera.deviceInformation(never), {
    code: 'camera-login-refused',
    message: /holds none/,
  });
  t.match(await foreign.stats(), { refused: 0 });
});

t.test(
  'a refused token is put down to the clock only when the clock is far off or the camera says so',
  async (t) => {
    const refusing = (date: Date, reason: string) =>
      serve(t, ({ method }, response) => {
        if (method === 'GetSystemDateAndTime') return response.end(dateAnswer(date));
        response.statusCode = 400;
        return response.end(soapFault('ter:NotAuthorized', reason));
      });
    const now = new Date();
    const yearsOff = new Date('2001-02-03T04:05:06Z');
    for (const [port, code] of [
      [await refusing(now, 'Sender not authorized'), 'camera-login-refused'],
      [await refusing(now, 'Message has expired'), 'camera-clock-refused'],
      [await refusing(yearsOff, 'Sender not authorized'), 'camera-clock-refused'],
    ] as const) {
      await t.rejects(cameraAt(port, { credentials }).camera.deviceInformation(never), { code });
    }
  },
);

t.test('an account without the right to one call keeps its login', async (t) => {
  const port = await serve(t, ({ method, request }, response) => {
    if (!request.headers.authorization) {
      response.writeHead(401, { 'WWW-Authenticate': 'Digest realm="r", nonce="n", qop="auth"' });
      return response.end();
    }
    if (method === 'GetDeviceInformation') return response.end(captured(method));
    response.statusCode = 400;
    return response.end(soapFault('ter:NotAuthorized', 'The action requires the role of an operator'));
  });
  const { camera, latch } = cameraAt(port, { credentials });
  for (let i = 0; i < 5; i += 1) {
    await camera.deviceInformation(never);
    await t.rejects(camera.streamUri('main', never), {
      code: 'camera-fault',
      message: /role of an operator/,
    });
  }
  t.equal(latch.saved[0]?.refused ?? 0, 0);
});

t.test('a camera that asks for the password in clear does not get it', async (t) => {
  const seen: string[] = [];
  const port = await serve(t, ({ request }, response) => {
    seen.push(String(request.headers.authorization));
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' });
    response.end('no');
  });
  await t.rejects(cameraAt(port, { credentials }).camera.deviceInformation(never), {
    code: 'camera-insecure-login',
  });
  t.same([...new Set(seen)], ['undefined']);
});

t.test('a camera with a new realm and nonce every time is given up after one refusal a call', async (t) => {
  let asked = 0;
  const port = await serve(t, (_one, response) => {
    asked += 1;
    response.writeHead(401, {
      'WWW-Authenticate': `Digest realm="r${asked}", nonce="n${asked}", qop="auth"`,
    });
    response.end('no');
  });
  const { camera, latch } = cameraAt(port, { credentials });
  await t.rejects(camera.deviceInformation(never), { code: 'camera-login-refused' });
  t.equal(asked, 2);
  t.same(latch.saved, [{ version: 1, refused: 1, unsure: 0, proven: false }]);
});

t.test('a camera that finds every nonce stale does not keep us for ever', async (t) => {
  let asked = 0;
  const port = await serve(t, (_one, response) => {
    asked += 1;
    response.writeHead(401, { 'WWW-Authenticate': `Digest realm="r", nonce="n${asked}", stale=true` });
    response.end('no');
  });
  await t.rejects(cameraAt(port, { credentials }).camera.deviceInformation(never), {
    code: 'camera-login-refused',
  });
  t.ok(asked <= 5, `${asked} requests`);
});

t.test('no secret reaches an error or a log line', async (t) => {
  const foreign = await foreignCamera(t, { auth: 'md5' });
  const { camera, lines } = cameraAt(foreign.port, {
    credentials: { ...credentials, password: 'hunter2hunter2' },
  });
  const error = await camera.deviceInformation(never).then(
    () => new Error('was not refused'),
    (thrown: Error) => thrown,
  );
  t.match(error, { code: 'camera-login-refused' });
  t.notMatch(`${error.stack} ${JSON.stringify(error)} ${lines.join()}`, /hunter2/);
});
