import t from 'tap';
import { CAMERA, LIMITS, Watch } from './watch.ts';

const NEVER = new AbortController().signal;

t.test('a camera is well when its pictures have come for two seconds, and not before', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  t.match(watch.state, { state: 'unknown', cause: 'none', reachable: 'yes', login: 'accepted' });
  watch.stream('described', { codec: 'h265', width: 2560, height: 1440 });
  watch.stream('playing');
  await watch.seconds(1);
  t.equal(watch.state.state, 'unknown');
  await watch.seconds(2);
  t.match(watch.state, {
    state: 'ok',
    cause: 'none',
    fault: 'none',
    reachable: 'yes',
    login: 'accepted',
    described: 'yes',
    flowing: 'yes',
    clock_offset_ms: 20,
    codec: 'h265',
    width: 2560,
    height: 1440,
  });
});

t.test(
  'a stall is declared by the time the ports have answered, with the cause that they tell',
  async (t) => {
    const cases = [
      { rtsp: 'open', onvif: 'open', cause: 'camera-stalled', fault: 'device', reachable: 'yes' },
      { rtsp: 'closed', onvif: 'open', cause: 'camera-port-closed', fault: 'device', reachable: 'yes' },
      { rtsp: 'unreachable', onvif: 'open', cause: 'camera-port-closed', fault: 'device', reachable: 'yes' },
      {
        rtsp: 'unreachable',
        onvif: 'unreachable',
        cause: 'camera-unreachable',
        fault: 'device',
        reachable: 'no',
      },
    ] as const;
    for (const { rtsp, onvif, ...told } of cases) {
      const watch = new Watch();
      await watch.start();
      await watch.well();
      const lastPictureMs = watch.clock.wallMs();
      await watch.clock.advance(3000);
      Object.assign(watch.network, { rtsp, onvif });
      watch.stream('stalled', { code: 'camera-stalled' });
      t.equal(watch.state.state, 'ok', 'undecided while the ports are asked');
      await watch.clock.advance(2000);
      t.match(watch.state, { state: 'down', ...told, flowing: 'no' }, `${rtsp} ${onvif}`);
      t.ok(Number(watch.state.since) - lastPictureMs <= 5000, 'within five seconds of the last picture');
      await watch.end();
    }
  },
);

t.test('what is said of a segment holds what is said of its cameras at that moment', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.clock.advance(3_100);
  watch.stream('stalled', { code: 'camera-stalled' });
  await watch.clock.advance(0);
  t.match(watch.room.status(), [{ state: 'down', cause: 'camera-stalled' }], 'declared between two looks');
  t.match(watch.room.segments(), [{ lost: ['cam-1'] }]);
});

t.test('silence that was of our own process is never told as a fault of the camera', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.clock.advance(4000);
  watch.stream('failed', { code: 'video-process-late', detail: 'this process stood still for 9000 ms' });
  await watch.clock.advance(1000);
  t.match(watch.state, { state: 'ok' }, 'and not at all when it is over soon');
  await watch.clock.advance(6000);
  t.match(watch.state, { state: 'unknown', cause: 'video-process-late', fault: 'ourselves', side: 'box' });
  t.notOk(watch.states.some((state) => state.startsWith('down')));
});

t.test('a sub-stream that does not come is a lesser fault, until its pictures come', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  watch.stream('failed', { profile: 'sub', code: 'camera-not-found', detail: 'no such path' });
  t.match(watch.state, { state: 'degraded', cause: 'camera-substream-down', flowing: 'yes' });
  watch.measure({ profile: 'sub', frames: 0 });
  watch.stream('playing', { profile: 'sub' });
  t.match(watch.state, { state: 'degraded' }, 'an answer to PLAY is no picture');
  watch.measure({ profile: 'sub', frames: 5 });
  t.match(watch.state, { state: 'ok' });
});

