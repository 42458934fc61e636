import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { serve, serveRaw } from '../camera/onvif/support.ts';
import { good, RawCamera, reply } from '../camera/rtsp/raw-camera.ts';
import { SimulatedCamera, type SimulatedCameraOptions } from '../support/camera/camera.ts';
import { clip } from '../support/clips.ts';
import { GstCamera } from '../support/gst-camera.ts';
import { childrenOf } from '../support/processes.ts';
import { Scene } from '../support/scene.ts';
import { hostileCameras } from './hostile-onvif.ts';

const LOGIN = { user: 'beffroi', password: 'a long password' };

interface Teardown {
  teardown(end: () => unknown): void;
}

async function simulated(t: Teardown, rtsp: SimulatedCameraOptions['rtsp'] = {}): Promise<SimulatedCamera> {
  const camera = new SimulatedCamera({ name: 'x', clip: clip('h264-small'), ...LOGIN, rtsp });
  await camera.start();
  t.teardown(() => camera.stop());
  return camera;
}

async function raw(t: Teardown, script: object): Promise<number> {
  const camera = await RawCamera.start({ ...good(), ...script });
  t.teardown(() => camera.stop());
  return camera.port;
}

/** Writes `bytes` again and again to whoever connects. */
function pouring(bytes: string): (socket: Socket) => void {
  return (socket) => {
    const pour = () => {
      while (socket.write(bytes));
    };
    socket.on('drain', pour);
    pour();
  };
}

