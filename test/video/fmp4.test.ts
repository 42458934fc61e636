import { createHash } from 'node:crypto';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';
import t from 'tap';
import type { AccessUnit } from '../../agent/camera/types.ts';
import type { Chunk } from '../../agent/video/destination.ts';
import { MediaClock } from '../../agent/video/media-clock.ts';
import { accessUnit } from '../support/access-unit.ts';
import { clip } from '../support/clips.ts';
import { boxAt, boxes } from './boxes.ts';
import {
  decodedFrames,
  type Encoded,
  encode,
  Muxing,
  muxAll,
  packets,
  payloadOf,
  toAccessUnit,
  toFile,
  withoutVui,
} from './encoded.ts';

const bytesOf = (chunk: Chunk | undefined) => (chunk ? payloadOf(chunk) : Buffer.alloc(0));

const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast'];
const x265 = (params: string) => [
  '-c:v',
  'libx265',
  '-preset',
  'ultrafast',
  '-x265-params',
  `log-level=none:${params}`,
];

const STREAMS = {
  'H.264 without B frames': { codec: 'h264', encoder: [...x264, '-g', '25', '-bf', '0'] },
  'H.264 with three B frames': {
    codec: 'h264',
    encoder: [...x264, '-g', '25', '-bf', '3', '-b_strategy', '0'],
  },
  'H.264 with a B pyramid': {
    codec: 'h264',
    encoder: ['-c:v', 'libx264', '-g', '30', '-bf', '4', '-x264-params', 'b-pyramid=normal:b-adapt=0'],
  },
  'H.264 with several slices': { codec: 'h264', encoder: [...x264, '-g', '25', '-x264-params', 'slices=4'] },
  'H.265 without B frames': { codec: 'h265', encoder: x265('keyint=25:bframes=0') },
  'H.265 with a B pyramid': {
    codec: 'h265',
    encoder: x265('keyint=25:min-keyint=25:bframes=4:no-open-gop=1'),
  },
  'H.265 with open GOPs': { codec: 'h265', encoder: x265('keyint=20:min-keyint=20:bframes=3:open-gop=1') },
} as const;

/** A sample as it stands in the file: every NAL unit behind its length. */
function sampleOf(unit: AccessUnit): Buffer {
  return Buffer.concat(
    unit.nals.flatMap((nal) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(nal.length);
      return [length, nal];
    }),
  );
}

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
/** Media time of RTP time 0 in these streams. */
const START = 900_000;

for (const [name, stream] of Object.entries(STREAMS)) {
  t.test(`fmp4: ${name}: ffprobe reads every sample byte for byte, with its presentation time`, async (t) => {
    const encoded = encode({ ...stream, frames: 60, fps: 25 });
    const file = toFile(muxAll(encoded));
    const read = packets(file);
    t.equal(read.length, encoded.units.length);
    t.same(
      read.map(({ md5 }) => md5),
      encoded.units.map((unit) => md5(sampleOf(unit))),
    );
    t.same(
      read.map(({ pts }) => pts - START),
      encoded.units.map(({ rtpTime }) => rtpTime),
    );
    t.same(
      read.map(({ key }) => key),
      encoded.units.map(({ key }) => key),
    );
    t.equal(decodedFrames(file).length, 60);
  });

  t.test(
    `fmp4: ${name}: decode times rise, stand at or before presentation, and durations fill the gaps`,
    async (t) => {
      const samples = muxAll(encode({ ...stream, frames: 60, fps: 25 })).flatMap((chunk) =>
        timesOf(payloadOf(chunk)),
      );
      t.equal(samples.length, 60);
      for (const [index, { decode, shown, duration }] of samples.entries()) {
        const next = samples[index + 1];
        const good = duration > 0 && decode <= shown && (!next || next.decode === decode + duration);
        if (!good)
          t.fail(`sample ${index}: decoded at ${decode}, shown at ${shown}, next at ${next?.decode}`);
      }
    },
  );
}