t.test(
  'a way that is cut for the stream alone is the fault of the network and not of the camera',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    await watch.clock.advance(3000);
    watch.stream('stalled', { code: 'camera-path-lost' });
    await watch.clock.advance(0);
    t.match(watch.state, { state: 'down', cause: 'camera-path-lost', side: 'local-network', flowing: 'no' });
  },
);

t.test(
  'a stream that is cut counts as down when its silence is as long as a stall, not before',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    watch.stream('failed', { code: 'camera-closed' });
    await watch.clock.advance(2500);
    t.equal(watch.state.state, 'ok');
    await watch.clock.advance(750);
    t.match(watch.state, { state: 'down', cause: 'camera-closed' });
  },
);

t.test('a stream that is cut and comes back within the stall time-out is never called down', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  watch.stream('failed', { code: 'camera-closed' });
  await watch.clock.advance(1000);
  watch.stream('connecting');
  watch.stream('described');
  watch.stream('playing');
  await watch.seconds(4);
  t.same(watch.states, ['unknown:none', 'ok:none']);
});

t.test('recovery is told after two seconds of pictures, with the time at which it was told', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.clock.advance(3000);
  watch.stream('stalled', { code: 'camera-stalled' });
  await watch.clock.advance(0);
  t.equal(watch.state.since, watch.clock.wallMs());
  await watch.clock.advance(60_000);
  const backMs = watch.clock.wallMs();
  await watch.well();
  t.same(watch.states, ['unknown:none', 'ok:none', 'down:camera-stalled', 'ok:none']);
  t.ok(Number(watch.state.since) >= backMs + 2000 && Number(watch.state.since) <= watch.clock.wallMs());
});

t.test('pictures that a measure still holds from before a stall are no recovery', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.clock.advance(3000);
  watch.stream('stalled', { code: 'camera-stalled' });
  watch.measure({ frames: 3 });
  await watch.clock.advance(2500);
  watch.measure({ frames: 0 });
  await watch.clock.advance(10_000);
  t.same(watch.states, ['unknown:none', 'ok:none', 'down:camera-stalled']);
});

t.test('what the stream says is believed where the network is well', async (t) => {
  const codes = [
    'camera-login-refused',
    'camera-latched',
    'camera-busy',
    'camera-no-video',
    'camera-not-found',
  ] as const;
  for (const code of codes) {
    const watch = new Watch();
    await watch.start();
    watch.stream('connecting');
    watch.stream('failed', { code, detail: `said ${code}` });
    await watch.clock.advance(250);
    t.match(watch.state, { state: 'down', cause: code, described: 'no', flowing: 'no' }, code);
    await watch.end();
  }
});

t.test('the absence of the video process is no fault of a camera', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  watch.room.onVideo(false);
  await watch.clock.advance(4000);
  t.equal(watch.state.state, 'ok', 'a restart is waited for');
  await watch.clock.advance(2000);
  t.match(watch.state, {
    state: 'unknown',
    cause: 'video-process-down',
    fault: 'ourselves',
    flowing: 'unknown',
  });
  watch.room.onVideo(true);
  await watch.well();
  t.same(watch.states, ['unknown:none', 'ok:none', 'unknown:video-process-down', 'ok:none']);
});

t.test('a camera that is off the network is down also while the video process is', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  Object.assign(watch.network, { rtsp: 'unreachable', onvif: 'unreachable' });
  await watch.start();
  watch.room.onVideo(false);
  await watch.clock.advance(6000);
  t.match(watch.state, { state: 'down', cause: 'camera-unreachable' });
});

t.test('measures that stay away are the fault of the video process', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.clock.advance(20_000);
  t.match(watch.state, { state: 'unknown', cause: 'video-process-down' });
});

t.test('a standstill of our own event loop blames no camera', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  watch.clock.standStill(20_000);
  watch.stream('failed', { code: 'camera-closed' });
  await watch.clock.advance(0);
  t.equal(watch.state.state, 'ok');
  watch.stream('connecting');
  watch.stream('playing');
  await watch.seconds(4);
  t.same(watch.states, ['unknown:none', 'ok:none']);
});

