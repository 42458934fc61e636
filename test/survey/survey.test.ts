import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import t, { type Test } from 'tap';
import { createBroker, createRoot } from '../../provisioning/certificates.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import { capturedMatch, discoveryDevices } from '../support/discovery-devices.ts';
import { GstCamera } from '../support/gst-camera.ts';

interface Remark {
  readonly about: string;
  readonly weight: string;
  readonly word: string;
  readonly detail: string;
}

interface Camera {
  readonly host: string;
  readonly verdict: string;
  readonly remarks: readonly Remark[];
  readonly roles: readonly string[];
  readonly identity?: { readonly serial: string };
  readonly clock?: { readonly offsetMs: number };
  readonly stream?: {
    readonly codec: string;
    readonly width: number;
    readonly fps: number;
    readonly kbps: number;
  };
  readonly streamTls?: { readonly sha256: string; readonly protocol: string };
  readonly others?: readonly { readonly name: string; readonly stream?: { readonly width: number } }[];
  readonly line?: { readonly now: number; readonly planned: number };
  readonly failures: readonly { readonly step: string; readonly code: string; readonly detail: string }[];
}

interface Study {
  readonly cameras: readonly Camera[];
  readonly bandwidth: { readonly cameras: number; readonly nowKbps: number; readonly plannedKbps: number };
}

const USER = 'etude';
const PASSWORD = 'ne-reste-nulle-part';

const CLI = join(import.meta.dirname, '../../agent/cli.ts');

async function beffroi(input: string, ...args: string[]) {
  return await beffroiIn(undefined, input, ...args);
}

/** @param folder where it runs, is at home, and has what is temporary */
async function beffroiIn(folder: string | undefined, input: string, ...args: string[]) {
  const places = folder === undefined ? {} : { HOME: folder, TMPDIR: folder };
  const child = spawn(process.execPath, [CLI, 'survey', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...places },
    cwd: folder,
  });
  child.stdin.end(input);
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { out, err, code: await ended };
}

async function camera(
  t: Test,
  host: string,
  more: Partial<ConstructorParameters<typeof SimulatedCamera>[0]> = {},
) {
  const one = new SimulatedCamera({
    name: `Test ${host}`,
    clip: 'h264',
    user: USER,
    password: PASSWORD,
    host,
    ...more,
  });
  await one.start();
  t.teardown(() => one.stop());
  return one;
}

