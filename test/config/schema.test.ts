import t from 'tap';
import { configurationSchema } from '../../agent/config/configuration.ts';
import { describeIssues } from '../../agent/config/issues.ts';
import { regimesOf } from '../../agent/config/partners.ts';
import { createRoot } from '../../provisioning/certificates.ts';

function camera(more: object = {}): object {
  return {
    id: 'cam-a',
    name: 'A',
    host: '10.0.0.1',
    regime: 'continuous',
    owner: 'commune',
    onvif: {},
    ...more,
  };
}

function point(more: object = {}): object {
  return { id: 'pt-a', name: 'Porte', camera: 'cam-a', kind: 'digital-input', ...more };
}

function panel(more: object = {}, account: object = {}): object {
  return {
    id: 'panel-a',
    name: 'A',
    listen: { host: '10.0.0.2', port: 10_000 },
    accounts: [{ account: '12345A', supervisionS: 60, ...account }],
    ...more,
  };
}

function zone(more: object = {}): object {
  return { id: 'pt-z', name: 'Zone', kind: 'panel-zone', panel: 'panel-a', account: '12345A', ...more };
}

const MODULE = { id: 'io-a', name: 'Sous-sol', host: '10.0.0.2' };
const UPS = { id: 'ups-a', name: 'Baie', host: '127.0.0.1', upsName: 'onduleur' };

function moduleInput(more: object = {}): object {
  return { id: 'pt-m', name: 'Cuve', kind: 'module-input', module: 'io-a', address: 0, ...more };
}

function mains(more: object = {}): object {
  return { id: 'pt-u', name: 'Secteur', kind: 'ups-mains', ups: 'ups-a', ...more };
}

const BROKER = { id: 'mqtt-a', name: 'GTB', host: '10.0.0.3' };
const OBJECT = { id: 'obj-a', name: 'Cuve', broker: 'mqtt-a', topic: 'bat/cuve' };

function ofObject(more: object = {}, point: object = {}): object {
  return {
    localBrokers: [BROKER],
    objects: [{ ...OBJECT, ...more }],
    points: [{ id: 'pt-o', name: 'Niveau', kind: 'object-above', object: 'obj-a', limit: 80, ...point }],
  };
}

const SERVER = { id: 'dst-a', name: 'CSU', host: '10.0.0.4' };
const X25519 = { kty: 'OKP', crv: 'X25519', x: 'a'.repeat(43) };
const RECIPIENT = { id: 'csu', key: X25519 };
const CONVENTION = {
  reference: '467/2024',
  validFrom: '2026-01-01T00:00:00+01:00',
  validUntil: '2027-01-01T00:00:00+01:00',
};

function partner(more: object = {}): object {
  return {
    id: 'emh',
    name: 'Eurométropole Metz Habitat',
    keys: ['k'.repeat(43)],
    convention: CONVENTION,
    hours: [{ from: '08:00', to: '20:00' }],
    recipients: [RECIPIENT],
    ...more,
  };
}

function leased(more: object = {}): object {
  return camera({
    id: 'cam-hall',
    host: 'hall',
    regime: 'leased',
    owner: 'partner',
    partner: 'emh',
    ...more,
  });
}

function errorsOf(config: unknown): string[] {
  const parsed = configurationSchema.safeParse(config);
  return parsed.success ? [] : describeIssues(parsed.error);
}

const PIN = 'a'.repeat(64);

const AUTHORITY = (await createRoot('Authority', Date.now())).certificate;

type Case = [title: string, config: unknown, error: string | RegExp];

