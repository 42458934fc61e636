import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import t from 'tap';
import { systemClock } from '../../../agent/base/clock.ts';
import type { VideoCodec } from '../../../agent/camera/types.ts';
import { KeyFrameDecoder } from '../../../agent/video/picture/decoder.ts';
import { SMALL_PICTURE_BYTES } from '../../../agent/video/picture/small-picture.ts';
import { clip } from '../../support/clips.ts';
import { childrenOf } from '../../support/processes.ts';
import * as fc from '../../support/properties.ts';
import { TestClock } from '../../support/test-clock.ts';

const never = () => new AbortController().signal;

/** A key frame of one colour with its parameter sets. */
function plain(codec: VideoCodec, level: number): Buffer {
  const encoder = codec === 'h264' ? 'libx264' : 'libx265';
  const source = `color=gray:size=640x360,format=yuv420p,lutyuv=y=${level}:u=90:v=150`;
  const args = ['-frames:v', '1', '-c:v', encoder, '-f', codec === 'h264' ? 'h264' : 'hevc', 'pipe:1'];
  const quiet = codec === 'h265' ? ['-x265-params', 'log-level=none'] : [];
  return execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', source, ...quiet, ...args]);
}

const start = Buffer.from([0, 0, 0, 1]);

/** The first key frame of a clip that the repository keeps. */
function firstKeyFrame(name: 'h264' | 'h265'): Buffer {
  const { units, parameterSets } = clip(name);
  const nals = [...parameterSets, ...(units.find(({ key }) => key)?.nals ?? [])];
  return Buffer.concat(nals.flatMap((nal) => [start, nal]));
}

function real(): KeyFrameDecoder {
  return new KeyFrameDecoder({ clock: systemClock }, { program: 'ffmpeg' });
}

/** A decoder that does what the script says instead. */
async function scripted(
  t: { testdir(): string },
  script: string,
  clock: TestClock | typeof systemClock = systemClock,
) {
  const program = join(t.testdir(), 'decoder');
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  return new KeyFrameDecoder({ clock }, { program });
}

for (const codec of ['h264', 'h265'] as const) {
  t.test(
    `picture: a key frame of ${codec} is decoded to the small picture, through pipes alone`,
    async (t) => {
      const { luma, chroma } = await real().decode(codec, plain(codec, 140), never());
      t.ok(luma.every((value) => Math.abs(value - 140) <= 2));
      t.ok(chroma.subarray(0, chroma.length / 2).every((value) => Math.abs(value - 90) <= 3));
      t.ok(chroma.subarray(chroma.length / 2).every((value) => Math.abs(value - 150) <= 3));
      const camera = await real().decode(codec, firstKeyFrame(codec), never());
      t.equal(camera.luma.length + camera.chroma.length, SMALL_PICTURE_BYTES);
    },
  );
}

t.test(
  'picture: what is no key frame is told as undecodable, with the words of the decoder quoted and cut',
  async (t) => {
    const garbage = Buffer.concat([start, Buffer.alloc(5000, 'password')]);
    await t.rejects(real().decode('h264', garbage, never()), { code: 'picture-undecodable' });
    await t.rejects(real().decode('h264', Buffer.alloc(0), never()), { code: 'picture-undecodable' });
    const cut = plain('h264', 100).subarray(0, 40);
    await t.rejects(real().decode('h264', cut, never()), { code: 'picture-undecodable' });
  },
);

t.test('picture: a box without the decoder says so', async (t) => {
  const absent = new KeyFrameDecoder({ clock: systemClock }, { program: '/nonexistent/ffmpeg' });
  await t.rejects(absent.decode('h264', Buffer.alloc(10), never()), { code: 'picture-decoder-missing' });
  const inPath = new KeyFrameDecoder({ clock: systemClock }, { program: 'no-such-decoder' });
  await t.rejects(inPath.decode('h264', Buffer.alloc(10), never()), { code: 'picture-decoder-missing' });
  const file = join(t.testdir({ decoder: 'no program' }), 'decoder');
  const noProgram = new KeyFrameDecoder({ clock: systemClock }, { program: file });
  await t.rejects(noProgram.decode('h264', Buffer.alloc(10), never()), { code: 'picture-decoder-missing' });
});

