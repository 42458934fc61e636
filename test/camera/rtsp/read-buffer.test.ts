import t from 'tap';
import { systemClock } from '../../../agent/base/clock.ts';
import { BytePool } from '../../../agent/base/pool.ts';
import type { RtspMessage } from '../../../agent/camera/rtsp/message.ts';
import { StreamReader } from '../../../agent/camera/rtsp/reader.ts';
import { VideoReceiver } from '../../../agent/camera/rtsp/receiver.ts';
import * as fc from '../../support/properties.ts';
import { aggregate, payloads264, rtpBytes } from './packetize.ts';

const VIDEO = {
  payloadType: 96,
  control: '',
  sessionControl: '',
  track: { codec: 'h264' as const, clockRate: 90_000, parameterSets: {} },
};

/** Pictures of one to three slices, some in fragments, some aggregated; in interleaved frames that change places. */
const pictures = fc.array(
  fc.record({
    slices: fc.array(fc.integer({ min: 3, max: 400 }), { minLength: 1, maxLength: 3 }),
    joined: fc.boolean(),
  }),
  { minLength: 3, maxLength: 12 },
);

interface Sent {
  readonly nals: Buffer[];
  readonly packets: Buffer[];
}

function stream(shapes: readonly { slices: readonly number[]; joined: boolean }[]): Sent {
  const nals: Buffer[] = [];
  const packets: Buffer[] = [];
  for (const [picture, { slices, joined }] of shapes.entries()) {
    const own = slices.map((bytes, i) =>
      Buffer.from([0x41, i === 0 ? 0x9a : 0x42, ...Array(bytes).fill(picture + 1)]),
    );
    const payloads = joined ? [aggregate('h264', own)] : own.flatMap((nal) => payloads264(nal, 100));
    for (const [i, payload] of payloads.entries()) {
      const marker = i === payloads.length - 1;
      packets.push(rtpBytes({ sequence: packets.length, timestamp: picture * 3600, marker, payload }));
    }
    nals.push(...own);
  }
  return { nals, packets };
}

function interleaved(rtp: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x24, 0, rtp.length >> 8, rtp.length & 0xff]), rtp]);
}

/** Feeds the bytes in pieces through one buffer, as a socket reads them, and spoils it after each. */
function read(bytes: Buffer, pieceBytes: number): { nals: Buffer[]; messages: RtspMessage[] } {
  const nals: Buffer[] = [];
  const messages: RtspMessage[] = [];
  const transport = { interleaved: true, rtpChannel: 0, rtcpChannel: 1 };
  const receiver = new VideoReceiver(
    VIDEO,
    transport,
    {
      clock: systemClock,
      pool: new BytePool(),
      clockSaid: () => undefined,
      unread: () => 0,
    },
    (unit) => {
      unit.hold();
      nals.push(...unit.nals);
    },
  );
  const reader = new StreamReader('cam-a', {
    frame: (channel, bytes, from, until) => receiver.frame(channel, bytes, from, until, 0),
    message: (message) => messages.push(message),
  });
  const shared = Buffer.alloc(pieceBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const length = bytes.copy(shared, 0, at, at + pieceBytes);
    reader.feed(shared.subarray(0, length));
    shared.fill(0xee);
  }
  return { nals, messages };
}

t.test(
  'read buffer: pictures stay as they were sent when the bytes are read over, in any order',
  async (t) => {
    fc.assert(
      fc.property(pictures, fc.integer({ min: 1, max: 3000 }), fc.boolean(), (shapes, pieceBytes, swap) => {
        const { nals, packets } = stream(shapes);
        const frames = packets.map(interleaved);
        if (swap)
          for (let i = 1; i + 1 < frames.length; i += 3)
            frames.splice(i, 2, ...[frames[i + 1], frames[i]].flatMap((f) => f ?? []));
        const out = read(Buffer.concat(frames), pieceBytes).nals;
        return out.length > 0 && out.every((nal, i) => nals[i]?.equals(nal));
      }),
    );
    t.pass();
  },
);

t.test('read buffer: the body of an answer stays as it was sent when the bytes are read over', async (t) => {
  const answer = Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 5\r\n\r\nv=0\r\n');
  const [whole] = read(answer, 1000).messages;
  t.equal(whole?.body.toString(), 'v=0\r\n');
  const [cut] = read(answer, 7).messages;
  t.equal(cut?.body.toString(), 'v=0\r\n');
});
