import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { type ClipName, clip, nalType, splitAnnexB } from '../support/clips.ts';
import { readMp4 } from '../support/mp4-reader.ts';

const run = promisify(execFile);
const FOLDER = new URL('../fixtures/clips/', import.meta.url).pathname;
const UUID_BYTES = 16;

const CLIPS: readonly { name: ClipName; file: string; pictures: number; gop: number }[] = [
  { name: 'h264', file: 'h264.264', pictures: 60, gop: 15 },
  { name: 'h265', file: 'h265.265', pictures: 60, gop: 30 },
  { name: 'h264-small', file: 'h264-small.264', pictures: 15, gop: 15 },
  { name: 'h265-small', file: 'h265-small.265', pictures: 15, gop: 15 },
];

for (const { name, file, pictures, gop } of CLIPS) {
  t.test(
    `${name}: ${pictures} pictures, a key picture every ${gop}, parameter sets before each, small`,
    async (t) => {
      const { units, codec, parameterSets } = clip(name);
      t.equal(units.length, pictures);
      t.strictSame(
        units.filter(({ key }) => key).map(({ index }) => index),
        Array.from({ length: pictures / gop }, (_, i) => i * gop),
      );
      const types = parameterSets.map((set) => nalType(set, codec));
      t.strictSame(types, codec === 'h264' ? [7, 8] : [32, 33, 34]);
      for (const { nals } of units.filter(({ key }) => key)) {
        const inside = nals.map((nal) => nalType(nal, codec));
        t.ok(types.every((type) => inside.includes(type)));
      }
      t.ok(statSync(join(FOLDER, file)).size <= 250_000);
    },
  );

  t.test(`${name}: ffmpeg decodes every picture without complaint and finds no B frame`, async (t) => {
    const show = ['-count_frames', '-show_entries', 'frame=pict_type', '-of', 'csv=p=0'];
    const { stdout, stderr } = await run('ffprobe', ['-v', 'warning', ...show, join(FOLDER, file)]);
    t.equal(stderr, '');
    const kinds = stdout.match(/\b[IPB]\b/g) ?? [];
    t.equal(kinds.length, pictures);
    t.notOk(kinds.some((kind) => kind === 'B'));
  });

  t.test(`${name}: its first picture carries SEI user data unregistered`, async (t) => {
    const { units, codec } = clip(name);
    const sei = units[0]?.nals.find((nal) => nalType(nal, codec) === (codec === 'h264' ? 6 : 39));
    t.equal(sei?.[codec === 'h264' ? 1 : 2], 5);
    t.ok((sei?.length ?? 0) > UUID_BYTES);
  });
}

t.test(
  'a byte stream is cut at start codes of three and of four bytes, trailing zeros left out',
  async (t) => {
    const nals = splitAnnexB(Buffer.from('000000016701020000010168aa00000000000165bb', 'hex'));
    t.strictSame(
      nals.map((nal) => nal.toString('hex')),
      ['670102', '0168aa', '65bb'],
    );
    t.strictSame(splitAnnexB(Buffer.alloc(0)), []);
  },
);

for (const [name, tag] of [
  ['h264', 'avc1'],
  ['h265', 'hvc1'],
] as const) {
  t.test(`the independent reader finds the ${name} clip in a fragmented MP4 by ffmpeg`, async (t) => {
    const file = join(t.testdir(), 'out.mp4');
    const input = ['-r', '15', '-i', join(FOLDER, `${name}.${name.slice(1)}`)];
    const output = [
      '-c',
      'copy',
      '-tag:v',
      tag,
      '-movflags',
      'frag_keyframe+empty_moov+default_base_moof',
      file,
    ];
    await run('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...output]);
    const video = await readMp4(readFileSync(file));
    const { units } = clip(name);
    t.match(video, { codec: name, width: 640, height: 360 });
    t.strictSame(
      video.samples.map(({ nals, key }) => [key, nals.map(withoutStartCodeZero)]),
      units.map(({ nals, key }) => [key, nals.map((nal) => nal.toString('base64'))]),
    );
    const times = video.samples.map(({ timestampS, durationS }) =>
      [timestampS, durationS].map((s) => s.toFixed(4)),
    );
    t.strictSame(
      times,
      units.map((_, i) => [(i / 15).toFixed(4), (1 / 15).toFixed(4)]),
    );
  });
}

/** ffmpeg leaves the first zero of the next picture's start code at the end of an H.265 picture. */
function withoutStartCodeZero(nal: Buffer): string {
  return nal.subarray(0, nal.at(-1) === 0 ? -1 : undefined).toString('base64');
}