const REFUSED: Case[] = [
  ['an unknown key', { camera: [] }, 'camera: unknown key'],
  [
    'an unknown key deep inside',
    { cameras: [camera({ onvif: { prt: 80 } })] },
    'cameras.0.onvif.prt: unknown key',
  ],
  [
    'a key that JavaScript treats apart',
    JSON.parse('{"__proto__": {"cameras": []}}'),
    '__proto__: unknown key',
  ],
  ['a camera id twice', { cameras: [camera(), camera()] }, 'cameras.1.id: this id stands twice'],
  [
    'a camera without a way to its stream',
    { cameras: [camera({ onvif: undefined })] },
    'cameras.0.rtsp.path: expected onvif, or rtsp with a path',
  ],
  [
    'a host with a path',
    { cameras: [camera({ host: '10.0.0.1/x' })] },
    'cameras.0.host: expected a host name or an IP address without brackets',
  ],
  [
    'an IPv6 address in brackets',
    { cameras: [camera({ host: '[::1]' })] },
    'cameras.0.host: expected a host name or an IP address without brackets',
  ],
  [
    'an address with colons that is none',
    { cameras: [camera({ host: '10.0.0.1:554' })] },
    'cameras.0.host: expected a host name or an IP address without brackets',
  ],
  [
    'another regime than the two',
    { cameras: [camera({ regime: 'public' })] },
    'cameras.0.regime: Invalid option: expected one of "continuous"|"leased"',
  ],
  [
    'a leased camera without partner',
    { cameras: [leased({ partner: undefined })], partners: [partner()] },
    'cameras.0.partner: a leased camera names its partner, and no other camera does',
  ],
  [
    'a destination of a leased camera',
    { cameras: [leased({ destinations: [{ to: 'dst-a' }] })], partners: [partner()], mediaServers: [SERVER] },
    'cameras.0.destinations: a leased camera goes to the recipient of its lease alone',
  ],
  [
    'no destination of a leased camera',
    { cameras: [leased({ destinations: [] })], partners: [partner()] },
    'cameras.0.destinations: a leased camera goes to the recipient of its lease alone',
  ],
  [
    'a destination that no media server is',
    { cameras: [camera({ destinations: [{ to: 'dst-b' }] })], mediaServers: [SERVER] },
    'cameras.0.destinations.0.to: no media server of this configuration has this id',
  ],
  [
    'a destination twice',
    { cameras: [camera({ destinations: [{ to: 'mqtt' }, { to: 'mqtt' }] })] },
    'cameras.0.destinations.1.to: this destination stands twice',
  ],
  [
    'a destination of a sub-stream that there is not',
    { cameras: [camera({ destinations: [{ to: 'mqtt', profile: 'sub' }] })] },
    'cameras.0.destinations.0.profile: the camera has no substream in this configuration',
  ],
  [
    'a sub-stream of a leased camera',
    { cameras: [leased({ substream: { path: '/sub' } })], partners: [partner()] },
    'cameras.0.substream: a leased camera has one stream, which its lease opens',
  ],
  [
    'a sub-stream by path and profile',
    { cameras: [camera({ substream: { path: '/sub', profile: 'p2' } })] },
    'cameras.0.substream.path: expected path or profile, and not both',
  ],
  [
    'a sub-stream by a profile that nobody can be asked for',
    { cameras: [camera({ substream: { profile: 'p2' }, onvif: undefined, rtsp: { path: '/a' } })] },
    'cameras.0.substream.profile: a profile is asked by ONVIF: expected onvif',
  ],
  [
    'pictures over UDP of a camera with TLS',
    { cameras: [camera({ transport: 'udp-or-tcp', rtsp: { path: '/a', tls: true } })] },
    'cameras.0.transport: pictures over UDP would leave TLS: expected "tcp" with "tls": true',
  ],
  [
    'hours with seconds',
    { cameras: [camera({ destinations: [{ to: 'mqtt', hours: ['0 * 7-18 * * *'] }] })] },
    'cameras.0.destinations.0.hours.0: expected a cron expression of five fields, minute first',
  ],
  [
    'a pinned certificate without TLS',
    { mediaServers: [{ ...SERVER, certificateSha256: PIN }] },
    'mediaServers.0.certificateSha256: a pinned certificate needs "tls": true',
  ],
  [
    'a login in the path of a media server',
    { mediaServers: [{ ...SERVER, path: 'rtsp://u:p@host/a' }] },
    /^mediaServers\.0\.path: /,
  ],
  [
    'a camera of a partner that is not leased',
    { cameras: [camera({ owner: 'partner' })] },
    'cameras.0.owner: a leased camera is the one of a partner, and no other camera is',
  ],
  [
    'a continuous camera that names a partner',
    { cameras: [camera({ partner: 'emh' })], partners: [partner()] },
    'cameras.0.partner: a leased camera names its partner, and no other camera does',
  ],
  [
    'a leased camera delivered on demand',
    { cameras: [leased({ delivery: 'on-demand' })], partners: [partner()] },
    'cameras.0.delivery: a leased camera opens by the lease of its partner alone',
  ],
  [
    'a leased camera delivered day and night',
    { cameras: [leased({ delivery: 'continuous' })], partners: [partner()] },
    'cameras.0.delivery: a leased camera opens by the lease of its partner alone',
  ],
  [
    'a priority of a leased camera',
    { cameras: [leased({ priority: 9 })], partners: [partner()] },
    'cameras.0.priority: a leased camera goes before every other one while a lease is open',
  ],
  [
    'a partner by the name of a report',
    { partners: [partner({ id: 'inventory' })] },
    /^partners\.0\.id: .*none of csu, dipn, main, sub, availability, inventory/,
  ],
  [
    'a partner that is not there',
    { cameras: [leased()] },
    'cameras.0.partner: no partner of this configuration has this id',
  ],
  [
    'the device of a leased camera under another name',
    { cameras: [leased({ host: 'Hall.example.' }), camera({ host: 'hall.EXAMPLE' })], partners: [partner()] },
    'cameras.1.host: a leased camera stands at this address',
  ],
  [
    'an alarm point of a leased camera',
    { cameras: [leased()], partners: [partner()], points: [point({ camera: 'cam-hall' })] },
    'points.0.camera: a partner gives the pictures of its cameras, not their alarms',
  ],
  [
    'a lease above the built-in ceiling',
    { partners: [partner({ maxLeaseMinutes: 241 })] },
    'partners.0.maxLeaseMinutes: Too big: expected number to be <=240',
  ],
  ['a partner without hours', { partners: [partner({ hours: [] })] }, /^partners\.0\.hours: Too small/],
  [
    'a convention that ends before it begins',
    { partners: [partner({ convention: { ...CONVENTION, validUntil: '2025-01-01T00:00:00Z' } })] },
    'partners.0.convention.validUntil: expected validUntil after validFrom',
  ],
  [
    'a recipient that is neither the CSU nor the police',
    { partners: [partner({ recipients: [{ id: 'press', key: X25519 }] })] },
    'partners.0.recipients.0.id: Invalid option: expected one of "csu"|"dipn"',
  ],
  [
    'a private key of a recipient',
    { partners: [partner({ recipients: [{ id: 'csu', key: { ...X25519, d: 'x' } }] })] },
    'partners.0.recipients.0.key.d: unknown key',
  ],
  [
    'a recipient twice',
    { partners: [partner({ recipients: [RECIPIENT, RECIPIENT] })] },
    'partners.0.recipients.1.id: this id stands twice',
  ],
  ['a partner twice', { partners: [partner(), partner()] }, 'partners.1.id: this id stands twice'],
  [
    'a pinned certificate without TLS',
    { cameras: [camera({ onvif: { certificateSha256: PIN } })] },
    'cameras.0.onvif.certificateSha256: a pinned certificate needs "tls": true',
  ],
  [
    'a schedule that is no cron expression',
    { health: { vitalsSchedule: '61 * * * * *' } },
    'health.vitalsSchedule: expected a cron expression of five or six fields',
  ],
  [
    'a point of a camera that is not there',
    { points: [point()] },
    'points.0.camera: no camera of this configuration has this id',
  ],
  [
    'a point of a camera that cannot speak for it',
    { cameras: [camera({ onvif: { events: false } })], points: [point()] },
    'points.0.camera: this camera takes no ONVIF events',
  ],
  [
    'a panel on every address of the box, the backbone among them',
    { panels: [panel({ listen: { host: '0.0.0.0', port: 10_000 } })] },
    'panels.0.listen.host: expected one address of the box, not all of them',
  ],
  ...['::', '::0', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0', '::0.0.0.0', '::ffff:0:0'].map(
    (host): Case => [
      `a panel on every address, written ${host}`,
      { panels: [panel({ listen: { host, port: 10_000 } })] },
      'panels.0.listen.host: expected one address of the box, not all of them',
    ],
  ),
  [
    'a point with an id that the box keeps for its sources',
    { cameras: [camera()], points: [point({ id: 'pt-source-cam-a' })] },
    'points.0.id: pt-source- begins the points that the box makes for its sources',
  ],
  [
    'a point that changes the meaning of what has no open and closed circuit',
    { cameras: [camera()], points: [point({ kind: 'tampering', inverted: true })] },
    'points.0.inverted: unknown key',
  ],
  [
    'a point with a topic that is none',
    { cameras: [camera()], points: [point({ topics: ['a//b'] })] },
    'points.0.topics.0: expected a topic such as Device/Tampering',
  ],
  [
    'a panel on a name',
    { panels: [panel({ listen: { host: 'lan', port: 10_000 } })] },
    'panels.0.listen.host: expected an IP address',
  ],
  [
    'a panel without a transport',
    { panels: [panel({ listen: { host: '10.0.0.2', port: 1, tcp: false, udp: false } })] },
    'panels.0.listen.tcp: expected tcp, udp or both',
  ],
  [
    'two panels on one port',
    { panels: [panel(), panel({ id: 'panel-b' })] },
    'panels.1.listen.port: this port stands twice',
  ],
  [
    'an account in small letters',
    { panels: [panel({}, { account: '12345a' })] },
    'panels.0.accounts.0.account: expected 3 to 16 hexadecimal digits in capital letters',
  ],
  [
    'a point of a panel that is not there',
    { points: [zone()] },
    'points.0.panel: no panel of this configuration has this id',
  ],
  [
    'a point of an account that the panel has not',
    { panels: [panel()], points: [zone({ account: 'ABC' })] },
    'points.0.account: the panel has no such account',
  ],
  [
    'a point that hears a code that is none',
    { panels: [panel()], points: [zone({ codes: ['ba'] })] },
    'points.0.codes.0: expected a SIA or a Contact ID code',
  ],
  [
    'an input of a module that is not there',
    { points: [moduleInput()] },
    'points.0.module: no input module of this configuration has this id',
  ],
  [
    'an address above the highest',
    { modules: [MODULE], points: [moduleInput({ address: 65_536 })] },
    'points.0.address: Too big: expected number to be <=65535',
  ],
  [
    'a maximum age that a slow module would break',
    { modules: [MODULE], points: [moduleInput({ maxAgeMs: 2000 })] },
    'points.0.maxAgeMs: expected at least 2500: pollMs and timeoutMs of io-a together',
  ],
  ['a module id twice', { modules: [MODULE, MODULE] }, 'modules.1.id: this id stands twice'],
  [
    'a point of a UPS that is not there',
    { points: [mains()] },
    'points.0.ups: no UPS of this configuration has this id',
  ],
  ['a UPS id twice', { ups: [UPS, UPS] }, 'ups.1.id: this id stands twice'],
  [
    'a UPS name that could be another command',
    { ups: [{ ...UPS, upsName: 'a\nLOGIN b' }] },
    'ups.0.upsName: expected a name as in ups.conf',
  ],
  [
    'a stall that would be told after more than five seconds',
    { health: { stallTimeoutMs: 5001 } },
    'health.stallTimeoutMs: Too big: expected number to be <=5000',
  ],
  [
    'a camera for a point of a UPS',
    { ups: [UPS], points: [mains({ camera: 'cam-a' })] },
    'points.0.camera: unknown key',
  ],
  [
    'the health of a camera that is not there',
    { points: [{ id: 'pt-c', name: 'c', kind: 'camera-health', camera: 'cam-z' }] },
    'points.0.camera: no camera of this configuration has this id',
  ],
  [
    'the network of one camera',
    { cameras: [camera()], points: [{ id: 'pt-n', name: 'n', kind: 'camera-network' }] },
    'points.0.kind: expected at least two cameras: one that is silent says nothing of the others',
  ],
  [
    'an object of a broker that is not there',
    { objects: [OBJECT] },
    'objects.0.broker: no local broker of this configuration has this id',
  ],
  [
    'a point of an object that is not there',
    ofObject({}, { object: 'obj-z' }),
    'points.0.object: no object of this configuration has this id',
  ],
  ...['bat/+/cuve', '#', 'bat/\0', '$share/x/bat'].map(
    (topic): Case => [
      `the topic ${JSON.stringify(topic)}`,
      ofObject({ topic }),
      'objects.0.topic: expected one topic, without wildcard',
    ],
  ),
  ...['niveau', '/a~2', ''].map(
    (pointer): Case => [
      `the pointer ${JSON.stringify(pointer)}`,
      ofObject({ pointer }),
      'objects.0.pointer: expected a JSON pointer such as /battery',
    ],
  ),
  [
    'a limit that is no number',
    ofObject({}, { limit: Number.NaN }),
    'points.0.limit: Invalid input: expected number, received NaN',
  ],
  [
    'an authority that is none',
    { localBrokers: [{ ...BROKER, tls: { authorities: 'PEM' } }] },
    'localBrokers.0.tls.authorities: expected certificates in PEM',
  ],
  [
    'an authority whose second certificate is none',
    {
      localBrokers: [
        {
          ...BROKER,
          tls: { authorities: `${AUTHORITY}-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----` },
        },
      ],
    },
    'localBrokers.0.tls.authorities: expected certificates in PEM',
  ],
  [
    'an input of a tampering point',
    { cameras: [camera()], points: [point({ kind: 'tampering', input: 'in-1' })] },
    'points.0.input: unknown key',
  ],
  [
    'credentials in clear',
    { cameras: [camera({ credentials: { version: 1, user: 'u', password: 'p' } })] },
    'cameras.0.credentials.password: unknown key',
  ],
];

