import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { SimulatedCamera } from '../support/camera/camera.ts';
import type { BadAnswer, OnvifOptions } from '../support/camera/onvif-options.ts';
import { until } from '../support/until.ts';
import { connect, type ForeignCam } from './foreign-cam.ts';

const run = promisify(execFile);
const LOGIN = { user: 'admin', password: 'p<&>"ss' };
const INPUTS = ['door', 'smoke'];

async function camera(t: Test, onvif: Partial<OnvifOptions> = {}): Promise<SimulatedCamera> {
  const made = new SimulatedCamera({ name: 'cam', clip: 'h264', ...LOGIN, inputs: INPUTS, onvif });
  await made.start();
  t.teardown(() => made.stop());
  return made;
}

const client = (made: SimulatedCamera, password = LOGIN.password): Promise<ForeignCam> =>
  connect({ hostname: '127.0.0.1', port: made.onvifPort, username: LOGIN.user, password });

/** `input=state` or `tampering=state` with the property operation. */
function told(events: readonly ForeignEvent[]): string[] {
  return events.map(({ topic, message: { message } }) => {
    const source = message.source.simpleItem.$.Value;
    return `${topic._.split('/').at(-1)} ${source} ${message.data.simpleItem.$.Value} ${message.$.PropertyOperation}`;
  });
}

type ForeignEvent = Awaited<ReturnType<ForeignCam['pull']>>[number];

const INITIAL = [
  'ImagingService video_source_1 false Initialized',
  'DigitalInput door false Initialized',
  'DigitalInput smoke false Initialized',
];

for (const media2 of [false, true]) {
  t.test(`the onvif client connects and finds profile and stream, media ${media2 ? 2 : 1}`, async (t) => {
    const made = await camera(t, { media2 });
    const cam = await client(made);
    const [profile] = await cam.call<{ videoEncoderConfiguration: object }[]>('getProfiles');
    t.match(profile, {
      $: { token: 'profile_1' },
      videoEncoderConfiguration: { encoding: 'H264', resolution: { width: 640, height: 360 } },
    });
    const { uri } = await cam.call<{ uri: string }>('getStreamUri', {
      protocol: 'RTSP',
      profileToken: 'profile_1',
    });
    t.equal(uri, made.rtsp.url);
    t.match(await cam.call('getDeviceInformation'), { manufacturer: 'Beffroi', model: 'Simulated Camera' });
    await t.rejects(cam.call('getSnapshotUri', { profileToken: 'profile_1' }), /Not Implemented/);
  });
}

t.test('a profile of H.265 is seen through media 2, and media 1 shows no encoder for it', async (t) => {
  const made = new SimulatedCamera({ name: 'cam', clip: 'h265', ...LOGIN });
  await made.start();
  t.teardown(() => made.stop());
  const cam = await client(made);
  t.match(await cam.call('getProfiles'), [{ videoEncoderConfiguration: { encoding: 'H265' } }]);
});

t.test('the clock of the camera is told without a login', async (t) => {
  const made = await camera(t);
  made.setClockOffset(-86_400_000);
  const cam = await client(made, 'wrong').catch((error: Error & { cam: ForeignCam }) => error.cam);
  const time = await cam.call<Date>('getSystemDateAndTime');
  t.ok(Math.abs(time.getTime() - (Date.now() - 86_400_000)) < 60_000);
});

t.test('a wrong password is refused with ter:NotAuthorized and counted', async (t) => {
  const made = await camera(t, { media2: false });
  await t.rejects(client(made, 'wrong'), /not authorized/i);
  t.ok(made.counters.onvif.loginsRefused > 0);
  t.equal(made.loginsRefused, made.counters.onvif.loginsRefused);
});

t.test('a token made outside the window of the clock is refused and counted apart', async (t) => {
  const made = await camera(t, { clockWindowMs: 5000 });
  const cam = await client(made);
  made.setClockOffset(30_000);
  await t.rejects(cam.call('getDeviceInformation'), /not authorized/i);
  t.match(made.counters.onvif, { clockRefused: 1, loginsRefused: 1 });
});

for (const pullPointReference of ['address', 'parameter'] as const) {
  t.test(`events are pulled from a pull point known by ${pullPointReference}`, async (t) => {
    const made = await camera(t, { pullPointReference });
    const cam = await client(made);
    await cam.call('createPullPointSubscription');
    t.strictSame(told(await cam.pull()), INITIAL);
    const next = cam.pull();
    made.setInput('smoke', true);
    t.strictSame(told(await next), ['DigitalInput smoke true Changed']);
    made.setInput('smoke', true);
    made.setTampering(true);
    t.strictSame(told(await cam.pull()), ['ImagingService video_source_1 true Changed'], 'only what changed');
    await cam.call('renew', {});
    await cam.call('unsubscribe');
    t.equal(made.onvif.events.points.count, 0);
  });
}

