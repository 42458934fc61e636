import t from 'tap';
import { BytePool } from '../../../agent/base/pool.ts';
import type { AssembledUnit } from '../../../agent/camera/rtsp/access-units.ts';
import { MAX_UNIT_BYTES } from '../../../agent/camera/rtsp/access-units.ts';
import { Depacketizer } from '../../../agent/camera/rtsp/depacketizer.ts';
import { SequenceWindow } from '../../../agent/camera/rtsp/sequence.ts';
import * as fc from '../../support/properties.ts';
import { aggregate, packetOf, payloads264, payloads265 } from './packetize.ts';

type Codec = 'h264' | 'h265';

const pool = new BytePool();

/** One packet: time stamp, payload, marker; the number follows from its place unless `skip` numbers are missing. */
interface P {
  readonly ts: number;
  readonly payload: Buffer;
  readonly marker?: boolean;
  readonly skip?: number;
}

function run(codec: Codec, packets: readonly P[]): { units: AssembledUnit[]; depacketizer: Depacketizer } {
  const units: AssembledUnit[] = [];
  const depacketizer = new Depacketizer(codec, pool, (unit) => units.push(unit));
  let sequence = 0;
  for (const { ts, payload, marker = false, skip = 0 } of packets) {
    sequence += 1 + skip;
    depacketizer.push(packetOf({ sequence, timestamp: ts, marker, payload }), skip > 0);
  }
  return { units, depacketizer };
}

const nal = (type: number, ...rest: number[]) => Buffer.from([type, ...rest]);
const [AUD, SEI, SPS, PPS] = [nal(0x09, 0xf0), nal(0x06, 1, 2), nal(0x67, 3, 4), nal(0x68, 5)];
/** The first slice of a picture begins with a 1 bit (first_mb_in_slice 0), another one does not. */
const idr = (id: number, length = 20) => Buffer.concat([nal(0x65, 0x88, id), Buffer.alloc(length, 0xaa)]);
const slice = (id: number, length = 20) => Buffer.concat([nal(0x41, 0x9a, id), Buffer.alloc(length, 0xbb)]);
const laterSlice = (id: number) => Buffer.concat([nal(0x41, 0x42, id), Buffer.alloc(20, 0xcc)]);
/** Two pictures that show what the marker of this camera means. */
const end = (ts: number): P[] => [
  { ts, payload: slice(90), marker: true },
  { ts: ts + 1, payload: slice(91), marker: true },
];

const shown = (units: readonly AssembledUnit[]) =>
  units.map(({ nals }) => nals.map((one) => one.toString('hex')));
const hex = (...nals: Buffer[]) => nals.map((one) => one.toString('hex'));

t.test(
  'units: single, aggregated and fragmented NAL units come out byte for byte and in order [RFC 6184 §5]',
  async (t) => {
    const big = idr(1, 500);
    const { units } = run('h264', [
      { ts: 10, payload: aggregate('h264', [AUD, SPS, PPS, SEI]) },
      ...payloads264(big, 100).map((payload, i, all) => ({ ts: 10, payload, marker: i === all.length - 1 })),
      { ts: 20, payload: slice(2), marker: true },
      ...end(30),
    ]);
    t.same(shown(units).slice(0, 2), [hex(AUD, SPS, PPS, SEI, big), hex(slice(2))]);
    t.same(units.map(({ key }) => key).slice(0, 2), [true, false]);
    t.same(
      units.map(({ timestamp }) => timestamp),
      [10, 20, 30, 31],
    );
    t.equal(
      units.some(({ damaged }) => damaged),
      false,
    );
  },
);

t.test('units: H.265 single, aggregated and fragmented [RFC 7798 §4.4]', async (t) => {
  const [vps, sps, pps] = [nal(0x40, 1, 5), nal(0x42, 1, 6), nal(0x44, 1, 7)];
  const key = Buffer.concat([nal(0x26, 1, 0x80), Buffer.alloc(300, 0xdd)]);
  const inter = Buffer.concat([nal(0x02, 1, 0x80), Buffer.alloc(30, 0xee)]);
  const { units } = run('h265', [
    { ts: 10, payload: aggregate('h265', [vps, sps, pps]) },
    ...payloads265(key, 100).map((payload, i, all) => ({ ts: 10, payload, marker: i === all.length - 1 })),
    { ts: 20, payload: inter, marker: true },
  ]);
  t.same(shown(units), [hex(vps, sps, pps, key), hex(inter)]);
  t.same(
    units.map((unit) => unit.key),
    [true, false],
  );
});

