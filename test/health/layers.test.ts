import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { Pinger } from '../../agent/camera/ping.ts';
import { LAYERS } from '../../agent/contract/layers.ts';
import { CAMERA, LIMITS, Watch } from './watch.ts';

const layersOf = (watch: Watch) => watch.recorder.last('layers', CAMERA.id);
const ORDERED = { ...LIMITS, timeServers: ['10.0.0.1'] };

t.test('layers: each has a verdict of its own, and a camera that is well is so in all of them', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  watch.network.ping = 'answers';
  watch.network.ntp = { servers: ['10.0.0.1'], fromDhcp: false };
  await watch.start([CAMERA], ORDERED);
  await watch.well();
  const told = layersOf(watch);
  t.same(
    LAYERS.map((layer) => [layer, told[layer]]),
    LAYERS.map((layer) => [layer, 'ok']),
  );
  t.match(told, {
    clock_offset_ms: 20,
    clock_uncertainty_ms: 5,
    profiles_count: 1,
    time_servers: '10.0.0.1',
  });
});

t.test('layers: what cannot be looked at says so, and is never ok', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  const { onvif: _onvif, credentials: _credentials, ...plain } = CAMERA;
  await watch.start([plain], ORDERED);
  await watch.well();
  t.match(layersOf(watch), {
    ...{ ping: 'not-verifiable', clock: 'not-verifiable', time_source: 'not-verifiable' },
    ...{ identity: 'not-verifiable', onvif: 'not-asked', profiles: 'not-asked' },
    ...{ login_onvif: 'not-asked', login_stream: 'not-asked', described: 'ok', flowing: 'ok' },
  });
  t.match(watch.state, { state: 'ok' });

  const mute = new Watch();
  t.teardown(() => mute.end());
  Object.assign(mute.network, { serial: '', offset: { offsetMs: 0, uncertaintyMs: 2_500 }, ping: 'silent' });
  await mute.start([CAMERA], { ...ORDERED, ping: false });
  await mute.well();
  t.match(layersOf(mute), {
    ...{
      ping: 'not-asked',
      clock: 'not-verifiable',
      time_source: 'not-verifiable',
      identity: 'not-verifiable',
    },
  });
});

t.test(
  'layers: each fault stands in its own layer with its cause, the others say what they know',
  async (t) => {
    const faults = [
      [{ offset: { offsetMs: 3_600_020, uncertaintyMs: 5 } }, 'clock', 'camera-clock-zone'],
      [{ offset: { offsetMs: -36_000_010, uncertaintyMs: 5 } }, 'clock', 'camera-clock-zone'],
      [{ offset: { offsetMs: 9_000, uncertaintyMs: 5 } }, 'clock', 'camera-clock-offset'],
      [{ ntp: { servers: ['pool.ntp.org'], fromDhcp: false } }, 'time_source', 'camera-time-source'],
      [{ ntp: { servers: [], fromDhcp: true } }, 'time_source', 'camera-time-source'],
      [{ login: 'camera-login-refused' as const }, 'login_onvif', 'camera-login-refused'],
      [{ onvif: 'closed' as const }, 'onvif', 'camera-port-closed'],
    ] as const;
    for (const [broken, layer, cause] of faults) {
      const watch = new Watch();
      watch.network.ntp = { servers: ['10.0.0.1'], fromDhcp: false };
      Object.assign(watch.network, broken);
      await watch.start([CAMERA], ORDERED);
      await watch.well();
      await watch.seconds(31);
      t.match(
        layersOf(watch),
        { [layer]: 'fault', [`${layer}_cause`]: cause, tcp: 'ok', flowing: 'ok' },
        cause,
      );
      t.match(watch.state, { state: 'degraded', cause });
      await watch.end();
    }
    for (const cause of ['camera-login-refused', 'camera-latched'] as const) {
      const stream = new Watch();
      const { onvif: _onvif, ...streamOnly } = CAMERA;
      await stream.start([streamOnly]);
      stream.stream('connecting');
      stream.stream('failed', { code: cause });
      await stream.clock.advance(1000);
      t.match(
        layersOf(stream),
        {
          ...{ login_stream: 'fault', login_stream_cause: cause, login_onvif: 'not-asked', tcp: 'ok' },
          ...{ described: 'fault', described_cause: cause, flowing: 'fault' },
        },
        'each protocol has its own login',
      );
      await stream.end();
    }
    const byHand = new Watch();
    t.teardown(() => byHand.end());
    byHand.network.ntp = { servers: ['10.0.0.1'], fromDhcp: false };
    byHand.network.offset = { offsetMs: 0, uncertaintyMs: 5, setByHand: true };
    await byHand.start([CAMERA], ORDERED);
    await byHand.well();
    t.match(byHand.state, { state: 'degraded', cause: 'camera-time-source', detail: /set by hand/ });
    const swapped = new Watch();
    t.teardown(() => swapped.end());
    await swapped.start([{ ...CAMERA, serial: 'Z-9', onvif: { port: 80, profile: 'p2' } }]);
    await swapped.well();
    t.match(layersOf(swapped), {
      ...{ identity: 'fault', identity_cause: 'camera-swapped' },
      ...{ profiles: 'fault', profiles_cause: 'camera-not-found' },
    });
  },
);

