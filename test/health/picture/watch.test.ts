import t from 'tap';
import type { StreamNumbers } from '../../../agent/contract/picture.ts';
import { describePicture } from '../../../agent/video/picture/numbers.ts';
import { type Drawing, drawnPicture } from '../../support/drawn-picture.ts';
import { CAMERA, LIMITS, Watch } from '../watch.ts';

const STREAM: StreamNumbers = {
  ...{ keyFrames: 1, repeatedKeyFrames: 0, otherFrames: 24, otherBytes: 4000 },
  ...{ repeatedInARow: 0, bytesInARow: 4000 },
  ...{ sameAsBefore: false, width: 1920, height: 1080 },
};

/** Answers each look that health asks for, for so many seconds. */
class Answering {
  readonly watch: Watch;
  #answered = 0;

  constructor(watch: Watch) {
    this.watch = watch;
  }

  async seconds(count: number, drawing: Drawing = { seed: 1 }): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      await this.watch.seconds(1);
      for (; this.#answered < this.watch.looks.length; this.#answered += 1) this.#answer(drawing);
    }
  }

  #answer(drawing: Drawing): void {
    const picture = describePicture(drawnPicture({ look: this.#answered, ...drawing }), undefined);
    this.watch.room.onPicture({ type: 'picture', camera: CAMERA.id, stream: STREAM, picture });
  }
}

async function begun(t: { teardown(end: () => unknown): void }, watch = new Watch(), limits = LIMITS) {
  t.teardown(() => watch.end());
  await watch.start([CAMERA], limits);
  await watch.well();
  return { watch, answering: new Answering(watch) };
}

/** Seconds between the looks that were asked for. */
function pauses({ looks }: Watch): number[] {
  const seconds = looks.map(([, atMs]) => Math.round(atMs / 1000));
  return seconds.slice(1).map((at, index) => at - (seconds[index] ?? 0));
}

t.test('picture: looks come at the pace of the configuration, sooner while the view is learnt', async (t) => {
  const { watch, answering } = await begun(t);
  await answering.seconds(400);
  t.match(watch.state, { picture: 'ok', picture_view: 'learnt', picture_detail: '' });
  const all = pauses(watch);
  t.ok(
    all.slice(0, 4).every((pause) => pause >= 20 && pause <= 22),
    all.join(),
  );
  t.ok(
    all.slice(5).every((pause) => pause >= 60 && pause <= 62),
    all.join(),
  );
});

t.test('picture: nothing is asked while no pictures come, and what is known grows old', async (t) => {
  const { watch, answering } = await begun(t);
  await answering.seconds(200);
  watch.stream('failed', { code: 'camera-closed' });
  const asked = watch.looks.length;
  await watch.clock.advance(300_000);
  t.equal(watch.looks.length, asked);
  t.match(watch.state, { state: 'down', cause: 'camera-closed', picture: 'not-checked' });
});

t.test(
  'picture: no look is asked for at interval 0, nor of a camera that is not to be checked',
  async (t) => {
    const { watch } = await begun(t, new Watch(), { ...LIMITS, pictureIntervalS: 0 });
    await watch.seconds(200);
    t.strictSame(watch.looks, []);
    t.match(watch.state, { picture: 'off', picture_detail: '' });
    const other = new Watch();
    t.teardown(() => other.end());
    await other.start([{ ...CAMERA, pictureCheck: 'off' }]);
    await other.well();
    await other.seconds(200);
    t.strictSame(other.looks, []);
  },
);

t.test('picture: a fault is told within two intervals with its numbers, once, and its end', async (t) => {
  const { watch, answering } = await begun(t);
  await answering.seconds(200);
  const beganMs = watch.clock.monotonicMs();
  await answering.seconds(120, { seed: 1, light: () => 16 });
  t.match(watch.state, { state: 'degraded', cause: 'picture-black', fault: 'device', picture: 'faulty' });
  const told = watch.recorder
    .of('state', 'cameraHealth')
    .find(({ fields }) => fields.cause === 'picture-black');
  t.ok(told && told.wallMs - beganMs <= watch.clock.wallMs() - watch.clock.monotonicMs() + 120_000);
  const states = watch.recorder.of('state', 'cameraHealth').length;
  await answering.seconds(600, { seed: 1, light: () => 16 });
  t.equal(watch.recorder.of('state', 'cameraHealth').length, states, 'a fault that stays is not told again');
  await answering.seconds(120);
  t.match(watch.state, { state: 'ok', picture: 'ok' });
  t.match(watch.recorder.of('measure', 'picture').at(-1), {
    fields: { cause: 'none', light: 'day', state: 'ok' },
  });
});

t.test('picture: what was learnt outlives the agent, and is forgotten with the camera', async (t) => {
  const { watch, answering } = await begun(t);
  await answering.seconds(200);
  await watch.room.stop();
  t.ok(watch.store.memory.get('picture', CAMERA.id));
  const again = new Watch(watch.folder);
  t.teardown(() => again.end());
  await again.start();
  await again.well();
  t.match(again.state, { picture: 'not-checked', picture_view: 'learnt' });
  await new Answering(again).seconds(100, { seed: 2 });
  t.match(again.state, { cause: 'picture-turned' });
  await again.room.apply([], LIMITS);
  t.equal(again.store.memory.get('picture', CAMERA.id), undefined);
});

t.test(
  'picture: a fault stands over a new configuration and a new start until looks say otherwise, and is no repair meanwhile',
  async (t) => {
    const { watch, answering } = await begun(t);
    await answering.seconds(200);
    await answering.seconds(120, { seed: 1, light: () => 16 });
    t.match(watch.state, { state: 'degraded', cause: 'picture-black' });
    const { since } = watch.state;
    await watch.room.apply([CAMERA], { ...LIMITS, lossLimitPercent: LIMITS.lossLimitPercent + 1 });
    await watch.seconds(5);
    t.match(watch.state, { state: 'degraded', cause: 'picture-black', since });
    watch.stream('failed', { code: 'camera-closed' });
    await watch.clock.advance(300_000);
    t.match(watch.state, { state: 'down', cause: 'camera-closed' });
    await watch.well();
    t.match(watch.state, { state: 'degraded', cause: 'picture-black' }, 'that it was away repairs nothing');
    await watch.room.apply([{ ...CAMERA, host: '192.0.2.2' }], LIMITS);
    await watch.well();
    t.match(watch.state, { state: 'ok' }, 'of another device nothing is known');
    await answering.seconds(120, { seed: 1, light: () => 16 });
    t.match(watch.state, { cause: 'picture-black' });
    await watch.room.stop();
    const again = new Watch(watch.folder);
    t.teardown(() => again.end());
    await again.start();
    await again.well();
    t.match(again.state, { state: 'degraded', cause: 'picture-black', picture: 'not-checked' });
    const confirm = () => again.room.confirm(CAMERA.id, new AbortController().signal);
    await t.rejects(confirm(), { code: 'repair-not-confirmed' });
    await new Answering(again).seconds(120);
    t.match(again.state, { state: 'ok', picture: 'ok' });
    t.match(await confirm(), /^before: degraded \(picture-black\)/);
  },
);

t.test('picture: a decoder that does not work is told as not checked, whatever was known', async (t) => {
  const { watch, answering } = await begun(t);
  await answering.seconds(200);
  const report = { type: 'picture', camera: CAMERA.id, stream: STREAM, detail: 'x' } as const;
  watch.room.onPicture({ ...report, code: 'picture-decoder-missing' });
  t.match(watch.state, { state: 'ok', picture: 'not-checked', picture_detail: 'not checked, no decoder' });
  watch.room.onPicture({ ...report, code: 'picture-undecodable' });
  t.match(watch.state, { picture: 'not-checked', picture_detail: 'not checked, picture-undecodable' });
  await answering.seconds(70);
  t.match(watch.state, { picture: 'ok', picture_detail: '' });
});

t.test('picture: what the decoder fails at is tried ever more rarely, until it works', async (t) => {
  const { watch, answering } = await begun(t);
  await answering.seconds(200);
  const asked = watch.looks.length;
  const report = { type: 'picture', camera: CAMERA.id, stream: STREAM, detail: 'x' } as const;
  for (const seconds of [60, 120, 240, 480, 480]) {
    const before = watch.looks.length;
    watch.room.onPicture({ ...report, code: 'picture-decoder-failed' });
    await watch.seconds(seconds - 2);
    t.equal(watch.looks.length, before, `not within ${seconds} s`);
    await watch.seconds(3);
    t.equal(watch.looks.length, before + 1);
  }
  t.equal(watch.looks.length, asked + 5);
  await answering.seconds(130);
  t.ok(pauses(watch).at(-1) === 60 || pauses(watch).at(-1) === 61, pauses(watch).join());
});

t.test('picture: a look that is to confirm says so, one that is due does not', async (t) => {
  const { watch, answering } = await begun(t);
  await answering.seconds(200);
  t.ok(watch.looks.every(([, , confirms]) => !confirms));
  const before = watch.looks.length;
  await answering.seconds(300, { seed: 1, light: () => 16 });
  t.strictSame(
    watch.looks.slice(before, before + 4).map(([, , confirms]) => confirms),
    [false, true, true, false],
  );
});

t.test('picture: confirm and reset are for cameras that are watched', async (t) => {
  const { watch, answering } = await begun(t);
  await answering.seconds(200);
  t.match(watch.room.confirmPicture(CAMERA.id), /confirmed$/);
  await answering.seconds(2);
  t.match(watch.state, { picture_view: 'confirmed' });
  t.match(watch.room.resetPicture(CAMERA.id), /learnt anew/);
  await answering.seconds(2);
  t.match(watch.state, { picture_view: 'learning' });
  t.throws(() => watch.room.confirmPicture('cam-none'), { code: 'camera-not-found' });
  t.throws(() => watch.room.resetPicture('cam-none'), { code: 'camera-not-found' });
});

t.test(
  'picture: that nothing has changed since the last look is understood under another entry too',
  async (t) => {
    const { watch, answering } = await begun(t);
    await answering.seconds(150);
    await watch.room.apply([CAMERA], { ...LIMITS, lossLimitPercent: LIMITS.lossLimitPercent + 1 });
    const stream = { ...STREAM, sameAsBefore: true };
    watch.room.onPicture({ type: 'picture', camera: CAMERA.id, stream });
    t.match(watch.state, { picture: 'ok' });
  },
);