/** Waits for a child that was not there before. */
async function newChild(before: readonly number[]): Promise<number> {
  for (;;) {
    const child = (await childrenOf(process.pid)).find((pid) => !before.includes(pid));
    if (child !== undefined) return child;
  }
}

t.test('picture: a decoder that hangs is killed when its time is over', async (t) => {
  const clock = new TestClock();
  const before = await childrenOf(process.pid);
  const decoding = (await scripted(t, 'exec sleep 1000', clock)).decode(
    'h264',
    Buffer.alloc(1_000_000),
    never(),
  );
  const refused = t.rejects(decoding, { code: 'picture-decoder-failed', message: /within 15000 ms/ });
  const child = await newChild(before);
  await clock.advance(15_000);
  await refused;
  while (existsSync(`/proc/${child}`)) await new Promise((resolve) => setImmediate(resolve));
  t.pass('and its process is gone');
});

t.test('picture: a decoder is killed when the process stops', async (t) => {
  const stopping = new AbortController();
  const before = await childrenOf(process.pid);
  const decoding = (await scripted(t, 'exec sleep 1000')).decode('h264', Buffer.alloc(10), stopping.signal);
  const refused = t.rejects(decoding, /stopping/);
  const child = await newChild(before);
  stopping.abort(new Error('stopping'));
  await refused;
  while (existsSync(`/proc/${child}`)) await new Promise((resolve) => setImmediate(resolve));
  t.pass('and its process is gone');
});

t.test('picture: what a decoder has started ends with it', async (t) => {
  const clock = new TestClock();
  const decoder = await scripted(t, 'sleep 1000 & wait', clock);
  const before = await childrenOf(process.pid);
  const refused = t.rejects(decoder.decode('h264', Buffer.alloc(10), never()), {
    code: 'picture-decoder-failed',
  });
  const wrapper = await newChild(before);
  let [inner] = await childrenOf(wrapper);
  while (inner === undefined) [inner] = await childrenOf(wrapper);
  await clock.advance(15_000);
  await refused;
  while (existsSync(`/proc/${inner}`)) await new Promise((resolve) => setImmediate(resolve));
  t.pass('both are gone');
});

const DECODER = new URL('../../../agent/video/picture/decoder.ts', import.meta.url).href;
const CLOCK = new URL('../../../agent/base/clock.ts', import.meta.url).href;