t.test("fmp4: decode times of a B pyramid are those of ffmpeg's own muxer", async (t) => {
  const encoded = encode({
    codec: 'h264',
    frames: 60,
    fps: 25,
    encoder: STREAMS['H.264 with a B pyramid'].encoder,
  });
  const ours = packets(toFile(muxAll(encoded)));
  const first = ours[0];
  t.same(
    ours.slice(0, -1).map(({ dts, pts }) => [dts - (first?.dts ?? 0), pts - dts]),
    encoded.muxed.slice(0, -1).map(({ dts, pts }) => [dts - (encoded.muxed[0]?.dts ?? 0), pts - dts]),
  );
});

t.test('fmp4: a stream that does not say how far it reorders gets the same decode times', async (t) => {
  const { encoder } = STREAMS['H.264 with three B frames'];
  const encoded = withoutVui(encode({ codec: 'h264', frames: 60, fps: 25, encoder }));
  const muxer = new Muxing(new MediaClock(0), encoded.track, 200);
  t.equal(muxer.setup?.sps.reorderDepth, undefined);
  const ours = packets(toFile(muxAll(encoded)));
  t.same(
    ours.slice(0, -1).map(({ dts, pts }) => [dts - (ours[0]?.dts ?? 0), pts - dts]),
    encoded.muxed.slice(0, -1).map(({ dts, pts }) => [dts - (encoded.muxed[0]?.dts ?? 0), pts - dts]),
  );
});

t.test('fmp4: mediabunny, another reader, finds the same samples at the same times', async (t) => {
  for (const name of ['H.264 with three B frames', 'H.265 with a B pyramid'] as const) {
    const encoded = encode({ ...STREAMS[name], frames: 60, fps: 25 });
    const input = new Input({ source: new BufferSource(toFile(muxAll(encoded))), formats: ALL_FORMATS });
    const track = await input.getPrimaryVideoTrack();
    if (!track) throw new Error('expected a video track');
    t.equal(await track.getCodec(), STREAMS[name].codec === 'h264' ? 'avc' : 'hevc');
    t.equal(await track.getCodedWidth(), 320);
    const read: { md5: string; pts: number }[] = [];
    for await (const packet of new EncodedPacketSink(track).packets()) {
      read.push({ md5: md5(packet.data), pts: Math.round(packet.timestamp * 90_000) });
    }
    t.same(
      read,
      encoded.units.map((unit) => ({ md5: md5(sampleOf(unit)), pts: unit.rtpTime + START })),
    );
  }
});

t.test('fmp4: what a subscriber got from any key frame onward is a valid file', async (t) => {
  for (const name of ['H.264 without B frames', 'H.265 with a B pyramid'] as const) {
    const chunks = muxAll(encode({ ...STREAMS[name], frames: 80, fps: 25 }));
    const starts = chunks.flatMap((chunk, index) => (chunk.key ? [index] : []));
    t.ok(starts.length >= 3);
    for (const start of starts) {
      const late = chunks.slice(start);
      const frames = late.reduce((sum, chunk) => sum + chunk.frames, 0);
      t.equal(packets(toFile(late)).length, frames);
      t.equal(decodedFrames(toFile(late)).length, frames);
    }
  }
});

t.test(
  'fmp4: a fragment lasts a few frames, and begins anew at each key frame with the initialisation',
  async (t) => {
    const chunks = muxAll(encode({ ...STREAMS['H.264 without B frames'], frames: 52, fps: 25 }));
    t.same(
      chunks.map(({ frames, key }) => [frames, key]),
      [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 2].map((frames, index) => [frames, index % 5 === 0]),
    );
    const long = muxAll(encode({ ...STREAMS['H.264 without B frames'], frames: 52, fps: 25 }), 400);
    t.same(
      long.map(({ frames }) => frames),
      [10, 10, 5, 10, 10, 5, 2],
      'as long as the configuration says',
    );
    for (const chunk of chunks) {
      const names = boxes(payloadOf(chunk)).map(({ type }) => type);
      t.same(names, chunk.key ? ['ftyp', 'moov', 'prft', 'moof', 'mdat'] : ['prft', 'moof', 'mdat']);
    }
  },
);