t.test('units: a camera that marks every NAL unit makes no unit without a picture', async (t) => {
  const { units } = run('h264', [
    { ts: 10, payload: SPS, marker: true },
    { ts: 10, payload: PPS, marker: true },
    { ts: 10, payload: idr(1), marker: true },
    { ts: 20, payload: slice(2), marker: true },
    { ts: 30, payload: SPS, marker: true },
    { ts: 30, payload: PPS, marker: true },
    { ts: 30, payload: idr(3), marker: true },
  ]);
  t.same(shown(units), [hex(SPS, PPS, idr(1)), hex(slice(2)), hex(SPS, PPS, idr(3))]);
});

t.test('units: a camera that marks every slice of a picture has them kept together', async (t) => {
  const picture = (ts: number): P[] => [
    { ts, payload: slice(ts), marker: true },
    { ts, payload: laterSlice(ts), marker: true },
    { ts, payload: laterSlice(ts + 1), marker: true },
  ];
  const { units } = run('h264', [...picture(10), ...picture(20), ...picture(30), ...picture(40)]);
  t.same(
    units.map(({ nals, timestamp, damaged }) => [timestamp, nals.length, damaged]),
    [
      [10, 3, false],
      [20, 3, false],
      [30, 3, false],
    ],
  );
});

t.test(
  'units: parameter sets with the time stamp of the picture before go with the picture after (Reolink)',
  async (t) => {
    const { units } = run('h264', [
      { ts: 10, payload: slice(1), marker: true },
      { ts: 20, payload: slice(2), marker: true },
      { ts: 20, payload: SPS, marker: true },
      { ts: 20, payload: PPS },
      { ts: 30, payload: idr(3), marker: true },
    ]);
    t.same(shown(units), [hex(slice(1)), hex(slice(2)), hex(SPS, PPS, idr(3))]);
    t.same(
      units.map(({ timestamp }) => timestamp),
      [10, 20, 30],
    );
  },
);

t.test(
  'units: a camera that never marks ends a unit where the time stamp or a leading NAL unit tells',
  async (t) => {
    const { units } = run('h264', [
      { ts: 10, payload: SPS },
      { ts: 10, payload: idr(1) },
      { ts: 10, payload: laterSlice(1) },
      { ts: 20, payload: slice(2) },
      { ts: 20, payload: AUD },
      { ts: 20, payload: slice(3) },
      { ts: 30, payload: slice(4) },
    ]);
    t.same(shown(units), [hex(SPS, idr(1), laterSlice(1)), hex(slice(2)), hex(AUD, slice(3))]);
  },
);

t.test('units: parameter sets between slices of one picture stay where they are', async (t) => {
  const { units } = run('h264', [
    { ts: 10, payload: slice(1) },
    { ts: 10, payload: PPS },
    { ts: 10, payload: laterSlice(1), marker: true },
    ...end(20),
  ]);
  t.same(shown(units)[0], hex(slice(1), PPS, laterSlice(1)));
});

t.test(
  'units: after a loss in a fragmented NAL unit its rest is dropped and the unit is damaged',
  async (t) => {
    const [a, , c, d] = payloads264(idr(1, 400), 110);
    const { units } = run('h264', [
      ...end(1),
      { ts: 10, payload: SPS },
      { ts: 10, payload: a ?? SPS },
      { ts: 10, payload: c ?? SPS, skip: 1 },
      { ts: 10, payload: d ?? SPS },
      { ts: 10, payload: laterSlice(1), marker: true },
      { ts: 20, payload: slice(2), marker: true },
    ]);
    const damaged = units.filter((unit) => unit.damaged);
    t.same(shown(damaged), [hex(SPS, laterSlice(1))]);
    t.same(shown(units).at(-1), hex(slice(2)));
  },
);

t.test(
  'units: packets lost between two units damage the one after, and the one before when its end was not seen',
  async (t) => {
    const after = run('h264', [
      ...end(1),
      { ts: 10, payload: slice(1), marker: true },
      { ts: 20, payload: slice(2), marker: true, skip: 3 },
      ...end(30),
    ]);
    t.same(
      after.units.filter(({ damaged }) => damaged).map(({ timestamp }) => timestamp),
      [20],
    );
    const both = run('h264', [
      ...end(1),
      { ts: 10, payload: slice(1) },
      { ts: 20, payload: slice(2), marker: true, skip: 1 },
      ...end(30),
    ]);
    t.same(
      both.units.filter(({ damaged }) => damaged).map(({ timestamp }) => timestamp),
      [10, 20],
    );
  },
);

