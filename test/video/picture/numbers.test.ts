import t from 'tap';
import { pictureNumbers } from '../../../agent/contract/picture.ts';
import { describePicture } from '../../../agent/video/picture/numbers.ts';
import { SMALL_PICTURE_BYTES, smallPicture } from '../../../agent/video/picture/small-picture.ts';
import { seededRandom } from '../../support/camera/random.ts';
import { drawnPicture } from '../../support/drawn-picture.ts';
import * as fc from '../../support/properties.ts';

const describe = (...[drawing]: Parameters<typeof drawnPicture>) =>
  describePicture(drawnPicture(drawing), undefined);

t.test(
  'picture: whatever a picture shows, its numbers are within the contract, and the same for the same picture',
  async (t) => {
    const picture = fc.record({
      seed: fc.nat(1e6),
      low: fc.nat(255),
      high: fc.nat(255),
      coarse: fc.integer({ min: 1, max: 64 }),
    });
    fc.assert(
      fc.property(picture, ({ seed, low, high, coarse }) => {
        const random = seededRandom(seed);
        const bytes = new Uint8Array(SMALL_PICTURE_BYTES);
        for (let at = 0; at < bytes.length; at += coarse)
          bytes.fill(low + random() * (high - low), at, at + coarse);
        const numbers = describePicture(smallPicture(bytes), smallPicture(bytes.slice().reverse()));
        pictureNumbers.parse(numbers);
        t.strictSame(describePicture(smallPicture(bytes), smallPicture(bytes.slice().reverse())), numbers);
      }),
      { numRuns: 60 },
    );
  },
);

t.test('picture: a plain picture has no edges, no noise and nothing to judge the focus by', async (t) => {
  for (const level of [0, 16, 128, 235, 255]) {
    const numbers = describe({ seed: 1, light: () => level, noise: 0 });
    t.match(numbers, { mean: level, low: level, high: level, noise: 0, white: level >= 230 ? 1 : 0 });
    t.equal(numbers.edgeRise, undefined);
    t.ok([...numbers.fine.strength, ...numbers.coarse.strength].every((strength) => strength === 0));
  }
});

t.test('picture: more light moves the levels and leaves the edges', async (t) => {
  const scene = describe({ seed: 2, noise: 0 });
  const lighter = describe({ seed: 2, noise: 0, light: (level) => level + 30 });
  t.ok(Math.abs(lighter.mean - scene.mean - 30) < 1);
  t.ok(
    lighter.fine.strength.every(
      (strength, cell) => Math.abs(strength - (scene.fine.strength[cell] ?? 0)) <= 5,
    ),
  );
});

t.test('picture: an edge counts alike whichever of its sides is the lighter one', async (t) => {
  const scene = describe({ seed: 3, noise: 0 });
  const negative = describe({ seed: 3, noise: 0, light: (level) => 255 - level });
  for (const key of ['strength', 'along', 'across'] as const)
    t.ok(
      negative.fine[key].every((value, cell) => Math.abs(value - (scene.fine[key][cell] ?? 0)) <= 5),
      key,
    );
});

t.test(
  'picture: the numbers say nothing of brightness in place, and hold 24 times fewer values than pixels',
  async (t) => {
    const scene = describe({ seed: 3, noise: 0 });
    const mirrored = drawnPicture({ seed: 3, noise: 0 });
    mirrored.luma.set(mirrored.luma.map((value) => 255 - value));
    const negative = describePicture(mirrored, undefined);
    t.strictSame(negative.rises, scene.rises);
    t.strictSame(negative.fine, scene.fine);
    t.strictSame(negative.coarse, scene.coarse);
    const values = JSON.stringify(scene).match(/-?[\d.]+/g)?.length ?? 0;
    t.ok(values > 2000 && values * 24 < 320 * 180, `${values} values`);
    for (const grid of ['fine', 'coarse'] as const) {
      const finer = { ...scene, [grid]: { ...scene[grid], strength: [...scene[grid].strength, 0] } };
      t.notOk(pictureNumbers.safeParse(finer).success, 'nor does the contract let more of them pass');
    }
    t.notOk(pictureNumbers.safeParse({ ...scene, rises: [...scene.rises, 0] }).success);
    t.notOk(pictureNumbers.safeParse({ ...scene, luma: [...mirrored.luma] }).success);
  },
);

t.test(
  'picture: edges rise over more pixels the more a picture is blurred, whatever its contrast',
  async (t) => {
    const rises = [0, 1, 2, 4, 6].map((blur) => describe({ seed: 4, blur }).edgeRise ?? 0);
    t.strictSame(
      rises,
      rises.toSorted((a, b) => a - b),
    );
    t.ok((rises[2] ?? 0) > 2 * (rises[0] ?? 0));
    const faint = describe({ seed: 4, light: (level) => 100 + level / 3 }).edgeRise ?? 0;
    t.ok(Math.abs(faint - (rises[0] ?? 0)) < 0.3);
  },
);

t.test('picture: noise is measured where the picture is flat', async (t) => {
  for (const noise of [1, 4, 10]) {
    const measured = describe({ seed: 5, noise }).noise;
    t.ok(measured > 0.7 * noise && measured < 1.3 * noise, `${noise} measured as ${measured}`);
  }
});

t.test(
  'picture: change is that from the picture before, but for a clock that runs in a corner',
  async (t) => {
    const before = drawnPicture({ seed: 6, noise: 0 });
    const clock = drawnPicture({ seed: 6, noise: 0 });
    for (let y = 2; y < 18; y += 1) clock.luma.fill(255, y * 320 + 200, y * 320 + 300);
    t.strictSame(describePicture(clock, before).change, { pixels: 0, means: 0 });
    const other = describePicture(drawnPicture({ seed: 6, look: 3, noise: 2 }), before).change;
    t.ok(other && other.pixels > 1 && other.means < 0.5);
  },
);