for (const [title, config, error] of REFUSED) {
  t.test(`config: ${title} is refused with its path`, async (t) => {
    const found = errorsOf(config).some((text) =>
      typeof error === 'string' ? text === error : error.test(text),
    );
    t.ok(found, errorsOf(config).join('; '));
  });
}

t.test('config: defaults complete what is left out', async (t) => {
  const config = configurationSchema.parse({ cameras: [camera()], points: [point()] });
  t.match(config, {
    cameras: [
      { onvif: { port: 80, tls: false, events: true }, maxConnections: 4, minFps: 0, pictureCheck: 'fixed' },
    ],
    points: [{ inverted: undefined, code: 'UA', owner: 'commune', minDurationS: 0, debounceMs: 0 }],
    health: { stallTimeoutMs: 3000, pictureIntervalS: 60, vitalsSchedule: '*/30 * * * * *' },
    video: { fragmentMs: 200 },
  });
});

t.test('config: a point of any kind says whose it is, and where', async (t) => {
  const where = { owner: 'metropole', building: 'Hôtel de ville', place: 'Sous-sol' };
  const points = [point(where), moduleInput(where), mains(where), zone(where)];
  const config = { cameras: [camera()], modules: [MODULE], ups: [UPS], panels: [panel()], points };
  t.match(
    configurationSchema.parse(config).points,
    points.map(() => where),
  );
});

