import t from 'tap';
import { DecodeTimes } from '../../agent/video/fmp4/decode-times.ts';
import * as fc from '../support/properties.ts';

const FRAME = 3600;

/** Presentation times in decoding order, of which none is shown before more than `depth` decoded earlier. */
const reordered = fc
  .record({
    depth: fc.integer({ min: 0, max: 16 }),
    steps: fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 120 }),
    choices: fc.array(fc.nat(), { minLength: 120, maxLength: 120 }),
    start: fc.integer({ min: 1_000_000, max: 1_000_000_000 }),
  })
  .map(({ depth, steps, choices, start }) => {
    let time = start;
    const shown = steps.map((step) => {
      time += step;
      return time;
    });
    // A stream begins with a key picture that is shown first.
    return { depth, pts: [start, ...decodingOrder(shown, depth, choices)] };
  });

/** At each step the decoder may take any picture that leaves at most `depth` earlier ones waiting behind it. */
function decodingOrder(shown: readonly number[], depth: number, choices: readonly number[]): number[] {
  const left = [...shown];
  const order: number[] = [];
  while (left.length > 0) {
    const next = left[0] ?? 0;
    const ahead = order.filter((time) => time > next).length;
    const reach = Math.min(depth - ahead, left.length - 1);
    const at = reach > 0 ? (choices[order.length] ?? 0) % (reach + 1) : 0;
    order.push(...left.splice(at, 1));
  }
  return order;
}

function depthOf(pts: readonly number[]): number {
  return Math.max(...pts.map((time, index) => pts.slice(0, index).filter((other) => other > time).length));
}

/** Plans the pictures in fragments of these sizes, as the muxer does. */
function planAll(
  pts: readonly number[],
  depth: number,
  sizes: readonly number[],
  times = new DecodeTimes(0),
) {
  const decoded: number[] = [];
  const durations: number[] = [];
  for (let at = 0, fragment = 0; at < pts.length; fragment += 1) {
    const size = Math.min(sizes[fragment % sizes.length] ?? 1, pts.length - at);
    const next = pts[at + size] ?? Math.max(...pts) + FRAME;
    const list = [...pts.slice(at, at + size), next];
    const planned = times.plan(list, depth, FRAME);
    times.settle(list, planned);
    decoded.push(...planned.slice(0, -1));
    for (let i = 0; i < size; i += 1) durations.push((planned[i + 1] ?? 0) - (planned[i] ?? 0));
    at += size;
  }
  return { decoded, durations };
}

const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 10 });

t.test(
  'decode times: rise strictly and stand at or before presentation, whatever the reordering',
  async (t) => {
    fc.assert(
      fc.property(reordered, sizes, ({ pts }, fragments) => {
        const { decoded, durations } = planAll(pts, depthOf(pts), fragments);
        return decoded.every(
          (time, index) =>
            time <= (pts[index] ?? 0) &&
            (durations[index] ?? 0) > 0 &&
            (index === 0 || time === (decoded[index - 1] ?? 0) + (durations[index - 1] ?? 0)),
        );
      }),
      { numRuns: 500 },
    );
    t.pass();
  },
);

t.test('decode times: do not depend on where fragments end, once the first pictures are in', async (t) => {
  fc.assert(
    fc.property(reordered, sizes, ({ pts }, fragments) => {
      const depth = depthOf(pts);
      const one = planAll(pts, depth, fragments).decoded.slice(depth);
      const other = planAll(pts, depth, [pts.length]).decoded.slice(depth);
      return one.every((time, index) => time === other[index]);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('decode times: without reordering they are the presentation times', async (t) => {
  fc.assert(
    fc.property(reordered, sizes, ({ pts }, fragments) => {
      const shown = pts.toSorted((a, b) => a - b);
      return planAll(shown, 0, fragments).decoded.every((time, index) => time === shown[index]);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('decode times: still rise when the stream reorders deeper than it said', async (t) => {
  fc.assert(
    fc.property(reordered, fc.integer({ min: 0, max: 16 }), sizes, ({ pts }, depth, fragments) => {
      const { durations } = planAll(pts, depth, fragments);
      return durations.every((duration) => duration > 0);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

t.test('decode times: the next stream of a camera never begins before the end of the last', async (t) => {
  fc.assert(
    fc.property(reordered, reordered, sizes, (first, second, fragments) => {
      const times = new DecodeTimes(0);
      const before = planAll(first.pts, depthOf(first.pts), fragments, times);
      times.restart();
      const shift = Math.max(...first.pts) + FRAME - Math.min(...second.pts);
      const later = second.pts.map((time) => time + Math.max(shift, 0));
      const after = planAll(later, depthOf(later), fragments, times);
      const end = (before.decoded.at(-1) ?? 0) + (before.durations.at(-1) ?? 0);
      return (after.decoded[0] ?? 0) >= end && after.durations.every((duration) => duration > 0);
    }),
    { numRuns: 300 },
  );
  t.pass();
});