t.test(
  'a clock offset is a fault when it is certain, and gone when it is certainly within the limit',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    const offsets = [
      [2100, 200, 'ok'],
      [-2300, 200, 'degraded'],
      [1900, 200, 'degraded'],
      [1700, 200, 'ok'],
    ] as const;
    for (const [offsetMs, uncertaintyMs, state] of offsets) {
      watch.network.offset = { offsetMs, uncertaintyMs };
      await watch.seconds(34);
      t.match(watch.state, { state, clock_offset_ms: offsetMs }, `${offsetMs} ± ${uncertaintyMs}`);
    }
    t.same(watch.states, ['unknown:none', 'ok:none', 'degraded:camera-clock-offset', 'ok:none']);
  },
);

t.test(
  'the clock of a camera without ONVIF is judged by its sender reports, and told with its drift',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    const { onvif: _, ...plain } = CAMERA;
    await watch.room.apply([plain], LIMITS);
    await watch.well();
    await watch.seconds(5, {
      clockOffsetMs: 2500,
      clockUncertaintyMs: 3,
      clockDriftPpm: 41.26,
      clockSteps: 1,
    });
    t.match(watch.state, { state: 'degraded', cause: 'camera-clock-offset', clock_offset_ms: 2500 });
    t.match(watch.recorder.of('measure', 'stream').at(-1)?.fields, {
      clock_offset_ms: 2500,
      clock_uncertainty_ms: 3,
      clock_drift_ppm: 41.3,
      clock_steps: 1,
    });
  },
);

t.test('against a clock of the box that nobody believes no camera is wrong, nor proved right', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  watch.trust = 'untrusted';
  watch.network.offset = { offsetMs: 3_600_000, uncertaintyMs: 5 };
  await watch.start();
  await watch.well();
  await watch.seconds(40, { clockOffsetMs: 3_600_000, clockUncertaintyMs: 3, clockSteps: 0 });
  t.match(watch.state, { state: 'ok', clock_offset_ms: undefined });
  t.match(watch.recorder.last('layers', CAMERA.id), { clock: 'unknown', onvif: 'ok' });
  t.match(watch.room.observed(), [{ clockOffMs: undefined }]);
  watch.trust = 'synced';
  watch.network.offset = { offsetMs: 9_000, uncertaintyMs: 5 };
  await watch.seconds(40);
  t.match(watch.state, { state: 'degraded', cause: 'camera-clock-offset' });
  watch.trust = 'untrusted';
  watch.network.offset = { offsetMs: 20, uncertaintyMs: 5 };
  await watch.seconds(40);
  t.match(watch.state, { state: 'degraded', clock_offset_ms: 9_000 }, 'what was measured before stands');
  t.match(watch.room.observed(), [{ clockOffMs: 8_995 }]);
  await watch.seconds(900);
  t.match(watch.room.observed(), [{ clockOffMs: undefined }], 'the day that follows measured nothing');
});

t.test('where ONVIF tells the clock of a camera, its sender reports change no verdict', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.seconds(5, { clockOffsetMs: 2500, clockUncertaintyMs: 3, clockSteps: 0 });
  t.match(watch.state, { state: 'ok', clock_offset_ms: 20 });
});

t.test('a login that ONVIF refuses while pictures come degrades the camera', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  watch.network.login = 'camera-login-refused';
  await watch.start();
  await watch.well();
  t.match(watch.state, {
    state: 'degraded',
    cause: 'camera-login-refused',
    login: 'refused',
    flowing: 'yes',
  });
  watch.network.login = 'camera-latched';
  await watch.room.check(CAMERA.id, NEVER);
  await watch.seconds(3);
  t.match(watch.state, { state: 'degraded', cause: 'camera-latched', login: 'latched' });
  watch.network.login = 'accepted';
  await watch.room.apply([{ ...CAMERA, credentials: { version: 2 } }], LIMITS);
  await watch.well();
  t.match(watch.state, { state: 'ok', login: 'accepted' });
});

