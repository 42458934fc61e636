import t from 'tap';
import { UplinkError } from '../../agent/base/errors.ts';
import { FrameGuard, type FrameGuardOptions, type OversizePacket } from '../../agent/uplink/frame-guard.ts';
import * as fc from '../support/properties.ts';

const MAX = 1000;

function run(
  stream: Buffer,
  cuts: readonly number[],
  onPublish?: FrameGuardOptions['onPublish'],
): { through: Buffer; oversize: OversizePacket[] } {
  const oversize: OversizePacket[] = [];
  const guard = new FrameGuard({
    label: 'mqtt://x',
    maxBytes: MAX,
    onOversize: (packet) => oversize.push(packet),
    onPublish,
  });
  const through: Buffer[] = [];
  const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  for (let i = 1; i < edges.length; i += 1)
    through.push(...guard.push(stream.subarray(edges[i - 1], edges[i])));
  return { through: Buffer.concat(through), oversize };
}

const publish = fc.record({
  topic: fc.stringMatching(/^[a-zé/]{1,40}$/),
  size: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.constantFrom(0, 990, 100_000)),
  qos: fc.constantFrom(0 as const, 1 as const),
  retain: fc.boolean(),
  messageId: fc.integer({ min: 1, max: 65_535 }),
});
const PINGRESP = Buffer.from([0xd0, 0]);
const PUBACK = Buffer.from([0x40, 2, 0, 7]);
const SUBACK = Buffer.from([0x90, 4, 0, 9, 1, 0]);
const other = fc.constantFrom(PINGRESP, PUBACK, SUBACK);

/** @see MQTT 3.1.1 §3.3 */
function publishPacket(part: {
  topic: string;
  size: number;
  qos: number;
  retain: boolean;
  messageId: number;
}) {
  const topic = Buffer.from(part.topic);
  const id = part.qos > 0 ? [part.messageId >> 8, part.messageId & 0xff] : [];
  const body = Buffer.concat([
    Buffer.from([topic.length >> 8, topic.length & 0xff]),
    topic,
    Buffer.from(id),
    Buffer.alloc(part.size, 0x5a),
  ]);
  const first = 0x30 | (part.qos << 1) | (part.retain ? 1 : 0);
  return {
    packet: Buffer.concat([Buffer.from([first, ...lengthBytes(body.length)]), body]),
    bytes: body.length,
  };
}

/** @see MQTT 3.1.1 §2.2.3 */
function lengthBytes(length: number): number[] {
  return length < 128 ? [length] : [(length % 128) | 0x80, ...lengthBytes(Math.floor(length / 128))];
}

t.test(
  'frame guard: what fits goes through unchanged, what does not is left out, however it is cut',
  async (t) => {
    const rule = fc.property(
      fc.array(fc.oneof(publish, other), { maxLength: 12 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (parts, cuts) => {
        const expected: Buffer[] = [];
        const left: OversizePacket[] = [];
        const stream = parts.map((part) => {
          if (Buffer.isBuffer(part)) {
            expected.push(part);
            return part;
          }
          const { packet, bytes } = publishPacket(part);
          const { topic, retain, qos, messageId } = part;
          if (bytes <= MAX) expected.push(packet);
          else left.push({ topic, bytes, retain, packetId: qos > 0 ? messageId : undefined });
          return packet;
        });
        const result = run(Buffer.concat(stream), cuts);
        if (!result.through.equals(Buffer.concat(expected))) return false;
        return JSON.stringify(result.oversize) === JSON.stringify(left);
      },
    );
    t.doesNotThrow(() => fc.assert(rule, { numRuns: 300 }));
  },
);

t.test('frame guard: messages with QoS 0 are taken out whole, everything else goes through', async (t) => {
  const rule = fc.property(
    fc.array(fc.oneof(publish, other), { maxLength: 12 }),
    fc.array(fc.nat(), { maxLength: 20 }),
    (parts, cuts) => {
      const packets = parts.map((part) => {
        if (Buffer.isBuffer(part)) return { packet: part, bytes: 0, isTaken: false };
        const made = publishPacket(part);
        return { ...made, isTaken: part.qos === 0 && made.bytes <= MAX };
      });
      const taken: Buffer[] = [];
      const { through } = run(Buffer.concat(packets.map(({ packet }) => packet)), cuts, (first, body) =>
        taken.push(Buffer.concat([Buffer.from([first, ...lengthBytes(body.length)]), body])),
      );
      const expected = packets.filter(({ isTaken }) => isTaken).map(({ packet }) => packet);
      const others = packets
        .filter(({ isTaken, bytes }) => !isTaken && bytes <= MAX)
        .map(({ packet }) => packet);
      return Buffer.concat(taken).equals(Buffer.concat(expected)) && through.equals(Buffer.concat(others));
    },
  );
  t.doesNotThrow(() => fc.assert(rule, { numRuns: 300 }));
});

t.test('frame guard: any bytes end in a result or a named error', async (t) => {
  const rule = fc.property(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.nat(), { maxLength: 5 }),
    (bytes, cuts) => {
      try {
        return run(Buffer.from(bytes), cuts).through.length <= bytes.length;
      } catch (error) {
        return error instanceof UplinkError && error.code === 'broker-protocol';
      }
    },
  );
  t.doesNotThrow(() => fc.assert(rule, { numRuns: 500 }));
});

t.test('frame guard: an oversized packet that is no PUBLISH is refused', async (t) => {
  t.throws(() => run(Buffer.from([0x90, 0xff, 0xff, 0x03]), []), /packet type 9 of 65535 bytes/);
});

t.test('frame guard: a remaining length of five bytes is refused [MQTT 5 §1.5.5]', async (t) => {
  t.throws(() => run(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]), []), /at most four bytes, came five/);
});
