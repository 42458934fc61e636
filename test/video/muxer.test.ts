import t from 'tap';
import type { AccessUnit } from '../../agent/camera/types.ts';
import { MediaClock } from '../../agent/video/media-clock.ts';
import { clip } from '../support/clips.ts';
import * as fc from '../support/properties.ts';
import { boxAt, boxes } from './boxes.ts';
import { Muxing, payloadOf, toAccessUnit } from './encoded.ts';

const CODECS = ['h264', 'h265'] as const;

/** NAL units as cameras send them, broken in all ways that pass a depacketizer. */
const nalOf = (codec: (typeof CODECS)[number]) =>
  fc.oneof(
    fc.constantFrom(...clip(`${codec}-small`).units.flatMap(({ nals }) => nals)),
    fc.constantFrom(...clip(codec).parameterSets),
    fc.tuple(fc.constantFrom(...clip(codec).parameterSets), fc.nat(), fc.nat(255)).map(([set, at, byte]) => {
      const changed = Buffer.from(set);
      changed[at % changed.length] = byte;
      return changed;
    }),
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  );

const streamOf = (codec: (typeof CODECS)[number]) =>
  fc.array(
    fc.record({
      nals: fc.array(nalOf(codec), { maxLength: 6 }),
      key: fc.boolean(),
      rtpTime: fc.oneof(fc.integer({ min: 0, max: 500_000 }), fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
      waitMs: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 10_000_000 })),
    }),
    { maxLength: 40 },
  );

for (const codec of CODECS) {
  t.test(`muxer: whatever an ${codec} camera sends becomes boxes whose decode times rise`, async (t) => {
    fc.assert(
      fc.property(
        fc.array(streamOf(codec), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (streams, told) => {
          const clock = new MediaClock(0);
          const chunks = streams.flatMap((stream) => muxed(clock, codec, stream, told));
          let end = 0;
          for (const chunk of chunks) {
            const { frames, key } = chunk;
            const payload = payloadOf(chunk);
            const names = boxes(payload).map(({ type }) => type);
            const start = Number(boxAt(payload, 'moof', 'traf', 'tfdt').body.readBigUInt64BE(4));
            const run = boxAt(payload, 'moof', 'traf', 'trun').body;
            if (key !== (names[0] === 'ftyp') || start < end || run.readUInt32BE(4) !== frames) return false;
            end = start;
            for (let at = 12; at < run.length; at += 16) end += run.readUInt32BE(at);
          }
          return true;
        },
      ),
      { numRuns: 300 },
    );
    t.pass();
  });
}

function muxed(
  clock: MediaClock,
  codec: (typeof CODECS)[number],
  stream: readonly { nals: Buffer[]; key: boolean; rtpTime: number; waitMs: number }[],
  told: boolean,
) {
  const [first, second, third] = clip(codec).parameterSets;
  const sets = codec === 'h264' ? { sps: first, pps: second } : { vps: first, sps: second, pps: third };
  const parameterSets = told ? Object.fromEntries(Object.entries(sets).filter(([, set]) => set)) : {};
  const muxer = new Muxing(clock, { codec, clockRate: 90_000, parameterSets }, 200);
  let receivedMonotonicMs = 0;
  const units: AccessUnit[] = stream.map(({ nals, key, rtpTime, waitMs }) => {
    receivedMonotonicMs += waitMs;
    return { ...toAccessUnit(nals, key, rtpTime), receivedMonotonicMs };
  });
  return [...units.map((unit) => muxer.push(unit)), muxer.flush()].filter((chunk) => chunk !== undefined);
}