t.test('fmp4: fragments are numbered without a gap from one stream of a camera to the next', async (t) => {
  const encoded = encode({ ...STREAMS['H.264 without B frames'], frames: 30, fps: 25 });
  const clock = new MediaClock(10_000);
  const chunks = [...muxAll(encoded, 200, clock), ...muxAll(later(encoded, 5_000), 200, clock)];
  t.same(
    chunks.map((chunk) => boxAt(payloadOf(chunk), 'moof', 'mfhd').body.readUInt32BE(4)),
    chunks.map((_, index) => index + 1),
  );
  const read = packets(toFile(chunks));
  t.equal(read.length, 60);
  t.equal((read[30]?.pts ?? 0) - (read[0]?.pts ?? 0), 5 * 90_000, 'time goes on while there are no pictures');
  t.equal(decodedFrames(toFile(chunks)).length, 60);
});

t.test('fmp4: a stream that comes back at once never overlaps the one before', async (t) => {
  const encoded = encode({ ...STREAMS['H.264 with three B frames'], frames: 30, fps: 25 });
  const clock = new MediaClock(10_000);
  const chunks = [...muxAll(encoded, 200, clock), ...muxAll(encoded, 200, clock)];
  const read = packets(toFile(chunks));
  t.equal(read.length, 60);
  t.same(
    read.map(({ dts }) => dts),
    read.map(({ dts }) => dts).toSorted((a, b) => a - b),
  );
  t.equal(new Set(read.map(({ pts }) => pts)).size, 60);
  t.ok(read.every(({ dts, pts }) => dts <= pts));
});

t.test('fmp4: prft carries the capture time of the first picture [ISO/IEC 14496-12 §8.16.5]', async (t) => {
  const { track, units } = encode({ ...STREAMS['H.264 without B frames'], frames: 10, fps: 25 });
  const captured = Date.UTC(2026, 5, 1, 12, 0, 0, 250);
  const known = units.map((unit) => ({ ...unit, captureWallMs: captured + unit.rtpTime / 90 }));
  const ntpSeconds = BigInt(captured - 250) / 1000n + 2_208_988_800n;
  const [first, second] = muxAll({ track, units: known, muxed: [] });
  const { body } = boxAt(bytesOf(first), 'prft');
  t.same([body[0], body.readUIntBE(1, 3)], [1, 24], 'version 1, real time but for a constant offset');
  t.equal(body.readUInt32BE(4), 1, 'the track');
  t.equal(body.readBigUInt64BE(8), (ntpSeconds << 32n) | 0x40000000n);
  t.equal(body.readBigUInt64BE(16), BigInt(START));
  const next = boxAt(bytesOf(second), 'prft').body;
  t.equal(next.readBigUInt64BE(16), BigInt(START + 5 * 3600));
  const [received] = muxAll({ track, units, muxed: [] });
  t.equal(boxAt(bytesOf(received), 'prft').body.readUIntBE(1, 3), 1, 'left the encoder');
});

t.test('fmp4: without parameter sets in DESCRIBE nothing is sent before they come in band', async (t) => {
  for (const name of ['h264', 'h265'] as const) {
    const { codec, units } = clip(name);
    const track = { codec, clockRate: 90_000, parameterSets: {} };
    const muxer = new Muxing(new MediaClock(10_000), track, 200);
    const bare = units.map(({ nals, key, index }) =>
      toAccessUnit(key && index === 0 ? nals.filter((nal) => nal.length > 100) : nals, key, index * 6000),
    );
    const chunks = bare.map((unit) => muxer.push(unit)).concat(muxer.flush());
    const sent = chunks.filter((chunk) => chunk !== undefined);
    const secondKey = units.findIndex(({ key, index }) => key && index > 0);
    t.ok(secondKey > 0);
    t.equal(sent[0]?.key, true);
    t.equal(packets(toFile(sent)).length, units.length - secondKey);
  }
});

t.test('fmp4: frames before the first key frame go nowhere', async (t) => {
  const encoded = encode({ ...STREAMS['H.264 without B frames'], frames: 60, fps: 25 });
  const late = { ...encoded, units: encoded.units.slice(7) };
  const read = packets(toFile(muxAll(late)));
  t.equal(read.length, 35);
  t.equal(read[0]?.key, true);
});

