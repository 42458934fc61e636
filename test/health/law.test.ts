import { randomBytes } from 'node:crypto';
import t from 'tap';
import { systemClock } from '../../agent/base/clock.ts';
import { createLog } from '../../agent/base/log.ts';
import { CameraGate } from '../../agent/camera/gate.ts';
import { OnvifCamera } from '../../agent/camera/onvif/onvif-camera.ts';
import type { LawEvidence, LegalProfile } from '../../agent/health/law/facts.ts';
import { judgeLaw } from '../../agent/health/law/judge.ts';
import { SimulatedCamera } from '../support/camera/camera.ts';
import * as fc from '../support/properties.ts';
import { subscriptionMemory } from '../support/subscription.ts';
import { CAMERA, LIMITS, Watch } from './watch.ts';

const NOTHING: LawEvidence = {
  ...{ width: undefined, height: undefined, fps: undefined, fpsBefore: undefined },
  ...{ clockOffsetMs: undefined, clockOff: false, said: undefined, today: '2026-11-22' },
};
const judged = (profile: Partial<LegalProfile>, evidence: Partial<LawEvidence>) =>
  judgeLaw({ faceThumbnails: false, ...profile }, { ...NOTHING, ...evidence }, 2000);

t.test('law: the smallest picture follows the role [arrêté du 3 août 2007, article 2]', async (t) => {
  const cases = [
    ['narrow-fast', 704, 576, 'ok'],
    ['narrow-fast', 703, 576, 'breach'],
    ['narrow', 1280, 575, 'breach'],
    ['narrow', 576, 704, 'ok'],
    ['wide', 352, 288, 'ok'],
    ['wide', 352, 287, 'breach'],
    ['traffic', 640, 360, 'ok'],
  ] as const;
  for (const [role, width, height, resolution] of cases)
    t.match(judged({ role }, { width, height }), { resolution, width, height }, `${role} ${width} ${height}`);
  t.equal(judged({ role: 'narrow' }, {}).resolution, 'unknown');
  t.equal(judged({}, { width: 10, height: 10 }).resolution, 'not-asked');
  const thumbnails = judged({ role: 'narrow', faceThumbnails: true }, { width: 640, height: 480 });
  t.match(thumbnails, { resolution: 'not-verifiable', state: 'unverified' });
});

t.test('law: the rate is the measured one, and too low only twice in a row', async (t) => {
  const cases = [
    ['narrow-fast', 12, undefined, 'ok'],
    ['narrow-fast', 11.9, 11.9, 'ok'],
    ['narrow-fast', 8, undefined, 'unknown'],
    ['narrow-fast', 8, 12, 'unknown'],
    ['narrow-fast', 8, 8, 'breach'],
    ['narrow-fast', 11.7, 11.7, 'breach'],
    ['narrow', 6, 6, 'ok'],
    ['narrow', 5.8, 5.8, 'breach'],
    ['wide', 8, 8, 'ok'],
    ['wide', 5.8, 5.8, 'breach'],
    ['traffic', 5, 5, 'breach'],
  ] as const;
  for (const [role, fps, fpsBefore, rate] of cases)
    t.match(judged({ role }, { fps, fpsBefore }), { rate, rate_fps: fps }, `${role} ${fps} ${fpsBefore}`);
});

t.test('law: the clock is well only where it was measured, lately and for certain', async (t) => {
  const clock = (evidence: Partial<LawEvidence>) => judged({}, evidence).clock_verdict;
  const measured = { clockOffsetMs: 300, clockUncertaintyMs: 20 };
  t.equal(clock(measured), 'ok');
  t.match(judged({}, { clockOffsetMs: -2500.4, clockOff: true }), {
    ...{ state: 'breach', clock_verdict: 'breach', clock_offset_ms: -2500, clock_limit_ms: 2000 },
  });
  t.equal(clock({ ...measured, clockUncertaintyMs: 2001 }), 'not-verifiable');
  t.equal(clock({ ...measured, clockIsOld: true }), 'unknown');
  t.equal(clock({ ...measured, clockIsOld: true, clockOff: true }), 'breach', 'until it is measured well');
  t.equal(clock({}), 'unknown');
});

t.test('law: the end of the authorisation is told before, and is a breach after its last day', async (t) => {
  const until = (today: string | undefined) =>
    judged({ authorisation: { reference: 'A-1', until: '2026-12-31', warnDays: 30 } }, { today });
  t.match(until('2026-11-30'), { authorisation: 'ok', authorisation_days: 31 });
  t.match(until('2026-12-01'), { authorisation: 'ends-soon', authorisation_days: 30 });
  t.match(until('2026-12-31'), { authorisation: 'ends-soon', authorisation_days: 0 });
  t.match(until('2027-01-01'), { authorisation: 'breach', authorisation_days: -1, state: 'breach' });
  t.equal(until(undefined).authorisation, 'unknown', 'while the clock of the box cannot be believed');
});