t.test('an ONVIF port that no longer opens degrades a camera whose pictures come', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  watch.network.onvif = 'closed';
  await watch.seconds(34);
  t.match(watch.state, { state: 'degraded', cause: 'camera-port-closed', reachable: 'yes' });
  watch.network.onvif = 'open';
  await watch.seconds(6);
  t.equal(watch.state.state, 'ok', 'its return is told long before the next regular check');
});

t.test('a host name that leads nowhere is told apart from a camera that does not answer', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  Object.assign(watch.network, { rtsp: 'unnamed', onvif: 'unnamed' });
  await watch.start();
  watch.stream('failed', { code: 'camera-unreachable' });
  await watch.clock.advance(10_000);
  t.match(watch.state, {
    state: 'down',
    cause: 'camera-unreachable',
    reachable: 'no',
    detail: /name service/,
  });
});

t.test('while pictures come the stream port is left alone', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  const before = watch.network.probes;
  await watch.seconds(100);
  t.equal(watch.network.probes, before);
});

t.test('lost packets are a fault over a minute, and gone at half the limit', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  await watch.seconds(1, { rtpLost: 40 });
  t.equal(watch.state.state, 'ok', 'one bad measure says nothing');
  await watch.seconds(6, { rtpLost: 40 });
  t.match(watch.state, { state: 'degraded', cause: 'camera-loss' });
  await watch.seconds(90);
  t.equal(watch.state.state, 'ok');
  t.same(watch.states, ['unknown:none', 'ok:none', 'degraded:camera-loss', 'ok:none']);
});

t.test(
  'packets that the box did not read in time are a fault of the box where they are most of those lost',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    await watch.seconds(7, { rtpLost: 40, rtpUnread: 40 });
    t.match(watch.state, { state: 'degraded', cause: 'box-unread', side: 'box' });
    await watch.seconds(70, { rtpLost: 40, rtpUnread: 10 });
    t.match(watch.state, { state: 'degraded', cause: 'camera-loss', side: 'local-network' });
  },
);

t.test('a camera whose pictures are too large for a destination says so until they get there', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  const words = 'expected at most 4194304 bytes at once, came 8000312 of 1 pictures';
  watch.destination({ state: 'blocked', code: 'credit-too-small', detail: words });
  const cause = 'credit-too-small';
  t.match(watch.state, { state: 'degraded', cause, fault: 'configuration', side: 'centre' });
  t.match(watch.state, { detail: `pictures come, but not all of them get to mqtt: ${words}` });
  t.match(watch.room.status(), [{ state: 'degraded', cause, side: 'centre' }], 'on the box too');
  watch.destination({ state: 'flowing', code: 'credit-too-small', detail: words });
  await watch.seconds(30);
  watch.destination({ state: 'blocked', code: 'credit-too-small', detail: words });
  await watch.seconds(50);
  watch.destination({ state: 'flowing', code: 'credit-too-small', detail: words });
  await watch.seconds(9);
  t.equal(watch.state.cause, cause, 'one that fits in between ends nothing, nor does it prolong it');
  await watch.seconds(2);
  t.equal(watch.state.state, 'ok', 'a minute without ends it');
  watch.destination({ state: 'blocked', code: 'message-too-large' });
  t.equal(watch.state.cause, 'message-too-large');
  watch.destination({ state: 'waiting' });
  t.equal(watch.state.state, 'ok', 'so does one that begins anew, by another configuration');
  watch.destination({ state: 'blocked', code: 'destination-slow' });
  watch.destination({ state: 'failed', code: 'destination-closed' });
  t.equal(watch.state.state, 'ok', 'other faults of destinations are not of the camera');
});