t.test('every subscriber hears of every event, and no more than the limit are taken', async (t) => {
  const made = await camera(t, { maxPullPoints: 2 });
  const cams = [await client(made), await client(made), await client(made)] as const;
  await cams[0].call('createPullPointSubscription');
  await cams[1].call('createPullPointSubscription');
  await t.rejects(cams[2].call('createPullPointSubscription'), /maximum number/);
  await Promise.all([cams[0].pull(), cams[1].pull()]);
  made.setInput('door', true);
  for (const cam of [cams[0], cams[1]])
    t.strictSame(told(await cam.pull()), ['DigitalInput door true Changed']);
});

t.test('a pull point of a camera that has started again is unknown', async (t) => {
  const made = await camera(t);
  const cam = await client(made);
  await cam.call('createPullPointSubscription');
  await made.unplug();
  await made.plug();
  await t.rejects(cam.pull(), /does not exist/);
});

/** SOAP sent by curl with HTTP digest. */
async function curl(
  made: SimulatedCamera,
  path: string,
  body: string,
): Promise<{ status: string; xml: string }> {
  const envelope = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>${body}</e:Body></e:Envelope>`;
  const login = ['--digest', '-u', `${LOGIN.user}:${LOGIN.password}`];
  const request = ['-H', 'Content-Type: application/soap+xml', '-d', envelope, '-w', '\n%{http_code}'];
  const { stdout } = await run('curl', [
    '-s',
    ...login,
    ...request,
    `http://127.0.0.1:${made.onvifPort}${path}`,
  ]);
  const at = stdout.lastIndexOf('\n');
  return { status: stdout.slice(at + 1), xml: stdout.slice(0, at) };
}

const GET_INPUTS = '<GetDigitalInputs xmlns="http://www.onvif.org/ver10/deviceIO/wsdl"/>';
const EVENTS = 'xmlns="http://www.onvif.org/ver10/events/wsdl"';
const SERVICE = '/onvif/device_service';

for (const digest of ['md5', 'sha256', 'both'] as const) {
  t.test(`curl logs in by HTTP digest, ${digest}, and reads the digital inputs`, async (t) => {
    const made = await camera(t, { login: 'digest', digest });
    const { status, xml } = await curl(made, '/onvif/deviceio_service', GET_INPUTS);
    t.equal(status, '200');
    t.match(xml, /<tmd:DigitalInputs token="door" IdleState="open"\/><tmd:DigitalInputs token="smoke"/);
    t.match(made.counters.onvif, { loginsAccepted: 1, loginsRefused: 0 });
  });
}

t.test(
  'a nonce that has run out is called stale, so that the client tries again, and is no refused login',
  async (t) => {
    const made = await camera(t, { login: 'digest', nonceLifetimeMs: -1 });
    await t.rejects(curl(made, '/onvif/deviceio_service', GET_INPUTS), /./, 'curl gives up after some tries');
    t.ok(made.counters.onvif.requests > 10);
    t.equal(made.counters.onvif.loginsRefused, 0);
  },
);

/** The path of a new pull point. */
async function subscribed(made: SimulatedCamera, inner = ''): Promise<string> {
  const create = `<CreatePullPointSubscription ${EVENTS}>${inner}</CreatePullPointSubscription>`;
  const { xml } = await curl(made, '/onvif/event_service', create);
  return new URL(/<wsa:Address>(.*?)<\/wsa:Address>/.exec(xml)?.[1] ?? '').pathname;
}

const pull = (made: SimulatedCamera, path: string, timeout = 'PT5S') =>
  curl(
    made,
    path,
    `<PullMessages ${EVENTS}><Timeout>${timeout}</Timeout><MessageLimit>10</MessageLimit></PullMessages>`,
  );

const count = (xml: string) => xml.split('<wsnt:NotificationMessage>').length - 1;

t.test('a synchronisation point brings the state of every property again', async (t) => {
  const made = await camera(t);
  const path = await subscribed(made);
  t.equal(count((await pull(made, path)).xml), 3);
  t.equal((await curl(made, path, `<SetSynchronizationPoint ${EVENTS}/>`)).status, '200');
  const { xml } = await pull(made, path);
  t.equal(count(xml), 3);
  t.equal(xml.split('PropertyOperation="Initialized"').length - 1, 3);
});

t.test('a topic filter lets only its topics through', async (t) => {
  const made = await camera(t);
  const dialect = 'http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet';
  const topic = `<n:TopicExpression xmlns:n="http://docs.oasis-open.org/wsn/b-2" Dialect="${dialect}">tns1:Device//.</n:TopicExpression>`;
  const path = await subscribed(made, `<Filter>${topic}</Filter>`);
  const { xml } = await pull(made, path);
  t.equal(count(xml), 2);
  t.notMatch(xml, /GlobalSceneChange/);
});