/** A device under a certificate that nobody knows, which wants the password as it is. */
async function asksInClear(t: Test, host: string) {
  const logins: string[] = [];
  const { certificate: cert, key } = await createBroker(
    await createRoot('Camera', Date.now()),
    [host],
    Date.now(),
  );
  const server = createHttpsServer({ cert, key }, ({ headers: { authorization } }, answer) => {
    if (authorization !== undefined) logins.push(authorization);
    answer.writeHead(401, { 'WWW-Authenticate': 'Basic realm="r"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port, logins };
}

/** Another way to a port of this machine. @returns its port */
async function way(
  t: Test,
  host: string,
  to: readonly [string, number],
  tls?: { key: string; cert: string },
): Promise<number> {
  const open = new Set<Socket>();
  const pass = (socket: Socket) => {
    const [toHost, port] = to;
    const far = connect(port, toHost);
    for (const one of [socket, far]) {
      open.add(one);
      one.on('error', () => undefined);
    }
    socket.pipe(far).pipe(socket);
  };
  const server = tls ? createTlsServer(tls, pass) : createServer(pass);
  server.listen(0, host);
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

const words = (camera: Camera | undefined) => camera?.remarks.map(({ word }) => word) ?? [];
const service = (host: string, port: number) => `http://${host}:${port}/onvif/device_service`;

t.test(
  'survey: each camera of a list gets its verdict, by what it sends, and the login stays nowhere',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const good = await camera(t, '127.88.0.1');
    good.setClockOffset(-3_600_000);
    const refusing = await camera(t, '127.88.0.2', { password: 'another' });
    const foreign = await GstCamera.start({
      user: USER,
      password: PASSWORD,
      fps: 15,
      width: 704,
      height: 576,
      gop: 15,
    });
    t.teardown(() => foreign.stop());
    const { certificate: cert, key } = await createBroker(
      await createRoot('A camera', Date.now()),
      ['camera'],
      Date.now(),
    );
    const pathOf = (url: string) => new URL(url).pathname;
    const secureUrl = `rtsps://elsewhere:${await way(t, '127.88.0.4', ['127.0.0.1', foreign.port], { cert, key })}${pathOf(foreign.url)}`;
    const subUrl = `rtsp://elsewhere:${await way(t, '127.88.0.4', ['127.88.0.1', good.rtspPort])}${good.rtsp.options.path}`;
    const encrypted = await camera(t, '127.88.0.4', { streams: { secureUrl, subUrl } });
    await encrypted.rtsp.close();
    const six = await camera(t, '::1');
    const list = join(folder, 'list');
    await writeFile(list, `# commune\n${service('127.88.0.1', good.onvifPort)}\n${foreign.url} # the yard\n`);
    const line = [
      '--list',
      list,
      service('127.88.0.2', refusing.onvifPort),
      '127.88.0.3',
      service('127.88.0.4', encrypted.onvifPort),
      service('[::1]', six.onvifPort),
      '--measure',
      '2',
      '--json',
    ];
    const { out, err, code } = await beffroiIn(
      folder,
      `${USER}:${PASSWORD}\n`,
      '--network',
      '127.88.0.0/16',
      '--seconds',
      '1',
      ...line,
    );
    t.equal(code, 1, 'not every camera can be connected');
    t.notOk(out.includes(PASSWORD) || err.includes(PASSWORD));
    t.same(await readdir(folder, { recursive: true }), ['list'], 'nor is anything left where it ran');
    const study = JSON.parse(out) as Study;
    const of = (host: string) => study.cameras.find((one) => one.host === host);

    const first = of('127.88.0.1');
    t.match(first, { identity: { serial: 'Test 127.88.0.1' }, stream: { codec: 'h264' } }, err);
    t.ok(Math.abs((first?.clock?.offsetMs ?? 0) + 3_600_000) < 60_000);
    for (const word of ['login-good', 'codec-good', 'stream-good', 'clock-zone', 'sound-off', 'tls-none'])
      t.ok(words(first).includes(word), `${word} of ${words(first).join(' ')}`);

    const yard = of('127.0.0.1');
    t.match(yard, { stream: { codec: 'h264', width: 704 } });
    t.ok(
      yard?.stream && yard.stream.fps > 0 && yard.stream.kbps > 0,
      'measured on the packets of a camera that is not ours',
    );
    t.ok(words(yard).includes('no-onvif'));

    t.match(of('127.88.0.2'), { verdict: 'undecided' });
    t.ok(words(of('127.88.0.2')).includes('login-refused'));
    t.ok(
      refusing.loginsRefused >= 1 && refusing.loginsRefused <= 3,
      `${refusing.loginsRefused} refused logins`,
    );
    t.equal(refusing.counters.rtsp.connections, 0, 'after a refusal nothing else is tried');
    t.match(of('127.88.0.3'), { verdict: 'undecided' });

    const fourth = of('127.88.0.4');
    t.match(
      fourth,
      { stream: { codec: 'h264', width: 704 }, streamTls: { protocol: 'TLSv1.3' } },
      'RTSPS alone',
    );
    const sha256 = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
    t.equal(fourth?.streamTls?.sha256, sha256, 'and what is to be pinned is said');
    t.match(fourth?.others, [{ name: 'sub|tile', stream: { width: 640 } }], 'each profile is measured');
    for (const word of ['rtsps-good', 'substream-good']) t.ok(words(fourth).includes(word), word);
    t.match(of('::1'), { stream: { codec: 'h264' }, identity: { serial: 'Test ::1' } }, 'over IPv6');

    const { nowKbps, plannedKbps, cameras } = study.bandwidth;
    const sum = study.cameras.reduce((all, { line: own }) => all + (own?.now ?? 0), 0);
    t.match([cameras, nowKbps], [4, sum], 'those whose stream was measured');
    t.ok(plannedKbps >= nowKbps && nowKbps > 0);
  },
);

t.test(
  'survey: discovers, writes French Markdown and JSON, contacts nobody elsewhere, and sends no login unasked',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'bfr-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const found = await camera(t, '127.89.0.1');
    const elsewhere = await camera(t, '127.90.0.1');
    const at = (address: string, uuid: string, addresses: string) => ({
      address,
      answer: capturedMatch({ uuid: `${uuid}-701b-464d-a189-0060351c8ada`, addresses }),
    });
    await discoveryDevices(t, [
      at('127.89.0.1', 'aaaaaaaa', service('127.89.0.1', found.onvifPort)),
      at('127.89.0.2', 'bbbbbbbb', service('127.90.0.1', elsewhere.onvifPort)),
    ]);
    let files: readonly string[] = [];
    for (let has = false; !has; ) {
      const { out } = await beffroi(
        '',
        '--network',
        '127.89.0.0/16',
        '--seconds',
        '1',
        '--no-login',
        '--out',
        folder,
      );
      files = out.trim().split('\n');
      const written = await readFile(files[0] ?? '', 'utf8');
      has = ['127.89.0.1', '127.89.0.2'].every((address) => written.includes(address));
    }
    const [markdown = '', json = ''] = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    t.match(files, [/etude-\d{4}-\d\d-\d\d\.md$/, /etude-\d{4}-\d\d-\d\d\.json$/]);
    t.match(markdown, /^# Étude de faisabilité du raccordement\n/);
    t.match(markdown, /127\.89\.0\.1/);
    t.match(markdown, /aucun n'a été donné/);
    t.match(markdown, /127\.90\.0\.1, qui n'a pas été contactée/);
    t.match(markdown, /## Débit à prévoir sur la dorsale/);
    t.equal((JSON.parse(json) as Study).cameras.length, 2);
    t.equal(found.loginsRefused, 0);
    t.equal(elsewhere.counters.onvif.connections, 0, 'the address that a device lies about is not contacted');
  },
);

t.test('survey: what hostile devices send is bounded, and told as what it is', async (t) => {
  const kinds = ['endless', 'entities', 'garbage', 'html', 'redirect'] as const;
  const places = await Promise.all(
    kinds.map(async (kind, index) => {
      const one = await camera(t, `127.92.0.${index + 1}`);
      one.onvif.faults.badAnswer = kind;
      return service(`127.92.0.${index + 1}`, one.onvifPort);
    }),
  );
  const asked = ['--network', '127.92.0.0/16', '--seconds', '1', '--json'];
  const { port, logins } = await asksInClear(t, '127.92.0.9');
  places.push(`https://127.92.0.9:${port}/onvif/device_service`);
  const { out, code } = await beffroi(`${USER}:${PASSWORD}\n`, ...places, ...asked);
  t.equal(code, 1);
  const { cameras } = JSON.parse(out) as Study;
  const said = cameras.map(({ verdict, remarks }) => [verdict, remarks[0]?.word, remarks[0]?.detail]);
  const broken = ['undecided', 'onvif-failed', 'camera-protocol'];
  t.same(said, [
    ['undecided', 'onvif-failed', 'camera-too-large'],
    ...[broken, broken, broken],
    ['undecided', 'onvif-failed', 'camera-redirected'],
    ['undecided', 'login-insecure', ''],
  ]);
  t.notOk(out.includes(PASSWORD));
  t.same(logins, [], 'a certificate that anybody can make opens no password');
});

t.test(
  'survey: a password in an address is refused without showing it, and a wrong line by its number',
  async (t) => {
    const [argument, input, bad] = await Promise.all([
      beffroi('', 'rtsp://admin:tres-secret@127.0.0.1/'),
      beffroi('admin\n', '127.88.0.9', '--seconds', '1'),
      beffroi('', '127.88.0.9', '--measure', '0'),
    ]);
    t.equal(argument.code, 2);
    t.notMatch(argument.out + argument.err, /tres-secret/);
    t.match(
      [input, bad],
      [
        { code: 2, err: /line 1 of standard input/ },
        { code: 2, err: /--measure/ },
      ],
    );
  },
);

t.test('survey: what is typed at a terminal for a password is not shown', async (t) => {
  const line = 'node agent/cli.ts survey 127.88.0.8 --network 127.88.0.0/16 --seconds 1 --lang fr';
  const child = spawn('script', ['-qec', line.replace('node', process.execPath), '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const before = shown;
    shown += chunk.toString();
    if (!before.includes('Utilisateur') && shown.includes('Utilisateur')) child.stdin.write(`${USER}\r`);
    if (!before.includes('Mot de passe') && shown.includes('Mot de passe'))
      child.stdin.write(`${PASSWORD}\r`);
  });
  await new Promise((resolve) => child.once('close', resolve));
  t.match(shown, /Étude de faisabilité/);
  t.ok(shown.includes(USER), 'the user is');
  t.notOk(shown.includes(PASSWORD));
});