t.test('fewer pictures than asked for are a fault when they are fewer again and again', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start([{ ...CAMERA, minFps: 25 }]);
  await watch.well();
  await watch.seconds(10, { frames: 24 });
  t.equal(watch.state.state, 'ok', '24 of 25 is within the tolerance');
  await watch.seconds(3, { frames: 10 });
  await watch.seconds(10);
  t.equal(watch.state.state, 'ok', 'one dip is no fault');
  await watch.seconds(10, { frames: 12 });
  t.match(watch.state, { state: 'degraded', cause: 'camera-low-rate' });
  await watch.seconds(10);
  t.same(watch.states, ['unknown:none', 'ok:none', 'degraded:camera-low-rate', 'ok:none']);
});

t.test('measures go out in sums of five seconds', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  watch.stream('playing');
  await watch.seconds(10, { rtpLost: 1, droppedFrames: 2 });
  const measures = watch.recorder.of('measure', 'stream');
  t.equal(measures.length, 2);
  t.match(measures[0]?.fields, {
    period_ms: 5000,
    fps: 25,
    kbps: 4000,
    gop_frames: 25,
    rtp_received: 2000,
    rtp_lost: 5,
    forwarded_bytes: 2_550_000,
    dropped_frames: 10,
  });
  t.match(watch.room.status()[0], { fps: 25, kbps: 4000, forwardedBytes: 5_100_000 });
});

t.test('an unchanged camera notices nothing of a new configuration, a removed one is cleared', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  const other = { ...CAMERA, id: 'cam-2' };
  await watch.start([CAMERA, other]);
  await watch.well();
  const before = watch.recorder.of('state', 'cameraHealth', 'cam-1').length;
  await watch.room.apply([{ ...CAMERA, credentials: { version: 1 } }], LIMITS);
  await watch.seconds(5);
  t.equal(watch.recorder.of('state', 'cameraHealth', 'cam-1').length, before);
  t.equal(watch.recorder.of('clear', 'cameraHealth', 'cam-2').length, 1);
  t.same(watch.room.counts(), {
    ...{ ok: 1, degraded: 0, down: 0, unknown: 0 },
    ...{ maintenance: 0, disabled: 0 },
  });
  t.match(watch.state, { owner: 'commune' });
  await watch.room.apply([{ ...CAMERA, name: 'Gare', owner: 'metropole' }], LIMITS);
  await watch.seconds(1);
  t.match(watch.state, { name: 'Gare', owner: 'metropole', state: 'ok' });
});

t.test('a camera that was down before a restart of the agent has been down since then', async (t) => {
  const folder = t.testdir();
  const first = new Watch(folder);
  Object.assign(first.network, { rtsp: 'unreachable', onvif: 'unreachable' });
  await first.start();
  await first.clock.advance(1000);
  const { since } = first.state;
  t.equal(first.state.state, 'down');
  await first.room.stop();
  first.store.close();

  const second = new Watch(folder);
  t.teardown(() => second.end());
  second.clock.jumpWall(3_600_000);
  Object.assign(second.network, { rtsp: 'unreachable', onvif: 'unreachable' });
  await second.start();
  await second.clock.advance(1000);
  t.match(second.state, { state: 'down', since });
});

t.test('a fault that ended while the agent was off is what a repair is compared with', async (t) => {
  const first = new Watch();
  await first.start();
  await first.well();
  await first.clock.advance(3000);
  first.stream('stalled', { code: 'camera-stalled' });
  await first.clock.advance(0);
  t.match(first.state, { state: 'down', cause: 'camera-stalled' });
  await first.stop();
  const second = new Watch(first.folder);
  t.teardown(() => second.end());
  await second.start();
  await second.well();
  t.match(
    await second.room.confirm(CAMERA.id, NEVER),
    /^before: down \(camera-stalled\) from 20\S+Z to 20\S+Z; now: cam-1 is ok/,
  );
});