t.test('config: defaults of input modules and UPS', async (t) => {
  const config = { modules: [MODULE], ups: [UPS], points: [moduleInput(), mains()] };
  t.match(configurationSchema.parse(config), {
    modules: [{ port: 502, unit: 1, pollMs: 500, timeoutMs: 2000 }],
    ups: [{ port: 3493, pollMs: 2000, timeoutMs: 2000, lostAfterMs: 15_000 }],
    points: [{ inverted: false, debounceMs: 100, maxAgeMs: 10_000, code: 'UA' }, { severity: 'major' }],
  });
});

t.test(
  'config: the health of a camera needs no ONVIF events, and points of the box have limits',
  async (t) => {
    const kinds = ['disk', 'temperature', 'clock', 'certificate', 'outbox', 'store', 'link', 'video'];
    const config = {
      cameras: [camera({ onvif: undefined, rtsp: { path: '/live' } })],
      points: [
        { id: 'pt-c', name: 'c', kind: 'camera-health', camera: 'cam-a' },
        { id: 'pt-any', name: 'any', kind: 'camera-health' },
        ...kinds.map((kind) => ({ id: `pt-${kind}`, name: kind, kind: `box-${kind}` })),
      ],
    };
    t.match(configurationSchema.parse(config).points, [
      { camera: 'cam-a', from: 'down', severity: 'major' },
      { from: 'down' },
      { belowMb: 1024, severity: 'warning' },
      { aboveC: 85 },
      {},
      { days: 30 },
      { abovePercent: 50 },
      { severity: 'major' },
      { afterS: 60 },
      {},
    ]);
  },
);