t.test(
  'layers: a camera that answers an echo and no port is there; one that answers nothing is not',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    await watch.clock.advance(3000);
    Object.assign(watch.network, { rtsp: 'unreachable', onvif: 'unreachable', ping: 'answers' });
    watch.stream('stalled', { code: 'camera-stalled' });
    await watch.clock.advance(1500);
    t.match(watch.state, { cause: 'camera-port-closed', reachable: 'yes', detail: /answers to ping/ });
    watch.network.ping = 'silent';
    await watch.seconds(40, { frames: 0 });
    t.match(watch.state, { state: 'down', cause: 'camera-unreachable', reachable: 'no' });
    t.match(layersOf(watch), {
      ping: 'fault',
      tcp: 'fault',
      tcp_cause: 'camera-unreachable',
      flowing: 'fault',
    });
    watch.network.ping = undefined;
    await watch.seconds(1000, { frames: 0 });
    t.match(layersOf(watch), { ping: 'unknown' }, 'an answer that is too old is none');
  },
);

t.test('layers: a port that was waited for while this process stood still has not been silent', async (t) => {
  for (const [standStillMs, tcp] of [
    [600, 'ok'],
    [100, 'fault'],
  ] as const) {
    const watch = new Watch();
    const { onvif: _onvif, ...plain } = CAMERA;
    await watch.start([plain]);
    watch.stream('described', { codec: 'h264', width: 1920, height: 1080 });
    await watch.seconds(10, { frames: 0 });
    Object.assign(watch.network, { rtsp: 'unreachable', standStillMs });
    await watch.seconds(20, { frames: 0 });
    t.match(layersOf(watch), { tcp }, `${standStillMs} ms`);
    await watch.end();
  }
});

t.test('layers: what is switched off has none', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.room.apply([{ ...CAMERA, enabled: false }], LIMITS);
  t.equal(watch.recorder.of('clear', 'layers', CAMERA.id).length, 1);
});

t.test(
  'ping: an echo, a host without one, and a box that may not or cannot send any are told apart',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ping-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const never = new AbortController().signal;
    const pinger = (command = 'ping', timeoutMs = 60_000) => new Pinger(systemClock, command, timeoutMs);
    const real = await pinger().ping('127.0.0.1', never);
    t.ok(real === 'answers' || real === 'not-allowed', 'as this machine allows it');
    if (real === 'answers') t.equal(await pinger().ping('camera.invalid', never), 'silent');
    t.equal(await pinger(join(folder, 'none')).ping('127.0.0.1', never), 'not-allowed');
    const script = (name: string, body: string, timeoutMs?: number) => {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
      return pinger(path, timeoutMs);
    };
    const forbidden = script(
      'forbidden',
      'echo "ping: socktype: SOCK_RAW: Operation not permitted" >&2; exit 2',
    );
    t.equal(await forbidden.ping('127.0.0.1', never), 'not-allowed');
    t.equal(await script('lost', 'exit 1').ping('127.0.0.1', never), 'silent');
    const hangs = script('hangs', 'exec sleep 60', 200);
    t.equal(await hangs.ping('127.0.0.1', never), undefined, 'one that is ended by us has said nothing');
    const slow = script('slow', 'sleep 0.2; exit 1');
    const all = await Promise.all(Array.from({ length: 6 }, () => slow.ping('127.0.0.1', never)));
    t.equal(all.filter((answer) => answer === undefined).length, 2, 'no more than four at a time');
  },
);

t.test(
  'layers: a camera that cuts every third connection is unsteady; one that was away is not',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    watch.network.cutsEach = 3;
    await watch.seconds(300);
    t.match(watch.state, { state: 'degraded', cause: 'camera-unsteady', side: 'camera', flowing: 'yes' });
    t.match(layersOf(watch), { onvif: 'fault', onvif_cause: 'camera-unsteady' });
    watch.network.cutsEach = 0;
    await watch.seconds(400);
    t.match(watch.state, { state: 'ok' });
    watch.network.onvif = 'closed';
    await watch.seconds(120);
    t.match(watch.state, { state: 'degraded', cause: 'camera-port-closed' });
    watch.network.onvif = 'open';
    await watch.seconds(40);
    t.match(watch.state, { state: 'ok' }, 'and is well at once when it is back');
  },
);
