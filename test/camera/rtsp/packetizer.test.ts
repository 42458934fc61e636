import t from 'tap';
import { BytePool } from '../../../agent/base/pool.ts';
import { announcement } from '../../../agent/camera/rtsp/announcement.ts';
import { Depacketizer } from '../../../agent/camera/rtsp/depacketizer.ts';
import { countPackets, writePackets } from '../../../agent/camera/rtsp/packetizer.ts';
import { StreamReader } from '../../../agent/camera/rtsp/reader.ts';
import { findSenderReport, isRtcp, RtpPacket } from '../../../agent/camera/rtsp/rtp.ts';
import { findVideo } from '../../../agent/camera/rtsp/sdp.ts';
import { senderReport } from '../../../agent/camera/rtsp/sender-report.ts';
import { clip } from '../../support/clips.ts';
import * as fc from '../../support/properties.ts';

const nalOf = (types: readonly number[], headerBytes: number) =>
  fc
    .tuple(
      fc.constantFrom(...types),
      fc.oneof(fc.integer({ min: 4, max: 60 }), fc.integer({ min: 1300, max: 9000 })),
    )
    .map(([type, length]) => {
      const nal = Buffer.alloc(length, 0xa5);
      nal[0] = type;
      nal[headerBytes] = 0x80;
      return nal;
    });

const PICTURES = {
  h264: nalOf([0x65, 0x41], 1),
  h265: nalOf([0x26, 0x02], 2).map((nal) => {
    nal[1] = 1;
    return nal;
  }),
} as const;

for (const codec of ['h264', 'h265'] as const) {
  t.test(`packets: ${codec}: any pictures come out of their packets as they went in`, async (t) => {
    fc.assert(
      fc.property(
        fc.array(PICTURES[codec], { minLength: 2, maxLength: 8 }),
        fc.nat(0xffff),
        fc.nat(0xffffffff),
        (nals, first, ssrc) => {
          const out: string[][] = [];
          const depacketizer = new Depacketizer(codec, new BytePool(), (unit) =>
            out.push(unit.nals.map((nal) => nal.toString('hex'))),
          );
          const packet = new RtpPacket();
          let sequence = first;
          let good = true;
          const reader = new StreamReader('server', {
            message: () => undefined,
            frame: (channel, bytes, from, until) => {
              good &&= channel === 0 && packet.read(bytes, from, until, 0);
              good &&= packet.ssrc === ssrc && packet.sequence === sequence && packet.payloadBytes <= 1400;
              sequence = (sequence + 1) & 0xffff;
              depacketizer.push(packet, false);
            },
          });
          for (const [i, nal] of nals.entries()) {
            const { bytes, packets } = countPackets(codec, [nal]);
            const to = Buffer.alloc(bytes);
            const before = sequence;
            writePackets(to, codec, [nal], { ssrc, sequence, timestamp: (0xfffff000 + i * 3600) % 2 ** 32 });
            reader.feed(to);
            good &&= ((sequence - before) & 0xffff) === packets;
          }
          return (
            good && out.length >= nals.length - 1 && out.every(([nal], i) => nals[i]?.toString('hex') === nal)
          );
        },
      ),
      { numRuns: 300 },
    );
    t.pass();
  });

  t.test(`announcement: ${codec}: says what the track is to whoever reads it [RFC 8866]`, async (t) => {
    const [first, second, third] = clip(codec).parameterSets as [Buffer, Buffer, Buffer];
    const sets =
      codec === 'h264'
        ? { vps: [], sps: [first], pps: [second] }
        : { vps: [first], sps: [second], pps: [third] };
    const text = announcement('cam-a', codec, sets);
    const video = findVideo(text);
    t.match(video, { payloadType: 96, control: 'trackID=0', track: { codec, clockRate: 90_000 } });
    t.same(video?.track.parameterSets.sps, sets.sps[0]);
    t.same(video?.track.parameterSets.pps, sets.pps[0]);
    t.match(text, /^v=0\r\n/);
  });
}

t.test(
  'sender report: is read as it was written, with the name of the source [RFC 3550 §6.4.1, §6.5]',
  (t) => {
    const wallMs = Date.UTC(2026, 5, 1, 12, 0, 0, 250);
    const bytes = senderReport(
      { ssrc: 7, timestamp: 0xfffffff0, wallMs, packets: 12, octets: 34 },
      'cam-a to dst',
    );
    t.same([bytes[0], bytes[1], bytes.readUInt16BE(2)], [0x24, 1, bytes.length - 4]);
    const compound = bytes.subarray(4);
    t.equal(compound.length % 4, 0);
    t.ok(isRtcp(compound, 0, compound.length));
    const report = findSenderReport(compound);
    t.match(report, { ssrc: 7, rtpTimestamp: 0xfffffff0 });
    t.ok(Math.abs((report?.wallMs ?? 0) - wallMs) < 1);
    t.match(compound.toString('latin1'), 'cam-a to dst');
    t.end();
  },
);