t.test('config: defaults of connected objects', async (t) => {
  t.match(configurationSchema.parse(ofObject()), {
    localBrokers: [{ port: 1883, maxPayloadBytes: 4096 }],
    objects: [{ silentAfterS: 3600, maxPerS: 5, measureEveryS: 60 }],
    points: [{ hysteresis: 0, category: 'technical', severity: 'major' }],
  });
  const tls = { authorities: AUTHORITY, serverName: 'gtb.example' };
  t.same(errorsOf({ localBrokers: [{ ...BROKER, tls }] }), []);
});

t.test('config: wrong references show together with wrong types', async (t) => {
  const errors = errorsOf({ cameras: [camera({ name: 1 }), camera()], points: [point({ camera: 'cam-z' })] });
  t.match(errors, [/^cameras\.0\.name/, /^cameras\.1\.id/, /^points\.0\.camera/]);
});

t.test('config: a list that is none is one error', async (t) => {
  t.match(errorsOf({ cameras: 'all', points: {} }), [/^cameras:/, /^points:/]);
  t.match(errorsOf(null), [/^\(root\):/]);
});

t.test('config: an unknown key with control characters is quoted and cut', async (t) => {
  const [error = ''] = errorsOf({ [`x\u001b[2J${'y'.repeat(500)}`]: 1 });
  t.notMatch(error, /\u001b/);
  t.ok(error.length < 80, error);
});