/** Another process that decodes, as the video process does. @param prepare what it does first */
function decodingProcess(program: string, prepare = ''): ChildProcess {
  const code = `
    import { closeSync, openSync } from 'node:fs';
    import { systemClock } from '${CLOCK}';
    import { KeyFrameDecoder } from '${DECODER}';
    const decoder = new KeyFrameDecoder({ clock: systemClock }, { program: '${program}' });
    const decode = () => decoder.decode('h264', Buffer.alloc(10), new AbortController().signal);
    ${prepare}
    await decode().catch(({ code }) => console.log(code));
  `;
  const args = ['--input-type=module-typescript', '-e', code];
  return spawn('/bin/sh', ['-c', 'ulimit -n 64; exec "$0" "$@"', process.execPath, ...args], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function collected(stream: Readable | null): Promise<string> {
  let text = '';
  for await (const part of stream ?? []) text += part;
  return text;
}

t.test('picture: a decoder that hangs does not outlive a video process that is killed', async (t) => {
  const program = join(t.testdir(), 'decoder');
  await writeFile(program, '#!/bin/sh\nexec sleep 1000\n', { mode: 0o755 });
  const video = decodingProcess(program);
  let decoder: number | undefined;
  while (decoder === undefined)
    for (const pid of await childrenOf(video.pid ?? 0))
      if ((await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).startsWith('sleep')) decoder = pid;
  video.kill('SIGKILL');
  while (existsSync(`/proc/${decoder}`)) await new Promise((resolve) => setImmediate(resolve));
  t.pass('it has ended');
});

t.test('picture: a process that has no descriptor left for pipes goes on without a picture', async (t) => {
  const fill = `
    const all = [];
    for (;;) { try { all.push(openSync('/dev/null')); } catch { break; } }
    process.once('exit', () => all.forEach(closeSync)); // who measures the tests writes a file at the end
  `;
  const video = decodingProcess('ffmpeg', `await decode().catch(() => undefined); ${fill}`);
  const said = collected(video.stdout);
  const [code] = await once(video, 'close');
  t.same([code, await said], [0, 'picture-decoder-failed\n']);
});

t.test('picture: a decoder that crashes, floods or says too little gives no picture', async (t) => {
  const cases: [script: string, code: string][] = [
    ['kill -SEGV $$', 'picture-decoder-failed'],
    ['exec cat /dev/zero', 'picture-decoder-failed'],
    ['cat /dev/zero >&2', 'picture-decoder-failed'],
    ['head -c 1000 /dev/zero', 'picture-undecodable'],
    ['exit 1', 'picture-undecodable'],
  ];
  for (const [script, code] of cases) {
    const decoder = await scripted(
      t,
      script.includes('>&2') ? `${script} & sleep 0.2; kill -KILL $!; kill -ABRT $$` : script,
    );
    await t.rejects(decoder.decode('h264', Buffer.alloc(100_000), never()), { code }, script);
  }
});

t.test(
  'picture: the decoder leaves no core dump, writes no file, is bounded in memory and time, and goes first',
  async (t) => {
    const limits = 'ulimit -c; ulimit -f; ulimit -v; ulimit -t; cat /proc/$$/oom_score_adj';
    const decoder = await scripted(t, `(${limits}) >&2; exit 3`);
    await t.rejects(decoder.decode('h264', Buffer.alloc(10), never()), {
      message: /"0\\n0\\n2097152\\n5\\n1000"/,
    });
    const file = join(t.testdirName, 'picture');
    const writer = await scripted(t, `head -c 100000 /dev/zero > ${file}; exit 4`);
    await t.rejects(writer.decode('h264', Buffer.alloc(10), never()), { code: 'picture-undecodable' });
    t.equal(execFileSync('stat', ['-c', '%s', file], { encoding: 'utf8' }).trim(), '0');
  },
);

t.test('picture: no setting of the environment makes the decoder write a report', async (t) => {
  const stream = plain('h264', 100);
  const report = join(t.testdir(), 'report.log');
  process.env.FFREPORT = `file=${report}`;
  t.teardown(() => delete process.env.FFREPORT);
  await real().decode('h264', stream, never());
  t.notOk(existsSync(report));
});

/** H.264, baseline profile: a sequence parameter set of so many blocks of 16×16. @see ITU-T H.264 §7.3.2.1.1 */
function hugeSps(blocksAcross: number, blocksDown: number): Buffer {
  const ue = (value: number) => {
    const bits = (value + 1).toString(2);
    return '0'.repeat(bits.length - 1) + bits;
  };
  const size = ue(blocksAcross - 1) + ue(blocksDown - 1);
  const bits = `${ue(0)}${ue(0)}${ue(2)}${ue(16)}0${size}1100 1`.replaceAll(' ', '');
  const bytes = bits.match(/.{1,8}/g)?.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)) ?? [];
  return Buffer.from([0x67, 66, 0, 62, ...bytes]);
}

t.test('picture: a camera that says it sends 16,384 × 16,384 pixels is told as undecodable', async (t) => {
  const { units, parameterSets } = clip('h264');
  const [, pps = Buffer.alloc(0)] = parameterSets;
  const nals = [hugeSps(1024, 1024), pps, ...(units.find(({ key }) => key)?.nals ?? [])];
  const slices = nals.filter((nal, index) => index < 2 || [1, 5].includes((nal[0] ?? 0) & 31));
  const stream = Buffer.concat(slices.flatMap((nal) => [start, nal]));
  await t.rejects(real().decode('h264', stream, never()), { code: 'picture-undecodable' });
});

t.test('picture: a key frame of which bytes are changed gives a picture or an error of ours', async (t) => {
  for (const codec of ['h264', 'h265'] as const) {
    const whole = firstKeyFrame(codec);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    const changes = fc.array(change, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(whole.length), async (bytes, length) => {
        const stream = Buffer.from(whole);
        for (const [at, value] of bytes) stream[at < 200 ? at : at % 400] = value;
        const end = await real()
          .decode(codec, stream.subarray(0, length < 200 ? undefined : length), never())
          .catch((err) => err.code);
        t.ok(
          end.luma ? end.luma.length === 320 * 180 : /^picture-(undecodable|decoder-failed)$/.test(end),
          String(end),
        );
      }),
      { numRuns: 12 },
    );
  }
});