/** The camera at `port`, on the IPv6 loopback. */
async function overIpv6(t: Teardown, port: number): Promise<number> {
  const server = createServer((socket) => {
    const camera = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [socket, camera],
      [camera, socket],
    ] as const) {
      one.on('error', () => other.destroy()).pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

interface Health {
  readonly state: string;
  readonly manufacturer?: string;
  readonly width?: number;
}

function entry(id: string, port: number, more: object = {}): object {
  return {
    ...{ id: `cam-${id}`, name: id, host: '127.0.0.1', regime: 'continuous', owner: 'commune' },
    credentials: { version: 1, ...LOGIN },
    rtsp: { port, path: '/live/main' },
    ...more,
  };
}

t.test(
  'cameras: each bad one is named with its own fault, and none disturbs the good ones beside it',
  async (t) => {
    const scene = await Scene.create(t);
    const camera = await simulated(t);
    const absent = await simulated(t);
    await absent.stop();
    const bad: [id: string, cause: string, port: number, more?: object][] = [
      ['garbage', 'camera-protocol', await serveRaw(t, pouring('A'.repeat(4096)))],
      [
        'endless',
        'camera-too-large',
        await serveRaw(t, pouring(`RTSP/1.0 200 OK\r\nX: ${'b'.repeat(999)}\r\n`)),
      ],
      ['closer', 'camera-closed', await serveRaw(t, (socket) => socket.end())],
      ['udp', 'camera-unsupported', await raw(t, { SETUP: reply('461 Unsupported Transport') })],
      [
        'elsewhere',
        'camera-redirected',
        await raw(t, { DESCRIBE: reply('302 Moved', ['Location: rtsp://a:b@x/']) }),
      ],
      ['basic', 'camera-insecure-login', (await simulated(t, { login: 'basic' })).rtspPort],
      ['absent', 'camera-port-closed', absent.rtspPort],
      ['nameless', 'camera-unreachable', 554, { host: 'camera.invalid' }],
    ];
    const begunMs = performance.now();
    /** Forty calls at once and one a second, each of three requests where the login has to be found. */
    const mostRequests = () => 3 * (40 + (performance.now() - begunMs) / 1000);
    let victims = 0;
    const elsewhere = await serve(t, (_asked, response) => {
      victims += 1;
      response.end();
    });
    const hostile = await hostileCameras(t, elsewhere);
    scene.box.start();
    const overUdp = await GstCamera.start({ ...LOGIN, udp: 'only' });
    t.teardown(() => overUdp.stop());
    const cameras = [
      entry('over-udp', overUdp.port, { rtsp: { port: overUdp.port, path: '/stream' }, transport: 'udp' }),
      entry('good', camera.rtspPort, { onvif: { port: camera.onvifPort } }),
      entry('six', await overIpv6(t, camera.rtspPort), { host: '::1' }),
      ...bad.map(([id, _cause, port, more]) => entry(id, port, more)),
      ...hostile.map(({ id, port, more }) => entry(id, camera.rtspPort, { onvif: { port }, ...more })),
    ];
    await scene.push({
      cameras,
      points: [],
      health: { timeServers: ['10.0.0.2'], probeIntervalS: 5, stallTimeoutMs: 5000 },
    });
    for (const [id, cause] of bad) {
      await scene.box.until(`${id}: ${cause}`, (status) =>
        status.cameras.some((one) => one.camera === `cam-${id}` && one.cause === cause),
      );
    }
    for (const id of ['cam-good', 'cam-six', 'cam-over-udp']) {
      await scene.box.until(id, ({ cameras }) =>
        cameras.some(
          (one) => one.camera === id && (one.state === 'ok' || one.cause === 'camera-time-source'),
        ),
      );
    }
    await absent.start();
    await scene.box.until('the return', ({ cameras }) =>
      cameras.some((one) => one.camera === 'cam-absent' && one.state === 'ok'),
    );
    const layers = (id: string, is: (told: Record<string, unknown>) => boolean) =>
      scene.csu.until(`the layers of ${id}`, () =>
        scene.csu.json<Record<string, unknown>>(`/cam-${id}/state/layers`).find(is),
      );
    const well = await layers('good', ({ flowing, profiles }) => flowing === 'ok' && profiles === 'ok');
    t.match(well, {
      ...{ tcp: 'ok', onvif: 'ok', clock: 'ok', login_onvif: 'ok', login_stream: 'ok' },
      ...{ identity: 'ok', described: 'ok', time_source: 'fault', time_servers: '10.0.0.1' },
    });
    t.match(String(well.ping), /^(ok|not-verifiable)$/, 'as this machine allows it');
    const gone = await layers('nameless', ({ tcp }) => tcp === 'fault');
    t.match(gone, { tcp_cause: 'camera-unreachable', onvif: 'not-asked', identity: 'not-verifiable' });
    for (const { id, cause } of hostile) {
      // The one that refuses logins may be latched before its stream has logged in.
      const plays = (fps: number) => fps > 0 || id === 'realms';
      await scene.box.until(`${id}: ${cause}`, ({ cameras }) =>
        cameras.some((one) => one.camera === `cam-${id}` && plays(one.fps) && cause.test(one.cause)),
      );
      const told = scene.csu.json<Health>(`/cam-${id}/state/health`);
      t.notOk(
        id !== 'realms' && told.some(({ state }) => state === 'down'),
        `${id}: its pictures come all the while`,
      );
    }
    for (const { id, seen } of hostile) {
      t.ok(seen.requests <= mostRequests(), `${id}: asked ${seen.requests} times, within its budget`);
      t.ok(id !== 'realms' || seen.logins <= 3, `${id}: ${seen.logins} logins`);
      t.ok(seen.bytes <= seen.requests * 8 * 1024 * 1024, `${id}: ${seen.bytes} bytes were taken`);
    }
    t.equal(victims, 0, 'nobody is sent elsewhere');
    await scene.csu.until('its name in Latin-1', () =>
      scene.csu
        .json<Health>('/cam-latin/state/health')
        .find(({ manufacturer }) => manufacturer === 'Soci\u00e9t\u00e9'),
    );
    t.match(
      scene.csu.json<Health>('/cam-good/state/health').at(-1),
      { width: 320, height: 180 },
      'a camera that declares 640 × 360 by ONVIF is believed its parameter sets alone',
    );
    const { rtsp } = camera.counters;
    const latched = (id: string) => id === 'realms';
    const streams = 2 + hostile.filter(({ id }) => !latched(id)).length;
    t.ok([streams, streams + 1].includes(rtsp.plays), 'one stream for each entry, never begun anew');
    t.equal(rtsp.audioSetups, 0);
    await hasNoSecret(t, scene);
  },
);

/** Neither log, nor MQTT, nor command line or environment of a process. */
async function hasNoSecret(
  t: { notOk(value: boolean, message: string): unknown },
  scene: Scene,
): Promise<void> {
  const agent = scene.box.pid ?? 0;
  const pids = [agent, ...(await childrenOf(agent))];
  const files = pids.flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]);
  // A child that only looked something up is gone again.
  const processes = await Promise.all(files.map((path) => readFile(path, 'latin1').catch(() => '')));
  const seen = [...processes, await readFile(scene.box.logFile, 'latin1')];
  const heard = scene.csu.received.map(({ topic, payload }) => `${topic} ${payload}`);
  for (const secret of [LOGIN.password, 'a:b@']) {
    t.notOk(
      [...seen, ...heard].some((text) => text.includes(secret)),
      'no secret is told',
    );
  }
}