t.test('config: at most fifty errors are listed', async (t) => {
  t.equal(errorsOf({ cameras: Array.from({ length: 100 }, () => ({})) }).length, 50);
});

t.test('a camera is named by a host name or an address of either kind', async (t) => {
  const hosts = [
    '10.0.0.1',
    'cam-1.mairie.example',
    'cam_1',
    '::1',
    'fd00::',
    '2001:db8::17',
    '::ffff:10.0.0.1',
  ];
  for (const host of hosts) t.same(errorsOf({ cameras: [camera({ host })] }), [], host);
});

t.test('config: a leased camera and its partner are taken, with what completes them', async (t) => {
  const config = configurationSchema.parse({ cameras: [leased(), camera()], partners: [partner()] });
  t.match(config.partners, [
    {
      maxLeaseMinutes: 60,
      controlLossS: 20,
      hours: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] }],
    },
  ]);
  t.equal(config.cameras[0]?.delivery, undefined, 'nothing says that it is forwarded');
  const regimes = regimesOf(config);
  t.match(regimes.get('cam-hall'), { regime: 'leased', terms: { partner: 'emh', maxMinutes: 60 } });
  t.same(regimes.get('cam-a'), { regime: 'continuous', delivery: 'continuous' });
});

const SCHEDULE = { id: 'sch-nuit', name: 'Nuit', armed: ['* 19-23,0-6 * * *'] };
const WINDOW = {
  id: 'win-serrure',
  points: ['pt-a'],
  start: '2026-12-24T08:00:00+01:00',
  end: '2026-12-24T12:00:00+01:00',
  by: 'Services techniques',
  why: 'serrure',
};