t.test('law: what the camera does not say is not verifiable, and never ok', async (t) => {
  const asked = { masksSha256: 'a'.repeat(64), cardDays: 20 };
  const silent = { soundProfiles: undefined, masks: undefined, card: undefined };
  for (const said of [null, silent] as const)
    t.match(judged(asked, { said }), {
      sound: 'not-verifiable',
      masks: 'not-verifiable',
      card: 'not-verifiable',
    });
  t.match(judged({}, { said: undefined }), { sound: 'unknown' }, 'not asked yet');
  const card = (keptDays: number | undefined, cardDays?: number) =>
    judged(cardDays === undefined ? {} : { cardDays }, {
      said: { ...silent, card: { recordings: 1, keptDays } },
    }).card;
  t.same([card(20, 20), card(20.5, 20), card(undefined, 20), card(3)], ['ok', 'breach', 'breach', 'breach']);
  const verdict = fc.constantFrom('narrow-fast', 'narrow', 'wide', 'traffic', undefined);
  fc.assert(
    fc.property(verdict, fc.option(fc.integer({ min: 1, max: 31 })), (role, cardDays) => {
      const { state } = judged(
        { role, masksSha256: 'a'.repeat(64), ...(cardDays && { cardDays }) },
        { said: null },
      );
      return state !== 'compliant';
    }),
  );
});

t.test(
  'law: sound is judged by the profiles, and by the stream where there are none or it offers more',
  async (t) => {
    const profiles = (soundProfiles: number | undefined) => ({
      soundProfiles,
      masks: undefined,
      card: undefined,
    });
    const cases = [
      [profiles(0), false, 'ok', 'profiles'],
      [profiles(0), undefined, 'ok', 'profiles'],
      [profiles(2), false, 'breach', 'profiles'],
      [profiles(0), true, 'breach', 'stream'],
      [profiles(undefined), false, 'ok', 'stream'],
      [profiles(undefined), true, 'breach', 'stream'],
      [null, false, 'ok', 'stream'],
      [null, true, 'breach', 'stream'],
      [null, undefined, 'not-verifiable', undefined],
    ] as const;
    for (const [said, streamSound, sound, by] of cases)
      t.match(judged({}, { said, streamSound }), { sound, sound_by: by }, `${by} ${sound}`);
  },
);

t.test(
  'law: a breach is on the side of the camera, its partner, or of who let the authorisation end',
  async (t) => {
    const over = { reference: 'A-1', until: '2020-01-01', warnDays: 30 };
    const sides = [
      ['commune', { authorisation: over }, false, 'centre', 'camera-unauthorised', 'centre'],
      ['commune', { authorisation: over }, true, 'camera', 'camera-law-breach', 'camera'],
      ['partner', {}, true, 'partner', 'camera-law-breach', 'partner'],
    ] as const;
    for (const [owner, more, sound, side, cause, whose] of sides) {
      const watch = new Watch();
      const law = { faceThumbnails: false, ...more };
      await watch.start([{ ...CAMERA, owner, law }]);
      watch.stream('described', { codec: 'h264', width: 1920, height: 1080, sound });
      watch.stream('playing', { sound });
      await watch.seconds(4);
      t.match(watch.recorder.last('law', CAMERA.id), { state: 'breach', side }, cause);
      t.match(watch.state, { state: 'degraded', cause, side: whose });
      await watch.end();
    }
  },
);

