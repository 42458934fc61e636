import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { BitReader, rbsp } from '../../agent/camera/codec/bits.ts';
import { nalRules } from '../../agent/camera/codec/nal.ts';
import { parseSps } from '../../agent/camera/codec/sps.ts';
import { clipFrom } from '../support/clips.ts';
import * as fc from '../support/properties.ts';

interface Case {
  readonly name: string;
  readonly codec: 'h264' | 'h265';
  readonly size: string;
  readonly options: readonly string[];
}

const x264 = (params: string, ...more: string[]) => ['-c:v', 'libx264', '-x264-params', params, ...more];
const x265 = (params: string, ...more: string[]) => [
  '-c:v',
  'libx265',
  '-x265-params',
  `log-level=none:${params}`,
  ...more,
];

const cases: readonly Case[] = [
  { name: 'baseline', codec: 'h264', size: '320x180', options: x264('bframes=0', '-profile:v', 'baseline') },
  {
    name: 'high with B pyramid, cropped',
    codec: 'h264',
    size: '498x282',
    options: x264('bframes=3:b-pyramid=normal'),
  },
  { name: 'interlaced, cropped', codec: 'h264', size: '320x252', options: x264('interlaced=1:bframes=2') },
  { name: '4:4:4', codec: 'h264', size: '162x98', options: x264('bframes=0', '-pix_fmt', 'yuv444p') },
  {
    name: '4:2:2, 10 bit',
    codec: 'h264',
    size: '162x98',
    options: x264('bframes=1', '-pix_fmt', 'yuv422p10le'),
  },
  {
    name: 'with HRD',
    codec: 'h264',
    size: '320x180',
    options: x264('nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500'),
  },
  { name: 'scaling matrix', codec: 'h264', size: '320x180', options: x264('cqm=jvt') },
  { name: 'main', codec: 'h265', size: '320x180', options: x265('bframes=0') },
  { name: 'B frames, cropped', codec: 'h265', size: '322x182', options: x265('bframes=3:b-adapt=0') },
  {
    name: '4:2:2, 10 bit',
    codec: 'h265',
    size: '322x182',
    options: x265('bframes=0', '-pix_fmt', 'yuv422p10le'),
  },
  {
    name: 'temporal layers',
    codec: 'h265',
    size: '320x180',
    options: x265('temporal-layers=2:bframes=3:b-adapt=0'),
  },
];

function encode({ codec, size, options }: Case, folder: string): string {
  const file = join(folder, `x.${codec.slice(1)}`);
  const source = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=10`, '-frames:v', '12'];
  execFileSync('ffmpeg', ['-v', 'error', ...source, ...options, '-y', file]);
  return file;
}

function probe(file: string): { width: number; height: number; has_b_frames: number; pix_fmt: string } {
  const args = ['-v', 'error', '-show_streams', '-of', 'json', file];
  return JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })).streams[0];
}

for (const one of cases) {
  t.test(
    `codec: of ${one.codec} ${one.name} by a foreign encoder the size and reorder depth that ffprobe reads`,
    async (t) => {
      const file = encode(one, t.testdir());
      const expected = probe(file);
      const { parameterSets } = clipFrom(readFileSync(file), one.codec, 10);
      const nal = parameterSets.find((set) => nalRules(one.codec).kind(set) === 'sps') ?? Buffer.alloc(0);
      const sps = parseSps(one.codec, nal);
      t.equal(`${sps?.width}x${sps?.height}`, `${expected.width}x${expected.height}`);
      t.equal(sps?.reorderDepth, expected.has_b_frames);
      t.equal(sps?.bitDepthLuma, expected.pix_fmt.includes('10le') ? 10 : 8);
      const chroma = expected.pix_fmt.includes('444') ? 3 : expected.pix_fmt.includes('422') ? 2 : 1;
      t.equal(sps?.chromaFormat, chroma);
      if (sps?.codec === 'h264') t.equal(sps.framesPerSecond, 10);
      else t.equal(sps?.profileTierLevel.length, 12);
    },
  );
}

t.test('codec: a parameter set of a camera without restrictions leaves the reorder depth open', async (t) => {
  const sps = parseSps('h264', Buffer.from('Z2QAM6zoAoALWQ==', 'base64'));
  t.equal(`${sps?.width}x${sps?.height}`, '2560x1440');
  t.equal(sps?.reorderDepth, undefined);
});

t.test(
  'codec: a cut or altered parameter set never throws, and what is read stays within bounds',
  async (t) => {
    const good = Buffer.from('Z2QAHqwsaoLA9puCgIKgAAADACAAAAMD0IAA', 'base64');
    t.equal(parseSps('h264', good.subarray(0, 6)), undefined);
    t.equal(parseSps('h264', Buffer.alloc(0)), undefined);
    const altered = fc
      .tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length))
      .map(([at, value, length]) => {
        const bytes = Buffer.from(good);
        bytes[at] = value;
        return bytes.subarray(0, length);
      });
    const bytes = fc.oneof(
      altered,
      fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw)),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom('h264' as const, 'h265' as const), (nal, codec) => {
        const sps = parseSps(codec, nal);
        return (
          sps === undefined || (sps.width <= 16384 && sps.height <= 16384 && (sps.reorderDepth ?? 0) <= 16)
        );
      }),
      { numRuns: 2000 },
    );
    t.pass('held');
  },
);

t.test('codec: exp-Golomb codes are read as the table of the standard says [H.264 §9.1]', async (t) => {
  const bits = new BitReader(Buffer.from([0b1_010_011_0, 0b0100_0010, 0b1_0011_000, 0]));
  t.same([bits.ue(), bits.ue(), bits.ue(), bits.ue(), bits.ue()], [0, 1, 2, 3, 4]);
  const signed = new BitReader(Buffer.from([0b1_010_011_0, 0b0100_0010, 0b1_0000000]));
  t.same([signed.se(), signed.se(), signed.se(), signed.se(), signed.se()], [0, 1, -1, 2, -2]);
  const endless = new BitReader(Buffer.alloc(8));
  endless.ue();
  t.equal(endless.overrun, true);
});

t.test('codec: emulation prevention bytes are taken out, and only those [H.264 §7.4.1.1]', async (t) => {
  t.same(rbsp(Buffer.from([0x67, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]), 1), Buffer.from([0, 0, 1, 0, 0, 0, 0]));
  t.same(rbsp(Buffer.from([0x67, 0, 3, 0, 0, 1]), 1), Buffer.from([0, 3, 0, 0, 1]));
});

t.test('codec: NAL units are told apart', async (t) => {
  const kinds264 = [1, 5, 6, 7, 8, 9, 10, 12, 14].map((type) => nalRules('h264').kind(Buffer.from([type])));
  t.same(kinds264, ['slice', 'slice', 'leading', 'sps', 'pps', 'leading', 'trailing', 'trailing', 'leading']);
  const kinds265 = [1, 19, 32, 33, 34, 35, 36, 39, 40].map((type) =>
    nalRules('h265').kind(Buffer.from([type << 1])),
  );
  t.same(kinds265, ['slice', 'slice', 'vps', 'sps', 'pps', 'leading', 'trailing', 'leading', 'trailing']);
  t.equal(nalRules('h264').isKey(Buffer.from([0x65])), true);
  t.equal(nalRules('h264').isKey(Buffer.from([0x41])), false);
  t.equal(nalRules('h265').isKey(Buffer.from([21 << 1, 1])), true, 'CRA');
  t.equal(nalRules('h265').isKey(Buffer.from([1 << 1, 1])), false);
});