t.test('config: schedules and windows complete what is left out', async (t) => {
  const alarms = { schedules: [SCHEDULE], windows: [WINDOW], holidays: ['2026-12-25'] };
  const config = { cameras: [camera()], points: [point({ schedule: 'sch-nuit' })], alarms };
  t.match(configurationSchema.parse(config), {
    alarms: {
      schedules: [{ onHolidays: ['* * * * *'] }],
      windows: [{ effect: 'maintenance' }],
      chatter: { raises: 10, withinS: 60, quietS: 60 },
      shelveMaxH: 24,
    },
  });
});

t.test('config: schedules and windows are refused where they are wrong, each with its path', async (t) => {
  const armed = (change: object, of: object = {}) => ({
    cameras: [camera()],
    points: [point({ schedule: 'sch-nuit', ...change })],
    alarms: { schedules: [SCHEDULE], ...of },
  });
  const windows = (change: object) => armed({}, { windows: [{ ...WINDOW, ...change }] });
  const schedules = (change: object) => armed({}, { schedules: [{ ...SCHEDULE, ...change }] });
  const tampering = {
    ...armed({}),
    points: [{ id: 'pt-t', name: 'Sabotage', kind: 'tampering', camera: 'cam-a', schedule: 'sch-nuit' }],
  };
  const table: [object, RegExp][] = [
    [armed({ schedule: 'sch-z' }), /^points\.0\.schedule: no schedule/],
    ...['FA', 'PA', 'MA', 'GA', 'TA'].map((code): [object, RegExp] => [
      armed({ code }),
      /^points\.0\.schedule: no schedule may disarm/,
    ]),
    [tampering, /^points\.0\.schedule: no schedule may disarm/],
    [armed({ code: 'XX' }), /^points\.0\.code/],
    [armed({ code: 'BH' }), /^points\.0\.code/],
    [schedules({ armed: ['* * * * * *'] }), /^alarms\.schedules\.0\.armed\.0: .*five fields/],
    [schedules({ armed: ['61 * * * *'] }), /^alarms\.schedules\.0\.armed\.0/],
    [schedules({ armed: [] }), /^alarms\.schedules\.0\.armed/],
    [armed({}, { schedules: [SCHEDULE, SCHEDULE] }), /^alarms\.schedules\.1\.id: this id stands twice/],
    [armed({}, { holidays: ['25/12/2026'] }), /^alarms\.holidays\.0/],
    [windows({ points: ['pt-z'] }), /^alarms\.windows\.0\.points\.0: no point/],
    [windows({ points: [] }), /^alarms\.windows\.0\.points/],
    [windows({ end: WINDOW.start }), /^alarms\.windows\.0\.end: expected an end after/],
    [windows({ end: '2027-12-24T12:00:00+01:00' }), /^alarms\.windows\.0\.end: .*31 days/],
    [windows({ start: '2026-12-24T08:00:00' }), /^alarms\.windows\.0\.start: .*offset/],
    [windows({ severity: 'critical' }), /^alarms\.windows\.0\.severity: only a mission/],
    [windows({ by: 'a\u0000b' }), /^alarms\.windows\.0\.by/],
    [armed({}, { schedules: 5 }), /^alarms\.schedules/],
    [windows({ points: 'pt-a' }), /^alarms\.windows\.0\.points/],
  ];
  for (const [config, expected] of table) t.match(errorsOf(config), [expected], String(expected));
  t.match(errorsOf({ alarms: 5 }), [/^alarms/]);
});