t.test(
  'a camera that left the configuration while the agent was off is cleared at the next start',
  async (t) => {
    const folder = t.testdir();
    const first = new Watch(folder);
    Object.assign(first.network, { rtsp: 'unreachable', onvif: 'unreachable' });
    await first.start();
    await first.clock.advance(1000);
    await first.room.stop();
    first.store.close();
    const second = new Watch(folder);
    t.teardown(() => second.end());
    await second.start([]);
    t.equal(second.recorder.of('clear', 'cameraHealth', CAMERA.id).length, 1);
  },
);

t.test('a check asks the camera at once and says what it found', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  await watch.start();
  await watch.well();
  const said = await watch.room.check(CAMERA.id, NEVER);
  t.match(said, /^cam-1 is ok; reachable: yes, login: accepted, described: yes, pictures: yes \(25\/s\)/);
  t.match(said, /20 ± 5 ms/);
  await t.rejects(watch.room.check('cam-9', NEVER), { code: 'camera-not-found' });
});

t.test(
  'a network that is back leaves the stream time to be tried again before another cause is told',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    Object.assign(watch.network, { rtsp: 'unreachable', onvif: 'unreachable' });
    await watch.start();
    watch.stream('failed', { code: 'camera-unreachable' });
    await watch.clock.advance(1000);
    Object.assign(watch.network, { rtsp: 'open', onvif: 'open' });
    await watch.clock.advance(12_000);
    t.match(watch.state, { state: 'down', cause: 'camera-unreachable' });
    await watch.clock.advance(15_000);
    t.match(watch.state, { state: 'down', cause: 'camera-silent', reachable: 'yes' });
  },
);

t.test('the stream port is asked where the address of the stream says that it is', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  watch.room.onStreamAddress(CAMERA.id, '192.0.2.1', 8554);
  await watch.start();
  t.equal(watch.network.target, '192.0.2.1 8554');
  watch.room.onStreamAddress(CAMERA.id, '[2001:db8::1]', 0);
  await watch.clock.advance(6000);
  t.equal(watch.network.target, '2001:db8::1 554');
});

t.test(
  'another serial number at the same address is a swapped camera, also after a restart, until the configuration names it',
  async (t) => {
    const first = new Watch();
    await first.start();
    await first.well();
    t.match(first.state, { state: 'ok', serial: 'A-1', manufacturer: 'Maker', model: 'M1', firmware: '1.0' });
    first.network.serial = 'B-2';
    first.network.onvif = 'unreachable';
    await first.seconds(40);
    first.network.onvif = 'open';
    await first.seconds(40);
    const swapped = { state: 'degraded', cause: 'camera-swapped', side: 'camera', serial: 'B-2' };
    t.match(first.state, { ...swapped, detail: 'expected serial number A-1, came B-2' });
    await first.room.stop();
    first.store.close();
    const again = new Watch(first.folder);
    t.teardown(() => again.end());
    again.network.serial = 'B-2';
    await again.start();
    await again.well();
    t.match(again.state, swapped);
    await again.room.apply([{ ...CAMERA, serial: 'B-2' }], LIMITS);
    await again.well();
    t.match(again.state, { state: 'ok', serial: 'B-2' });
    again.network.serial = '';
    await again.room.check(CAMERA.id, NEVER);
    await again.seconds(3);
    t.match(again.state, { state: 'ok' }, 'a camera that does not say its number is not swapped');
  },
);

t.test(
  'a camera without a login says who it is too, where it does, and is well where it does not',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    const { credentials: _, ...open } = CAMERA;
    await watch.start([open]);
    await watch.well();
    t.match(watch.state, { state: 'ok', serial: 'A-1', login: 'not-asked' });
    watch.network.login = 'camera-login-refused';
    await watch.seconds(1000);
    t.match(watch.state, { state: 'ok', serial: 'A-1', login: 'not-asked' });
    t.match(watch.recorder.last('layers', CAMERA.id), { onvif: 'ok', login_onvif: 'not-asked' });
    watch.network.login = 'accepted';
    watch.network.serial = 'B-2';
    await watch.seconds(310);
    t.match(watch.state, { state: 'degraded', cause: 'camera-swapped' });
  },
);

