import t from 'tap';
import type { AccessUnit } from '../../agent/camera/types.ts';
import { Timeline } from '../../agent/video/timeline.ts';
import * as fc from '../support/properties.ts';
import { toAccessUnit } from './encoded.ts';

const FRAME = 3600;
const START = 1_000_000;

/** Slice headers with first_mb_in_slice 0 and slice_type 5 (P) or 6 (B): exp-Golomb 1 00110 and 1 00111. */
const P_SLICE = Buffer.from([0x41, 0b10011000, 0x80]);
const B_SLICE = Buffer.from([0x01, 0b10011100, 0x80]);

function timeline(codec: 'h264' | 'h265' = 'h264', depth?: number): Timeline {
  const made = new Timeline({ codec, clockRate: 90_000, startTicks: () => START });
  made.adopt(depth, 25);
  return made;
}

/** Units whose arrival goes on by one frame each, whatever their time stamps say. */
function units(rtpTimes: readonly number[], nal = P_SLICE): AccessUnit[] {
  return rtpTimes.map((rtpTime, index) => ({
    ...toAccessUnit([nal], index === 0, rtpTime),
    receivedMonotonicMs: index * 40,
  }));
}

const place = (line: Timeline, list: readonly AccessUnit[]) => list.map((unit) => line.place(unit) - START);

t.test('timeline: time stamps without fault are kept to the tick', async (t) => {
  const steps = [3600, 3599, 3601, 7200, 90_000, 3600];
  let time = 4_000_000_000;
  const stamps = steps.map((step) => (time += step));
  const line = timeline();
  t.same(
    place(line, units(stamps)),
    stamps.map((stamp) => stamp - (stamps[0] ?? 0)),
  );
  t.equal(line.repairs, 0);
});

t.test('timeline: another RTP clock is converted', async (t) => {
  const line = new Timeline({ codec: 'h264', clockRate: 1000, startTicks: () => START });
  t.same(place(line, units([0, 40, 80])), [0, 3600, 7200]);
});

t.test('timeline: a step back is repaired once, counted, and time goes on', async (t) => {
  const stamps = [0, 1, 2, 3, 4].map((n) => 9_000_000 + n * FRAME).concat([0, 1, 2].map((n) => n * FRAME));
  const line = timeline();
  t.same(
    place(line, units(stamps)),
    stamps.map((_, index) => index * FRAME),
  );
  t.equal(line.repairs, 1);
});

t.test(
  'timeline: a step of more than 10 s ahead is repaired, one that was as long on the way is not',
  async (t) => {
    const far = [0, FRAME, 2 * FRAME, 2_000_000, 2_000_000 + FRAME];
    const repaired = timeline();
    t.same(place(repaired, units(far)), [0, FRAME, 2 * FRAME, 3 * FRAME, 4 * FRAME]);
    t.equal(repaired.repairs, 1);
    const late = units(far).map((unit, index) => ({ ...unit, receivedMonotonicMs: index < 3 ? 0 : 20_000 }));
    const kept = timeline();
    t.same(place(kept, late), far);
    t.equal(kept.repairs, 0);
  },
);

t.test('timeline: the same time twice is repaired', async (t) => {
  const line = timeline();
  t.same(place(line, units([0, FRAME, FRAME, 2 * FRAME])), [0, FRAME, 2 * FRAME, 3 * FRAME]);
  t.equal(line.repairs, 1);
});

t.test('timeline: B pictures teach how far a stream reorders that does not say so', async (t) => {
  const line = timeline('h264', undefined);
  const stamps = [0, 3, 1, 2, 6, 4, 5].map((n) => n * FRAME);
  const kinds = [P_SLICE, P_SLICE, B_SLICE, B_SLICE, P_SLICE, B_SLICE, B_SLICE];
  const list = units(stamps).map((unit, index) => ({ ...unit, nals: [kinds[index] ?? P_SLICE] }));
  t.same(place(line, list), stamps);
  t.equal(line.repairs, 0);
  t.equal(line.depth, 1);
});

t.test('timeline: a stream that says how far it reorders is held to it', async (t) => {
  const within = timeline('h265', 1);
  t.same(
    place(within, units([0, 3, 1, 2, 6].map((n) => n * FRAME))),
    [0, 3, 1, 2, 6].map((n) => n * FRAME),
  );
  t.equal(within.repairs, 0);
  const beyond = timeline('h265', 1);
  place(beyond, units([0, 4, 3, 1].map((n) => n * FRAME)));
  t.equal(beyond.repairs, 1);
});

t.test('timeline: no two pictures share a time, whatever a camera sends', async (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          rtpTime: fc.oneof(
            fc.integer({ min: -(2 ** 33), max: 2 ** 33 }),
            fc.integer({ min: 0, max: 20_000 }),
          ),
          key: fc.boolean(),
          nal: fc.constantFrom(P_SLICE, B_SLICE, Buffer.from([0x41])),
          waitMs: fc.integer({ min: 0, max: 30_000 }),
        }),
        { maxLength: 60 },
      ),
      fc.constantFrom(undefined, 0, 2),
      fc.constantFrom('h264' as const, 'h265' as const),
      (stamps, depth, codec) => {
        const line = timeline(codec, depth);
        let receivedMonotonicMs = 0;
        const placed = stamps.map(({ rtpTime, key, nal, waitMs }) => {
          receivedMonotonicMs += waitMs;
          return line.place({ ...toAccessUnit([nal], key, rtpTime), receivedMonotonicMs });
        });
        const recent = placed.every(
          (time, index) => !placed.slice(Math.max(0, index - 16), index).includes(time),
        );
        return recent && placed.every((time) => Number.isSafeInteger(time)) && line.depth <= 16;
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});
