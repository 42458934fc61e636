import t from 'tap';
import { SimulatedCamera } from '../../support/camera/camera.ts';
import { clip } from '../../support/clips.ts';
import { credentials, Pulling, TestPermit } from './pulling.ts';

/** The clips play in real time: the tests run side by side. */
t.jobs = 4;
const together = { buffered: true };

const PATIENT = { stallTimeoutMs: 120_000 };
const login = { user: credentials.user, password: credentials.password };

async function started(codec: 'h264' | 'h265', rtsp: object = {}) {
  const camera = new SimulatedCamera({ name: 'cam-a', clip: codec, ...login, rtsp });
  await camera.start();
  return camera;
}

for (const codec of ['h264', 'h265'] as const) {
  t.test(
    `simulated camera: ${codec}: through loss, repetition, reordering and noise a picture is exact or called damaged`,
    together,
    async (t) => {
      const camera = await started(codec);
      Object.assign(camera.rtsp.faults, {
        dropPercent: 4,
        duplicatePercent: 3,
        reorderPercent: 3,
        garbagePercent: 5,
      });
      const pulling = new Pulling(
        { url: `rtsp://127.0.0.1:${camera.rtspPort}${camera.rtsp.options.path}`, credentials },
        PATIENT,
      );
      await pulling.has(90);
      t.equal(await pulling.stop(), undefined);
      await camera.stop();
      const joined = (nals: readonly Buffer[]) => Buffer.concat(nals).toString('latin1');
      const known = new Set(clip(codec).units.map(({ nals }) => joined(nals)));
      // Before the first packet nothing can be known to be missing.
      const wrong = pulling.units
        .slice(1)
        .filter(({ nals, damaged }) => !damaged && !known.has(joined(nals)));
      t.equal(wrong.length, 0);
      const exact = pulling.units.filter(({ nals }) => known.has(joined(nals)));
      t.ok(exact.length > 45, `${exact.length} of 90 are exact`);
      const times = pulling.units.map(({ rtpTime }) => rtpTime);
      t.equal(new Set(times).size, times.length, 'none twice');
      const { rtpLost, framesDamaged } = pulling.counters();
      t.ok(rtpLost > 0 && framesDamaged > 0, 'and the loss is counted');
    },
  );
}

for (const algorithm of ['md5', 'sha256'] as const) {
  t.test(`simulated camera: ${algorithm}: a nonce that lives shortly costs no login`, together, async (t) => {
    const camera = await started('h264', { login: algorithm, nonceLifetimeMs: 400, sessionTimeoutS: 4 });
    const pulling = new Pulling(
      { url: `rtsp://127.0.0.1:${camera.rtspPort}${camera.rtsp.options.path}`, credentials },
      PATIENT,
    );
    await pulling.has(45);
    t.equal(await pulling.stop(), undefined);
    t.equal(camera.rtsp.counters.loginsRefused, 0);
    t.equal(pulling.permit.refused, 0);
    t.ok(pulling.units.at(-1)?.captureWallMs, 'and the sender reports give each picture its time');
    await camera.stop();
  });
}

t.test('camera: a connection goes where its permit says, whatever the name leads to', together, async (t) => {
  const camera = await started('h264');
  t.teardown(() => camera.stop());
  const { path } = camera.rtsp.options;
  const pull = (host: string, addresses: readonly string[]) =>
    new Pulling(
      { url: `rtsp://${host}:${camera.rtspPort}${path}`, credentials },
      PATIENT,
      Object.assign(new TestPermit(), { addresses }),
    );
  const judged = pull('camera.invalid', ['127.0.0.1']);
  await judged.has(5);
  t.equal(await judged.stop(), undefined, 'the name is not asked again');
  const plays = camera.rtsp.counters.plays;
  t.match(await pull('localhost', []).ended, { code: 'camera-unreachable' }, 'it led nowhere');
  t.match(await pull('localhost', ['127.0.0.2']).ended, { code: 'camera-port-closed' }, 'it led elsewhere');
  t.equal(camera.rtsp.counters.plays, plays, 'where it leads by now it is not connected to');
});
