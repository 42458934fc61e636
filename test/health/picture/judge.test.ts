import t from 'tap';
import type { StreamNumbers } from '../../../agent/contract/picture.ts';
import { type Judgement, PictureJudge } from '../../../agent/health/picture/judge.ts';
import { fromText, toText } from '../../../agent/health/picture/kept.ts';
import { describePicture } from '../../../agent/video/picture/numbers.ts';
import type { SmallPicture } from '../../../agent/video/picture/small-picture.ts';
import { type Drawing, drawnPicture } from '../../support/drawn-picture.ts';
import * as fc from '../../support/properties.ts';

const INTERVAL_MS = 60_000;
const STREAM: StreamNumbers = {
  ...{ keyFrames: 30, repeatedKeyFrames: 0, otherFrames: 1470, otherBytes: 4000 },
  ...{ repeatedInARow: 0, bytesInARow: 4000 },
  ...{ sameAsBefore: false, width: 1920, height: 1080 },
};

/** A camera that shows what the test draws, looked at as the judge asks. */
class Camera {
  judge: PictureJudge;
  nowMs = 0;
  #looks = 0;
  #before: SmallPicture | undefined;

  constructor(judge = new PictureJudge({ moves: false })) {
    this.judge = judge;
  }

  look(drawing: Drawing, stream: Partial<StreamNumbers> = {}): Judgement {
    this.#looks += 1;
    const picture = drawnPicture({ look: this.#looks, ...drawing });
    const numbers = describePicture(picture, this.#before);
    this.#before = picture;
    const judgement = this.judge.take(
      { stream: { ...STREAM, ...stream }, numbers, atMs: this.nowMs },
      INTERVAL_MS,
    );
    this.nowMs += judgement.soon ? INTERVAL_MS / 3 : INTERVAL_MS;
    return judgement;
  }

  /** @returns the last of so many looks */
  looks(count: number, drawing: Drawing, stream: Partial<StreamNumbers> = {}): Judgement {
    for (let n = 1; n < count; n += 1) this.look(drawing, stream);
    return this.look(drawing, stream);
  }

  static learnt(seed = 1): Camera {
    const camera = new Camera();
    camera.looks(12, { seed });
    return camera;
  }
}

t.test('judge: a view is learnt from a few pictures, and is well as long as it stays', async (t) => {
  const camera = new Camera();
  t.equal(camera.look({ seed: 1 }).state, 'learning');
  t.match(camera.looks(6, { seed: 1 }), { state: 'ok', light: 'day', fault: undefined });
  for (let n = 0; n < 30; n += 1)
    t.match(camera.look({ seed: 1 }), { state: 'ok', finding: undefined, soon: false });
});

const FAULTS: readonly [fault: string, drawing: Partial<Drawing>, stream?: Partial<StreamNumbers>][] = [
  ['picture-black', { light: () => 16 }],
  ['picture-uniform', { light: () => 110 }],
  ['picture-overexposed', { light: (level) => level + 190 }],
  ['picture-frozen', { look: 1 }, { otherBytes: 30 }],
  ['picture-covered', { seed: 9, blur: 30 }],
  ['picture-defocused', { blur: 5 }],
  ['picture-turned', { right: 200 }],
  ['picture-turned', { right: 40 }],
  ['picture-turned', { seed: 3, light: (level) => 110 + level / 8 }],
  ['picture-noisy', { noise: 14 }],
];

for (const [fault, drawing, stream] of FAULTS) {
  t.test(`judge: ${fault} is declared within two intervals, and ends when the picture is back`, async (t) => {
    const camera = Camera.learnt();
    const beganMs = camera.nowMs;
    const normal = { seed: 1 };
    t.equal(camera.look({ ...normal, ...drawing }, stream).fault, undefined, 'one look is not enough');
    let judgement = camera.look({ ...normal, ...drawing }, stream);
    for (let n = 0; n < 4 && !judgement.fault; n += 1)
      judgement = camera.look({ ...normal, ...drawing }, stream);
    t.match(judgement, { state: 'faulty', fault: { fault } });
    t.ok(camera.nowMs - beganMs <= 3 * INTERVAL_MS);
    camera.looks(20, { ...normal, ...drawing }, stream);
    t.match(camera.look(normal), { state: 'faulty', soon: true }, 'what is wrong is not learnt');
    t.match(camera.look(normal), { state: 'ok', fault: undefined });
  });
}

t.test('judge: a freeze that began between two looks shows at the next one', async (t) => {
  const camera = Camera.learnt();
  const stream = { repeatedKeyFrames: 5, repeatedInARow: 5, bytesInARow: 30 };
  t.match(camera.look({ seed: 1, look: 1 }, stream), { finding: { fault: 'picture-frozen' }, soon: true });
  const moving = { ...stream, bytesInARow: 4000 };
  t.equal(Camera.learnt().look({ seed: 1, look: 1 }, moving).finding, undefined, 'something moves');
});

t.test('judge: something in front for a few minutes is no fault', async (t) => {
  const camera = Camera.learnt();
  for (let n = 0; n < 40; n += 1) {
    const passes = n % 10 < 4;
    const drawing = { seed: 1, light: passes ? half : (level: number) => level };
    t.equal(camera.look(drawing).fault, undefined);
  }
});

/** Nothing is lighter than this: about half of the edges are gone. */
function half(level: number): number {
  return Math.min(level, 110);
}

t.test('judge: nightfall is followed, and the day is known again in the morning', async (t) => {
  const camera = Camera.learnt();
  const dusk = Array.from({ length: 30 }, (_, n) => 1 - (n / 30) * 0.8);
  for (const share of [...dusk, ...Array(20).fill(0.2), ...dusk.toReversed()]) {
    t.equal(
      camera.look({ seed: 1, light: (level) => 16 + level * share, noise: 3 - 2 * share }).fault,
      undefined,
    );
  }
  t.match(camera.look({ seed: 1 }), { state: 'ok', light: 'day' });
  t.ok(camera.judge.references.of('night'));
});

t.test('judge: a switch to infra-red is no fault, and becomes a light of its own', async (t) => {
  const camera = Camera.learnt();
  for (let n = 0; n < 12; n += 1)
    t.equal(camera.look({ seed: 1, colour: 0, light: (level) => 40 + level / 2 }).fault, undefined);
  t.match(camera.look({ seed: 1, colour: 0, light: (level) => 40 + level / 2 }), {
    light: 'infrared',
    state: 'ok',
  });
  t.ok(camera.judge.references.of('infrared'));
});

t.test(
  'judge: a scene with nothing to know it by is unsuitable, and is never called turned or covered',
  async (t) => {
    const camera = new Camera();
    t.match(camera.looks(12, { seed: 1, wall: 30 }), { state: 'unsuitable', fault: undefined });
    for (let n = 0; n < 20; n += 1)
      t.equal(camera.look({ seed: 1, wall: n % 2 ? -40 : 50 }).fault, undefined);
  },
);

t.test('judge: another part of the same meadow is another view, and the same part is not', async (t) => {
  const meadow = { seed: 1, grass: true };
  for (const right of [60, 200]) {
    const camera = new Camera();
    t.match(camera.looks(15, meadow), { state: 'ok', fault: undefined });
    t.match(camera.looks(6, { ...meadow, right }), { fault: { fault: 'picture-turned' } });
  }
});

t.test('judge: where all looks alike, nothing says where the camera looks', async (t) => {
  const camera = new Camera();
  t.match(camera.looks(12, { seed: 1, fence: true }), { state: 'unsuitable', fault: undefined });
  t.equal(camera.looks(12, { seed: 1, fence: true, right: 35 }).fault, undefined);
});

t.test(
  'judge: a camera that operators turn is not compared with a view, but a black picture is still told',
  async (t) => {
    const camera = new Camera(new PictureJudge({ moves: true }));
    for (let n = 0; n < 40; n += 1) t.equal(camera.look({ seed: 1 + Math.floor(n / 7) }).fault, undefined);
    t.match(camera.looks(4, { seed: 1, light: () => 16 }), { fault: { fault: 'picture-black' } });
  },
);

t.test('judge: a confirmed other view is learnt as the right one; a reset forgets', async (t) => {
  const camera = Camera.learnt();
  t.match(camera.looks(5, { seed: 2 }), { fault: { fault: 'picture-turned' } });
  t.equal(camera.judge.confirm(), true);
  t.match(camera.looks(8, { seed: 2 }), { state: 'ok', fault: undefined });
  t.equal(camera.judge.references.confirmed, true);
  t.equal(camera.judge.confirm(), false, 'nothing is learnt anew when all is well');
  camera.judge.reset();
  t.match(camera.look({ seed: 2 }), { state: 'learning' });
  t.equal(camera.judge.references.confirmed, false);
});

t.test('judge: what was learnt is kept as numbers, and judges alike after it was read again', async (t) => {
  const camera = Camera.learnt();
  camera.looks(6, { seed: 1, colour: 0 });
  const text = toText(camera.judge.references);
  t.ok(text.length < 40_000, `${text.length} characters`);
  const again = new Camera(new PictureJudge({ moves: false }, fromText(text)));
  t.match(again.look({ seed: 1 }), { state: 'ok', finding: undefined });
  t.match(again.look({ seed: 2 }), { finding: { fault: 'picture-turned' } });
  t.equal(toText(fromText(text) ?? again.judge.references), text, 'and is the same when it is kept again');
});

t.test('judge: what was kept and cannot be read is learnt anew', async (t) => {
  const text = toText(Camera.learnt().judge.references);
  for (const bad of [
    '',
    '{}',
    'null',
    '[]',
    text.slice(0, -5),
    text.replace('"v":2', '"v":1'),
    text.replace(/"along":"[^"]{8}/, '"along":"'),
  ])
    t.equal(fromText(bad), undefined, bad.slice(0, 40));
  fc.assert(
    fc.property(fc.json(), (json) => fromText(json) === undefined),
    { numRuns: 200 },
  );
});

t.test(
  'judge: a place without any light at night goes dark without an alarm, and is known again',
  async (t) => {
    const camera = Camera.learnt();
    const dusk = Array.from({ length: 40 }, (_, n) => 1 - n / 40);
    for (const share of [...dusk, ...Array(30).fill(0), ...dusk.toReversed()]) {
      const { fault } = camera.look({ seed: 1, light: (level) => 16 + level * share, noise: 1 });
      t.equal(fault, undefined);
    }
    t.match(camera.looks(4, { seed: 1 }), { state: 'ok', light: 'day' });
  },
);

t.test(
  'judge: what stood in front while the view was learnt, and drives off, is no other view',
  async (t) => {
    const camera = new Camera();
    camera.looks(8, { seed: 1, light: half });
    for (let n = 0; n < 30; n += 1) t.equal(camera.look({ seed: 1 }).fault, undefined);
  },
);

t.test(
  'judge: a view that was learnt while it was covered is not believed when the cover falls',
  async (t) => {
    const camera = new Camera();
    t.match(camera.looks(12, { seed: 9, blur: 30 }), { state: 'unsuitable' }, 'a cover shows too little');
    camera.looks(30, { seed: 1 });
    t.match(camera.look({ seed: 1 }), { state: 'ok', fault: undefined });
    t.match(camera.looks(6, { seed: 2 }), { fault: { fault: 'picture-turned' } });
  },
);

const DARK = 20;
const HIDDEN: readonly [what: string, level: number][] = [
  ['in fog', 150],
  ['in the dark', DARK],
];
/** It comes slowly, from all of the view to hardly anything of it, and goes faster. */
const VEILS = Array.from({ length: 40 }, (_, n) => n / 41);
const LIFTING = VEILS.toReversed().filter((_, n) => n % 4 === 0);

/** A camera that has learnt a view, which is then hidden. */
function hiddenFrom(level: number) {
  const veiled = (share: number) => ({ light: (was: number) => was + share * (level - was), noise: 2 });
  const camera = Camera.learnt();
  const faults = VEILS.map((share) => camera.look({ seed: 1, ...veiled(share) }).fault);
  return { camera, veiled, faults, hidden: veiled(0.98) };
}

for (const [what, level] of HIDDEN) {
  t.test(`judge: a camera that is turned ${what} is told once its view shows again`, async (t) => {
    const { camera, veiled, hidden } = hiddenFrom(level);
    t.match(camera.looks(12, { seed: 1, ...hidden }), { state: 'unsuitable', fault: undefined });
    camera.looks(12, { seed: 2, ...hidden });
    camera.judge = new PictureJudge({ moves: false }, fromText(toText(camera.judge.references)));
    for (const share of LIFTING) camera.look({ seed: 2, ...veiled(share) });
    t.match(camera.looks(12, { seed: 2 }), {
      state: 'faulty',
      fault: { fault: 'picture-turned', detail: /since the view can be compared again$/ },
    });
    t.match(camera.looks(3, { seed: 1 }), { state: 'ok', fault: undefined }, 'and is turned back');
  });
}

t.test('judge: a camera that was not turned in the dark is known again', async (t) => {
  const { camera, veiled, faults, hidden } = hiddenFrom(DARK);
  for (let n = 0; n < 12; n += 1) faults.push(camera.look({ seed: 1, ...hidden }).fault);
  t.ok(camera.judge.references.doubted);
  for (const share of LIFTING) faults.push(camera.look({ seed: 1, ...veiled(share) }).fault);
  for (let n = 0; n < 3; n += 1) faults.push(camera.look({ seed: 1 }).fault);
  t.ok(faults.every((fault) => fault === undefined));
  t.equal(camera.judge.references.doubted, undefined);
  t.match(camera.looks(6, { seed: 2 }), { fault: { fault: 'picture-turned' } }, 'and turned then');
});

t.test('judge: a camera that is turned by night, in a light that is new, is told by day', async (t) => {
  const camera = Camera.learnt();
  const infrared = { colour: 0, light: (level: number) => 40 + level / 2 };
  for (let n = 0; n < 10; n += 1) t.equal(camera.look({ seed: 2, ...infrared }).fault, undefined);
  t.match(camera.looks(13, { seed: 2 }), { fault: { fault: 'picture-turned' } });
});

t.test('judge: noise that grows with the night is no fault, noise that comes at once is', async (t) => {
  const camera = Camera.learnt();
  for (let n = 0; n < 60; n += 1) t.equal(camera.look({ seed: 1, noise: 1 + n / 10 }).fault, undefined);
  t.match(camera.looks(6, { seed: 1, noise: 26 }), { fault: { fault: 'picture-noisy' } });
});