t.test('units: fragments without a start, without an end and of unknown kind do no harm', async (t) => {
  const parts = payloads264(idr(1, 400), 110);
  const noStart = run('h264', [
    ...end(1),
    ...parts.slice(1).map((payload) => ({ ts: 10, payload })),
    { ts: 10, payload: laterSlice(1), marker: true },
  ]);
  t.same(shown(noStart.units).at(-1), hex(laterSlice(1)));
  t.equal(noStart.units.at(-1)?.damaged, true);
  const noEnd = run('h264', [
    ...end(1),
    ...parts.slice(0, -1).map((payload) => ({ ts: 10, payload })),
    { ts: 20, payload: slice(2), marker: true },
  ]);
  t.same(shown(noEnd.units).at(-1), hex(slice(2)), 'the cut NAL unit is not joined with anything');
  const fuB = run('h264', [
    ...end(1),
    { ts: 10, payload: nal(29, 0x85, 0, 0, 1) },
    { ts: 10, payload: slice(1), marker: true },
  ]);
  t.equal(fuB.units.at(-1)?.damaged, true);
});

t.test('units: a fragmented NAL unit whose end bit is missing ends at the marker', async (t) => {
  const parts = payloads264(idr(1, 300), 110);
  const last = parts.at(-1) ?? SPS;
  last[1] = (last[1] ?? 0) & ~0x40;
  const { units } = run('h264', [
    ...end(1),
    ...parts.map((payload, i) => ({ ts: 10, payload, marker: i === parts.length - 1 })),
  ]);
  t.same(shown(units).at(-1), hex(idr(1, 300)));
});

t.test('units: a byte stream with start codes inside a NAL unit is split (V380)', async (t) => {
  const code = Buffer.from([0, 0, 0, 1]);
  const stream = Buffer.concat([SPS, code, PPS, code, idr(1, 400)]);
  const { units } = run(
    'h264',
    payloads264(stream, 100)
      .map((payload, i, all) => ({ ts: 10, payload, marker: i === all.length - 1 }))
      .concat(end(20) as never),
  );
  t.same(shown(units)[0], hex(SPS, PPS, idr(1, 400)));
  const leading = run('h264', [
    { ts: 10, payload: Buffer.concat([code, slice(5)]), marker: true },
    ...end(20),
  ]);
  t.same(shown(leading.units)[0], hex(slice(5)));
});

t.test(
  'units: of a packet that is full of tiny NAL units some are taken, and zeros at its end are none',
  async (t) => {
    const aggregated = (nals: readonly Buffer[]) => ({
      ts: 10,
      payload: aggregate('h264', nals),
      marker: true,
    });
    const zeros = run('h264', [...end(1), aggregated([SPS, PPS, idr(1), Buffer.alloc(0)]), ...end(20)]);
    t.same(shown(zeros.units)[2], hex(SPS, PPS, idr(1)));
    t.notOk(zeros.units[2]?.damaged);
    const many = run('h264', [
      ...end(1),
      aggregated([idr(1), ...Array(5_000).fill(laterSlice(1))]),
      ...end(20),
    ]);
    t.ok(many.units[2]?.damaged);
    t.ok((many.units[2]?.nals.length ?? 0) < 1_000);
  },
);

t.test(
  'units: a NAL unit that is full of start codes is given up at once, and not unit by unit',
  async (t) => {
    const stream = Buffer.concat([SPS, Buffer.alloc(400_000, Buffer.from([0, 0, 1, 0x67]))]);
    const { units, depacketizer } = run('h264', [
      ...end(1),
      ...payloads264(stream, 50_000).map((payload) => ({ ts: 10, payload })),
      { ts: 20, payload: slice(2), marker: true },
      ...end(30),
    ]);
    t.equal(depacketizer.dropped, 1);
    t.ok(
      shown(units).some(([first]) => first === slice(2).toString('hex')),
      'the next one is good',
    );
  },
);

