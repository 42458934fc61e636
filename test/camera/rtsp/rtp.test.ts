import t from 'tap';
import { findSenderReport, isRtcp, RtpPacket } from '../../../agent/camera/rtsp/rtp.ts';
import { SequenceWindow, TCP_REORDER, UDP_REORDER } from '../../../agent/camera/rtsp/sequence.ts';
import { Timeline } from '../../../agent/camera/rtsp/timeline.ts';
import * as fc from '../../support/properties.ts';
import { packetOf, payloadOf, rtpBytes } from './packetize.ts';

const payload = Buffer.from([0x65, 1, 2, 3]);

/** Read where it lies: between other bytes. */
function parseRtp(bytes: Buffer, receivedMonotonicMs: number): RtpPacket | undefined {
  const packet = new RtpPacket();
  const around = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(5, 0xff)]);
  return packet.read(around, 3, 3 + bytes.length, receivedMonotonicMs) ? packet : undefined;
}

const bytesOf = (packet: RtpPacket | undefined) => packet && payloadOf(packet);
const isReport = (bytes: Buffer) => isRtcp(bytes, 0, bytes.length);

t.test('packet: sources, extension and padding are no payload [RFC 3550 §5.1]', async (t) => {
  const plain = rtpBytes({ sequence: 7, timestamp: 0xfffffffe, marker: true, payload });
  t.match(parseRtp(plain, 5), {
    marker: true,
    payloadType: 96,
    sequence: 7,
    timestamp: 0xfffffffe,
    ssrc: 1,
    receivedMonotonicMs: 5,
  });
  t.same(bytesOf(parseRtp(plain, 0)), payload);
  const full = Buffer.concat([
    plain.subarray(0, 12),
    Buffer.alloc(8, 9),
    Buffer.from([0xab, 0xac, 0, 2]),
    Buffer.alloc(8, 8),
    payload,
    Buffer.from([0, 0, 3]),
  ]);
  full[0] = 0x80 | 0x20 | 0x10 | 2;
  t.same(bytesOf(parseRtp(full, 0)), payload);
});

t.test('packet: what is cut, of another version or without sense is none', async (t) => {
  const plain = rtpBytes({ sequence: 7, timestamp: 1, payload });
  t.equal(parseRtp(plain.subarray(0, 11), 0), undefined);
  t.equal(parseRtp(Buffer.concat([Buffer.from([0x40]), plain.subarray(1)]), 0), undefined);
  t.equal(
    parseRtp(Buffer.concat([Buffer.from([0x8f]), plain.subarray(1)]), 0),
    undefined,
    'more sources than bytes',
  );
  t.equal(
    parseRtp(Buffer.concat([Buffer.from([0x90]), plain.subarray(1)]), 0),
    undefined,
    'extension beyond the end',
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (raw) => {
      const packet = parseRtp(Buffer.from(raw), 0);
      isReport(Buffer.from(raw));
      findSenderReport(Buffer.from(raw));
      return !packet || packet.payloadBytes <= raw.length - 12;
    }),
  );
});

/** A sender report, with a receiver report in front as in a compound packet. */
function senderReport(ntpSeconds: number, fraction: number, rtpTimestamp: number): Buffer {
  const bytes = Buffer.alloc(8 + 28);
  bytes.set([0x80, 201, 0, 1]);
  bytes.set([0x80, 200, 0, 6], 8);
  bytes.writeUInt32BE(1, 12);
  bytes.writeUInt32BE(ntpSeconds, 16);
  bytes.writeUInt32BE(fraction, 20);
  bytes.writeUInt32BE(rtpTimestamp, 24);
  return bytes;
}

const NTP_2026 = 2_208_988_800 + Date.UTC(2026, 0, 1) / 1000;

t.test('sender report: gives the wall time of the camera for every picture [RFC 3550 §6.4.1]', async (t) => {
  const bytes = senderReport(NTP_2026, 0x80000000, 0xffffff00);
  t.equal(isReport(bytes), true);
  t.equal(isReport(rtpBytes({ sequence: 1, timestamp: 1, marker: true, payload })), false);
  const report = findSenderReport(bytes);
  t.same(report, { ssrc: 1, rtpTimestamp: 0xffffff00, wallMs: Date.UTC(2026, 0, 1) + 500 });
  const timeline = new Timeline(90_000);
  t.equal(timeline.wallMs(timeline.unwrap(0xffffff00)), undefined, 'before the first report');
  if (report) timeline.sawReport(report);
  const wrapped = timeline.unwrap((0xffffff00 + 90_000) >>> 0);
  t.equal(timeline.wallMs(wrapped), Date.UTC(2026, 0, 1) + 1500, 'across the wrap of the time stamp');
});

t.test('sender report: a camera without wall clock gives none', async (t) => {
  t.equal(findSenderReport(senderReport(0, 0, 5)), undefined);
  t.equal(findSenderReport(senderReport(3600, 0, 5)), undefined);
});

t.test('timeline: time stamps that wrap go on, those that go back go back', async (t) => {
  const timeline = new Timeline(90_000);
  const times = [0xfffffff0, 0x10, 0x08, 0x20].map((stamp) => timeline.unwrap(stamp));
  t.same(times, [0xfffffff0, 0x100000010, 0x100000008, 0x100000020]);
});