for (const [offsetMs, cause, text] of [
  [3_600_000, 'camera-clock-zone', '+1 h'],
  [-7_230_000, 'camera-clock-zone', '-2 h'],
  [36_000_000, 'camera-clock-zone', '+10 h'],
  [5_400_000, 'camera-clock-zone', '+1.5 h'],
  [3_655_000, 'camera-clock-zone', '+1 h'],
  [3_665_000, 'camera-clock-offset', 'more than 2000 ms'],
  [3_000_000, 'camera-clock-offset', 'more than 2000 ms'],
  [55_000, 'camera-clock-offset', 'more than 2000 ms'],
  [86_400_000, 'camera-clock-offset', 'more than 2000 ms'],
] as const) {
  t.test(`a clock that is off by ${offsetMs} ms is ${cause}`, async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    watch.network.offset = { offsetMs, uncertaintyMs: 5 };
    await watch.start();
    await watch.well();
    await watch.seconds(2);
    t.match(watch.state, { state: 'degraded', cause });
    t.match(String(watch.state.detail), text);
  });
}

t.test(
  'a repair is confirmed by what was wrong before and how the camera is now, and not while it is not well',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    const confirm = () => watch.room.confirm(CAMERA.id, NEVER);
    watch.stream('failed', { code: 'camera-not-found' });
    await watch.seconds(8, { frames: 0 });
    t.match(watch.state, { state: 'down', cause: 'camera-not-found' });
    await t.rejects(confirm(), {
      code: 'repair-not-confirmed',
      message: /now: cam-1 is down \(camera-not-found/,
    });
    await watch.well();
    t.match(
      await confirm(),
      /^before: down \(camera-not-found\) from 20\S+Z to 20\S+Z; now: cam-1 is ok; reachable: yes/,
    );
    watch.network.serial = 'B-2';
    await watch.room.check(CAMERA.id, NEVER);
    await watch.seconds(3);
    t.match(watch.state, { cause: 'camera-swapped' });
    await confirm();
    await watch.seconds(3);
    t.match(watch.state, { state: 'ok', serial: 'B-2' }, 'the new device is the expected one');
    await watch.room.apply([{ ...CAMERA, serial: 'A-1' }], LIMITS);
    await watch.well();
    await t.rejects(confirm(), { code: 'repair-not-confirmed' }, 'the configuration names another');
    await t.rejects(watch.room.confirm('cam-9', NEVER), { code: 'camera-not-found' });
  },
);

t.test(
  'a repair is confirmed beside another fault that was there before, and not beside one that took its place',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    watch.network.ntp = { servers: ['pool.example'], fromDhcp: false };
    const ordered = { ...LIMITS, timeServers: ['10.0.0.1'] };
    const confirm = () => watch.room.confirm(CAMERA.id, NEVER);
    const refused = { code: 'repair-not-confirmed' };
    await watch.start([CAMERA], ordered);
    await watch.well();
    t.match(watch.state, { state: 'degraded', cause: 'camera-time-source' });
    await t.rejects(confirm(), refused, 'nothing else was wrong');
    watch.stream('failed', { code: 'camera-not-found' });
    await watch.seconds(8, { frames: 0 });
    await t.rejects(confirm(), refused, 'it is down');
    await watch.well();
    t.match(
      await confirm(),
      /^before: down \(camera-not-found\).*; now: cam-1 is degraded \(camera-time-source/,
    );
    watch.network.offset = { offsetMs: 9_000, uncertaintyMs: 5 };
    await watch.seconds(40);
    t.match(watch.state, { state: 'degraded', cause: 'camera-clock-offset' });
    watch.network.offset = { offsetMs: 3_600_000, uncertaintyMs: 5 };
    await watch.seconds(40);
    t.match(watch.state, { cause: 'camera-clock-zone' });
    await t.rejects(confirm(), refused, 'the clock is still wrong, in another way');
    watch.network.offset = { offsetMs: 20, uncertaintyMs: 5 };
    await watch.seconds(40);
    t.match(await confirm(), /^before: degraded \(camera-clock-zone\)/);
    watch.network.ntp = { servers: ['10.0.0.1'], fromDhcp: false };
    await watch.seconds(310);
    t.match(watch.state, { state: 'ok' });
    watch.network.offset = { offsetMs: 9_000, uncertaintyMs: 5 };
    await watch.seconds(40);
    t.match(watch.state, { state: 'degraded', cause: 'camera-clock-offset' });
    await t.rejects(confirm(), refused, 'a fault that came later is none that was left');
    watch.network.offset = { offsetMs: 20, uncertaintyMs: 5 };
    await watch.room.apply([{ ...CAMERA, serial: 'B-2' }], ordered);
    watch.stream('failed', { code: 'camera-not-found' });
    await watch.seconds(8, { frames: 0 });
    t.match(watch.state, { state: 'down', cause: 'camera-not-found' });
    await watch.well();
    t.match(watch.state, { state: 'degraded', cause: 'camera-swapped' });
    await t.rejects(confirm(), refused, 'another device than the configured one is no repair');
  },
);

