import t from 'tap';
import { Jitter } from '../../../agent/camera/rtsp/jitter.ts';
import { RtpPacket } from '../../../agent/camera/rtsp/rtp.ts';

const packet = (timestamp: number, receivedMonotonicMs: number) =>
  Object.assign(new RtpPacket(), { timestamp: timestamp >>> 0, receivedMonotonicMs });

t.test(
  'jitter: even pictures have none; uneven ones that of their deviation [RFC 3550 §6.4.1]',
  async (t) => {
    const even = new Jitter(90_000);
    for (let i = 0; i < 100; i += 1) {
      even.take(packet(0xffff_0000 + i * 3_600, i * 40));
      even.take(packet(0xffff_0000 + i * 3_600, i * 40 + 30)); // the rest of the picture
    }
    t.equal(even.ms, 0, 'over the wrap of the time stamps, and whatever the packets of one picture do');
    const uneven = new Jitter(90_000);
    for (let i = 0; i < 500; i += 1) uneven.take(packet(i * 3_600, i * 40 + (i % 2) * 10));
    t.ok(Math.abs(uneven.ms - 10) < 0.2, `${uneven.ms}`);
    uneven.restart();
    uneven.take(packet(77, 90_000));
    uneven.take(packet(77 + 90_000 * 3_600, 90_040));
    t.ok(uneven.ms < 10.2, 'another source, or time stamps that leap, are no jitter');
  },
);