t.test('an empty pull ends with its time-out, a subscription with its time', async (t) => {
  const made = await camera(t);
  const path = await subscribed(made);
  await pull(made, path);
  const { status, xml } = await pull(made, path, 'PT0.1S');
  t.equal(status, '200');
  t.equal(count(xml), 0);
  const soon =
    '<Renew xmlns="http://docs.oasis-open.org/wsn/b-2"><TerminationTime>PT0.2S</TerminationTime></Renew>';
  t.equal((await curl(made, path, soon)).status, '200');
  await until(() => made.onvif.events.points.count === 0);
  t.match(await pull(made, path), { status: '500', xml: /env:Receiver.*ResourceUnknownFault/ });
});

t.test('a client that goes away while it waits loses no event', async (t) => {
  const made = await camera(t);
  const path = await subscribed(made);
  await pull(made, path);
  const gone = new AbortController();
  const { username, password, url } = { username: LOGIN.user, password: LOGIN.password, url: made.onvif.url };
  const waiting = run(
    'curl',
    [
      '-s',
      '--digest',
      '-u',
      `${username}:${password}`,
      '-d',
      `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><PullMessages ${EVENTS}><Timeout>PT30S</Timeout><MessageLimit>1</MessageLimit></PullMessages></e:Body></e:Envelope>`,
      new URL(path, url).href,
    ],
    { signal: gone.signal },
  );
  await until(() => made.counters.onvif.pulls >= 2);
  gone.abort();
  await t.rejects(waiting);
  await until(() => made.onvif.openConnections === 0);
  made.setInput('door', true);
  t.match((await pull(made, path)).xml, /Value="door".*Value="true"/);
});

t.test(
  'an unknown operation and an unknown profile are answered by the faults of the specification',
  async (t) => {
    const made = await camera(t);
    const trt = 'xmlns="http://www.onvif.org/ver10/media/wsdl"';
    const snapshot = await curl(made, SERVICE, `<GetSnapshotUri ${trt}/>`);
    t.match(snapshot, { status: '500', xml: /env:Receiver.*ter:ActionNotSupported/ });
    const stream = await curl(
      made,
      SERVICE,
      `<GetStreamUri ${trt}><ProfileToken>x</ProfileToken></GetStreamUri>`,
    );
    t.match(stream, { status: '400', xml: /env:Sender.*ter:InvalidArgVal.*ter:NoProfile/ });
  },
);

const GET_TIME = '<GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/>';

t.test('an answer comes late when told to, and then the same', async (t) => {
  const made = await camera(t);
  made.onvif.faults.answerDelayMs = 50;
  t.equal((await curl(made, SERVICE, GET_TIME)).status, '200');
});

/** Status and the first bytes of an answer that may never end. */
async function beginning(made: SimulatedCamera, bytes: number): Promise<string> {
  const response = await fetch(made.onvif.url, { method: 'POST', body: '<x/>', redirect: 'manual' });
  let text = `${response.status} `;
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString('latin1');
    if (text.length > bytes) break;
  }
  return text;
}

const BAD: readonly [BadAnswer, number, RegExp][] = [
  ['html', 1000, /^200 <html>/],
  ['garbage', 1000, /^200 \xff\xfe/],
  ['truncated', 1000, /^200 <\?xml.*2003$/],
  ['entities', 10_000, /<!ENTITY e12 /],
  ['redirect', 1000, /^302 /],
  ['endless', 1_000_000, /^200 (<a>){1000}/],
  ['drip', 6, /^200 {3}/],
];

for (const [kind, bytes, expected] of BAD) {
  t.test(`a bad answer of the kind ${kind}, and a good one afterwards`, async (t) => {
    const made = await camera(t);
    made.onvif.faults.badAnswer = kind;
    t.match(await beginning(made, bytes), expected);
    made.onvif.faults.badAnswer = undefined;
    t.equal((await curl(made, SERVICE, GET_TIME)).status, '200');
  });
}

t.test('a second PullMessages on a subscription is refused while the first waits', async (t) => {
  const made = await camera(t);
  const path = await subscribed(made);
  await pull(made, path);
  const waiting = pull(made, path, 'PT60S');
  await until(() => made.counters.onvif.pulls >= 2);
  t.match(await pull(made, path), { status: '500', xml: /UnableToGetMessagesFault/ });
  made.setInput('door', true);
  t.equal(count((await waiting).xml), 1);
});

t.test(
  'a token is refused with 400, a missing login with 401 and a challenge [ONVIF Core §5.9.1]',
  async (t) => {
    const made = await camera(t);
    const response = await fetch(made.onvif.url, {
      method: 'POST',
      body: `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>${GET_INPUTS}</e:Body></e:Envelope>`,
    });
    t.equal(response.status, 401);
    t.match(response.headers.get('www-authenticate'), /^Digest /);
    t.match(await response.text(), /ter:NotAuthorized/);
    t.equal(made.counters.onvif.loginsRefused, 0);
    const cam = await client(made);
    made.setPassword('other');
    const status = cam.answered();
    await t.rejects(cam.call('getDeviceInformation'));
    t.equal(await status, 400);
    t.equal(made.counters.onvif.loginsRefused, 1);
  },
);