t.test(
  'announced work: the camera is in maintenance, looked at all the same, and no alarm nor segment counts it',
  async (t) => {
    const watch = new Watch();
    t.teardown(() => watch.end());
    await watch.start();
    await watch.well();
    const startMs = watch.clock.wallMs();
    watch.planned = { window: 'w-1', startMs, endMs: startMs + 3_600_000 };
    await watch.seconds(1);
    const of = { maintenance_window: 'w-1', maintenance_until: startMs + 3_600_000 };
    t.match(watch.state, { state: 'maintenance', found: 'ok', cause: 'none', since: startMs, ...of });
    watch.stream('failed', { code: 'camera-not-found' });
    await watch.seconds(5, { frames: 0 });
    t.match(watch.state, { state: 'maintenance', found: 'down', cause: 'camera-not-found', side: 'camera' });
    t.match(watch.room.counts(), { down: 0, maintenance: 1 });
    t.match(watch.room.observed(), [{ state: 'down' }], 'the report has what was found, and leaves it out');
    t.match(watch.room.segments().at(-1), { unknown: true, unreachable: [], lost: [] });
    watch.planned = undefined;
    await watch.seconds(1, { frames: 0 });
    t.match(watch.state, { state: 'down', found: undefined, maintenance_window: undefined });
  },
);

t.test('a camera that is switched off is asked nothing, and is disabled since it was', async (t) => {
  const folder = t.testdir();
  const first = new Watch(folder);
  await first.start();
  await first.well();
  const sinceMs = first.clock.wallMs();
  await first.room.apply([{ ...CAMERA, enabled: false }], LIMITS);
  const { probes } = first.network;
  first.stream('failed', { code: 'camera-closed' });
  await first.seconds(120, { frames: 0 });
  t.equal(first.network.probes, probes);
  t.match(first.state, {
    state: 'disabled',
    cause: 'none',
    side: 'none',
    since: sinceMs,
    reachable: 'unknown',
  });
  t.match(first.room.observed(), [{ state: 'disabled' }]);
  t.same(first.room.segments().at(-1)?.cameras, []);
  for (const ask of ['check', 'confirm'] as const)
    await t.rejects(first.room[ask](CAMERA.id, NEVER), { code: 'camera-disabled' });
  await first.room.stop();
  first.store.close();

  const second = new Watch(folder);
  t.teardown(() => second.end());
  await second.start([{ ...CAMERA, enabled: false }]);
  t.match(second.state, { state: 'disabled', since: sinceMs }, 'also across a restart');
  await second.room.apply([CAMERA], LIMITS);
  await second.well();
  t.match(second.state, { state: 'ok' });
});