t.test('timeline: the steps are those of the camera, modulo 2^32', async (t) => {
  fc.assert(
    fc.property(
      fc.nat(0xffffffff),
      fc.array(fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 })),
      (first, steps) => {
        const timeline = new Timeline(90_000);
        let expected = first;
        return [0, ...steps].every((step) => {
          expected += step;
          return timeline.unwrap(((expected % 2 ** 32) + 2 ** 32) % 2 ** 32) === expected;
        });
      },
    ),
  );
  t.pass('held');
});

interface OrderedPacket {
  readonly packet: RtpPacket;
  readonly gap: boolean;
}

function throughWindow(sequences: readonly number[]): { out: OrderedPacket[]; window: SequenceWindow } {
  const out: OrderedPacket[] = [];
  const window = new SequenceWindow((packet, gap) => out.push({ packet: packet.kept(), gap }));
  for (const sequence of sequences) window.push(packetOf({ sequence, timestamp: 0, payload }));
  return { out, window };
}

const numbers = (out: readonly OrderedPacket[]) => out.map(({ packet }) => packet.sequence);

t.test('sequence: packets that change places come out in order, also where the number wraps', async (t) => {
  const { out, window } = throughWindow([65533, 65535, 65534, 1, 0, 2]);
  t.same(numbers(out), [65533, 65534, 65535, 0, 1, 2]);
  t.equal(
    out.some(({ gap }) => gap),
    false,
  );
  t.equal(window.lost, 0);
});

t.test('sequence: what comes twice comes out once', async (t) => {
  const { out, window } = throughWindow([1, 1, 2, 4, 4, 2, 3, 3, 5]);
  t.same(numbers(out), [1, 2, 3, 4, 5]);
  t.equal(window.received, 5);
});

t.test('sequence: a missing packet is given up after the window, counted, and told', async (t) => {
  const { out, window } = throughWindow([
    1,
    2,
    ...Array.from({ length: TCP_REORDER.packets + 1 }, (_, i) => 5 + i),
  ]);
  t.same(numbers(out).slice(0, 4), [1, 2, 5, 6]);
  t.same(
    out.slice(0, 4).map(({ gap }) => gap),
    [false, false, true, false],
  );
  t.equal(window.lost, 2);
});

t.test('sequence: over UDP more packets are waited for, and none for long', async (t) => {
  const out: number[] = [];
  const window = new SequenceWindow((packet) => out.push(packet.sequence), UDP_REORDER);
  const push = (sequence: number, receivedMonotonicMs: number) =>
    window.push(Object.assign(packetOf({ sequence, timestamp: 0, payload }), { receivedMonotonicMs }));
  push(1, 0);
  for (let sequence = 3; sequence < 3 + UDP_REORDER.packets; sequence += 1) push(sequence, 1);
  t.same(out, [1], 'as many as the window holds wait for the missing one');
  push(2, 2);
  t.equal(out.length, 2 + UDP_REORDER.packets, 'and follow it');
  t.equal(window.lost, 0);
  push(70, 10);
  push(71, 10 + UDP_REORDER.ms);
  t.equal(out.at(-1), 2 + UDP_REORDER.packets);
  push(72, 11 + UDP_REORDER.ms);
  t.same(out.slice(-3), [70, 71, 72]);
  t.equal(window.lost, 70 - 3 - UDP_REORDER.packets);
});

t.test(
  'sequence: a sender that starts anew is followed at the second packet, a stray one is not [RFC 3550 §A.1]',
  async (t) => {
    const restarted = throughWindow([100, 101, 30_000, 30_001, 30_002]);
    t.same(numbers(restarted.out), [100, 101, 30_000, 30_001, 30_002]);
    t.same(
      restarted.out.map(({ gap }) => gap),
      [false, false, true, false, false],
    );
    const stray = throughWindow([100, 101, 30_000, 102, 103]);
    t.same(numbers(stray.out), [100, 101, 102, 103]);
  },
);

t.test(
  'sequence: within the window any order, any loss and any repetition keep order and account',
  async (t) => {
    const arbitrary = fc.record({
      first: fc.nat(65535),
      count: fc.integer({ min: 1, max: 200 }),
      lost: fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { maxLength: 20 }),
      delays: fc.array(fc.nat(3), { minLength: 200, maxLength: 200 }),
      twice: fc.array(fc.nat(200), { maxLength: 20 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ first, count, lost, delays, twice }) => {
        const kept = Array.from({ length: count }, (_, i) => i).filter((i) => !lost.includes(i));
        const arrival = kept
          .flatMap((i) => (twice.includes(i) ? [i, i] : [i]))
          .map((i, n) => ({ i, at: n + (i === 0 ? 0 : (delays[n % 200] ?? 0)) }))
          .sort((a, b) => a.at - b.at)
          .map(({ i }) => i);
        const { out, window } = throughWindow(arrival.map((i) => (first + i) & 0xffff));
        const seen = numbers(out).map((sequence) => (sequence - first + 65536) & 0xffff);
        const rising = seen.every((n, i) => i === 0 || n > (seen[i - 1] ?? 0));
        const last = seen.at(-1) ?? 0;
        const complete = kept.filter((i) => i <= last).every((i) => seen.includes(i));
        const gapsTold = seen.every((n, i) => i === 0 || n - (seen[i - 1] ?? 0) > 1 === out[i]?.gap);
        return rising && complete && gapsTold && window.lost === last + 1 - seen.length;
      }),
      { numRuns: 500 },
    );
    t.pass('held');
  },
);