t.test('units: a unit above the bounds is given up and counted, and the next one is good', async (t) => {
  const huge = Array.from({ length: MAX_UNIT_BYTES / 60_000 + 2 }, (_, i) => ({
    ts: 10,
    payload: i === 0 ? idr(1, 59_000) : Buffer.concat([laterSlice(1), Buffer.alloc(60_000)]),
  }));
  const { units, depacketizer } = run('h264', [
    ...end(1),
    ...huge,
    { ts: 20, payload: slice(2), marker: true },
  ]);
  t.equal(depacketizer.dropped, 1);
  t.same(shown(units).at(-1), hex(slice(2)));
  const many = Array.from({ length: 5000 }, () => ({ ts: 10, payload: SEI }));
  t.equal(run('h264', many).depacketizer.dropped, 1, 'many small ones without a picture');
});

const nal264 = fc
  .tuple(fc.constantFrom(0x65, 0x41, 0x01), fc.uint8Array({ minLength: 2, maxLength: 300 }))
  .map(([type, bytes]) =>
    Buffer.concat([nal(type, 0x80 | (bytes[0] ?? 0)), Buffer.from(bytes.map((byte) => byte | 1))]),
  );
const nal265 = fc
  .tuple(fc.constantFrom(0x26, 0x02, 0x2a), fc.uint8Array({ minLength: 2, maxLength: 300 }))
  .map(([type, bytes]) =>
    Buffer.concat([nal(type, 1, 0x80 | (bytes[0] ?? 0)), Buffer.from(bytes.map((byte) => byte | 1))]),
  );

function property(
  codec: Codec,
  picture: fc.Arbitrary<Buffer>,
  packetize: (nal: Buffer, max: number) => Buffer[],
) {
  const faults = fc.record({
    lost: fc.array(fc.nat(400), { maxLength: 5 }),
    twice: fc.array(fc.nat(400), { maxLength: 5 }),
    swapped: fc.array(fc.nat(400), { maxLength: 5 }),
  });
  return fc.property(
    fc.array(picture, { minLength: 1, maxLength: 30 }),
    fc.integer({ min: 20, max: 200 }),
    faults,
    (pictures, max, { lost, twice, swapped }) => {
      const packets = pictures.flatMap((one, i) =>
        packetize(one, max).map((payload, n, all) => ({
          ...{ timestamp: 3000 * i, marker: n === all.length - 1, payload },
        })),
      );
      const numbered = packets.map((packet, sequence) => packetOf({ ...packet, sequence }));
      const sent = numbered.flatMap((packet, i) => (twice.includes(i) ? [packet, packet] : [packet]));
      for (const i of swapped) {
        const [a, b] = [sent[i], sent[i + 1]];
        if (a && b) [sent[i], sent[i + 1]] = [b, a];
      }
      const lostOnes = new Set(lost.filter((i) => i > 0 && i < packets.length));
      const units: AssembledUnit[] = [];
      const depacketizer = new Depacketizer(codec, pool, (unit) => units.push(unit));
      const window = new SequenceWindow((packet, gap) => depacketizer.push(packet, gap));
      const isFirstSwapped = swapped.includes(0);
      for (const packet of sent) if (!lostOnes.has(packet.sequence)) window.push(packet);
      if (isFirstSwapped) return true;
      return (
        units.every(({ nals, timestamp, damaged }) => {
          const original = pictures[timestamp / 3000];
          const exact = nals.length === 1 && original !== undefined && nals[0]?.equals(original) === true;
          return exact || damaged;
        }) &&
        (lostOnes.size > 0 || units.length >= pictures.length - 1) &&
        new Set(units.map(({ timestamp }) => timestamp)).size === units.length
      );
    },
  );
}

t.test(
  'units: whatever is lost, repeated or changes places, a unit is exact or says that it is damaged',
  async (t) => {
    fc.assert(property('h264', nal264, payloads264), { numRuns: 500 });
    fc.assert(property('h265', nal265, payloads265), { numRuns: 500 });
    t.pass('held');
  },
);

t.test('units: arbitrary payloads never throw, and no unit is without a picture', async (t) => {
  const packet = fc.record({
    ts: fc.nat(5),
    payload: fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw)),
    marker: fc.boolean(),
    skip: fc.constantFrom(0, 0, 0, 1),
  });
  fc.assert(
    fc.property(
      fc.constantFrom('h264' as const, 'h265' as const),
      fc.array(packet, { maxLength: 60 }),
      (codec, packets) =>
        run(codec, packets).units.every(({ nals }) => nals.length > 0 && nals.every((one) => one.length > 0)),
    ),
    { numRuns: 1000 },
  );
  t.pass('held');
});