t.test(
  'fmp4: pictures that lean on what came before the first key picture of H.265 go nowhere',
  async (t) => {
    const encoded = encode({ ...STREAMS['H.265 with open GOPs'], frames: 80, fps: 25 });
    const firstKey = encoded.units.findIndex(({ key }, index) => key && index > 0);
    const late = { ...encoded, units: encoded.units.slice(firstKey) };
    const isRasl = ({ nals }: AccessUnit) => nals.some((nal) => [8, 9].includes(((nal[0] ?? 0) >> 1) & 0x3f));
    const nextKey = late.units.findIndex(({ key }, index) => key && index > 0);
    const leading = late.units.slice(0, nextKey).filter(isRasl).length;
    t.ok(leading > 0, 'the encoder made such pictures');
    const file = toFile(muxAll(late));
    t.equal(packets(file).length, late.units.length - leading);
    t.equal(decodedFrames(file).length, late.units.length - leading);
  },
);

t.test('fmp4: parameter sets that change begin a new initialisation segment at that key frame', async (t) => {
  const encoder = STREAMS['H.264 without B frames'].encoder;
  const small = encode({ codec: 'h264', frames: 25, fps: 25, size: '160x120', encoder });
  const large = encode({ codec: 'h264', frames: 25, fps: 25, size: '320x240', encoder });
  const units = [...small.units, ...later(large, 1_000).units];
  const chunks = muxAll({ track: small.track, units, muxed: [] });
  const sizes = chunks.filter(({ key }) => key).map((chunk) => videoSize(payloadOf(chunk)));
  t.same(sizes, [
    [160, 120],
    [320, 240],
  ]);
  const pictures = decodedFrames(toFile(chunks));
  t.equal(pictures.length, 50);
  t.same(pictures[0], { width: 160, height: 120 });
  t.same(pictures[49], { width: 320, height: 240 }, 'the new size also stands in band');
});

t.test('fmp4: a key frame whose beginning was lost starts nothing', async (t) => {
  const { codec, units, parameterSets } = clip('h264-small');
  const [sps, pps] = parameterSets;
  if (!sps || !pps) throw new Error('expected parameter sets');
  const muxer = new Muxing(new MediaClock(0), { codec, clockRate: 90_000, parameterSets: { sps, pps } }, 20);
  const damaged = { ...toAccessUnit([Buffer.from([0x65, 0x00, 0x80])], true, 0), damaged: true };
  const other = units.find(({ key }) => !key)?.nals ?? [];
  t.equal(muxer.push(damaged), undefined);
  t.equal(muxer.push(toAccessUnit(other, false, 3000)), undefined);
  t.equal(muxer.flush(), undefined);
});

t.test('fmp4: damaged pictures go on with the NAL units that came', async (t) => {
  const encoded = encode({ ...STREAMS['H.264 with several slices'], frames: 30, fps: 25 });
  const units = encoded.units.map((unit, index) =>
    index === 7
      ? accessUnit(unit.nals.slice(0, 2), { ...unit, damaged: true })
      : { ...unit, damaged: index === 8 },
  );
  const read = packets(toFile(muxAll({ ...encoded, units })));
  t.same(
    read.map(({ md5 }) => md5),
    units.map((unit) => md5(sampleOf(unit))),
  );
});

function later(encoded: Encoded, ms: number): Encoded {
  const units = encoded.units.map(({ nals, key, rtpTime }) => toAccessUnit(nals, key, rtpTime + ms * 90));
  return { ...encoded, units };
}

interface SampleTimes {
  readonly decode: number;
  readonly shown: number;
  readonly duration: number;
}

/** What tfdt and trun say. @see ISO/IEC 14496-12 §8.8.8, §8.8.12 */
function timesOf(payload: Buffer): SampleTimes[] {
  let decode = Number(boxAt(payload, 'moof', 'traf', 'tfdt').body.readBigUInt64BE(4));
  const run = boxAt(payload, 'moof', 'traf', 'trun').body;
  return Array.from({ length: run.readUInt32BE(4) }, (_, index) => {
    const at = 12 + index * 16;
    const duration = run.readUInt32BE(at);
    const sample = { decode, shown: decode + run.readInt32BE(at + 12), duration };
    decode += duration;
    return sample;
  });
}

/** Width and height of the sample entry. */
function videoSize(payload: Buffer): number[] {
  const stsd = boxAt(payload, 'moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd');
  const entry = boxes(stsd.body.subarray(8))[0]?.body ?? Buffer.alloc(0);
  return [entry.readUInt16BE(24), entry.readUInt16BE(26)];
}