t.test(
  'law: a camera is asked for sound, masks and card by ONVIF; masks are the same however they are written',
  async (t) => {
    const camera = new SimulatedCamera({ name: 'cam-1', clip: 'h264', user: 'csu', password: 'secret' });
    await camera.start();
    t.teardown(() => camera.stop());
    const memory = { load: () => [], save: () => undefined };
    const clock = systemClock;
    const gate = new CameraGate(
      { clock, memory },
      { camera: 'cam-1', maxConnections: 4, credentialVersion: 1 },
    );
    const helper = () =>
      new OnvifCamera(
        {
          ...{ camera: 'cam-1', host: '127.0.0.1', port: camera.onvifPort, path: '/onvif/device_service' },
          ...{ tls: false, credentials: { version: 1, user: 'csu', password: 'secret' } },
        },
        gate,
        {
          clock,
          log: createLog('error', { write: () => undefined }),
          randomBytes,
          subscription: subscriptionMemory(),
        },
      );
    const { signal } = new AbortController();
    t.equal(await helper().masks(signal), undefined, 'no masks by ONVIF');
    t.equal(await helper().recordings(signal), undefined, 'no recording service');
    t.match(await helper().profiles(signal), [{ hasAudio: false }]);
    const [a, b, c] = [
      [-0.5, 0.5],
      [0.25, 0.5],
      [0.25, -0.123456],
    ] as [[number, number], [number, number], [number, number]];
    const other = [
      [0, 0],
      [1, 0],
      [1, 1],
    ] as const;
    const hashOf = async (masks: NonNullable<SimulatedCamera['legal']['masks']>) => {
      camera.legal.masks = masks;
      return await helper().masks(signal);
    };
    const first = await hashOf([[a, b, c], other]);
    t.match(first, { count: 2, sha256: /^[0-9a-f]{64}$/ });
    t.same(await hashOf([other, [c, [-0.50001, 0.5], b]]), first, 'another order, another way round');
    for (const changed of [[[a, b, c]], [[a, b, [0.25, -0.13]], other], []] as const)
      t.not((await hashOf(changed as never))?.sha256, first?.sha256);
    const round = Array.from({ length: 10_000 }, (_, n) => [Math.cos(n), Math.sin(n)] as [number, number]);
    t.equal(await hashOf([round]), undefined, 'more corners than are compared are not verifiable');
    camera.legal.sound = true;
    t.match(await helper().profiles(signal), [{ hasAudio: true }]);
    for (const [retention, keptDays] of [
      ['P20D', 20],
      ['PT36H', 1.5],
      ['PT0S', undefined],
      ['soon', undefined],
    ] as const) {
      camera.legal.retention = retention;
      t.same(await helper().recordings(signal), { recordings: 1, keptDays }, retention);
    }
  },
);

t.test('law: a camera that is watched breaks its profile and keeps to it again', async (t) => {
  const watch = new Watch();
  t.teardown(() => watch.end());
  const law = { role: 'narrow-fast' as const, faceThumbnails: false, masksSha256: 'b'.repeat(64) };
  watch.network.masks = { count: 1, sha256: 'b'.repeat(64) };
  await watch.start([{ ...CAMERA, law }]);
  await watch.well();
  await watch.seconds(12);
  const told = () => watch.recorder.last('law', CAMERA.id);
  t.match(told(), {
    state: 'compliant',
    rate: 'ok',
    rate_fps: 25,
    masks: 'ok',
    sound: 'ok',
    resolution: 'ok',
  });
  t.match(watch.state, { state: 'ok' });
  await watch.seconds(30, { frames: 8 });
  t.match(told(), { state: 'breach', rate: 'breach', rate_fps: 8, min_fps: 12 });
  t.match(watch.state, { state: 'degraded', cause: 'camera-law-breach', side: 'camera' });
  t.match(watch.room.observed(), [{ law: { rate: 'breach', masks: 'ok' } }]);
  await watch.seconds(22);
  t.match(told(), { state: 'compliant', rate: 'ok' });
  t.match(watch.state, { state: 'ok' });
  watch.network.onvif = 'unreachable';
  await watch.seconds(1_000);
  t.match(
    told(),
    { state: 'unverified', rate: 'ok', masks: 'unknown', sound: 'unknown', clock_verdict: 'unknown' },
    'what it said long ago is no word any more',
  );
  watch.network.onvif = 'open';
  watch.network.offset = { offsetMs: 20, uncertaintyMs: 5_000 };
  await watch.seconds(40);
  t.match(
    told(),
    { masks: 'ok', sound: 'ok', clock_verdict: 'not-verifiable' },
    'nor is a guess a measurement',
  );
  watch.network.masks = { count: 2, sha256: 'c'.repeat(64) };
  await watch.seconds(340);
  t.match(told(), { state: 'breach', masks: 'breach', masks_count: 2 });
  watch.network.onvif = 'unreachable';
  await watch.seconds(1_000);
  t.match(told(), { state: 'breach', masks: 'breach' }, 'a breach stays until the camera says otherwise');
  watch.network.onvif = 'open';
  await watch.seconds(40);
  await watch.room.apply([CAMERA], LIMITS);
  await watch.seconds(3);
  t.ok(watch.recorder.of('clear', 'law', CAMERA.id).length > 0, 'no profile, no state');
  t.match(watch.state, { state: 'ok' });
});
