import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { SimulatedCamera } from '../support/camera/camera.ts';
import type { RtspOptions } from '../support/camera/rtsp-options.ts';
import { clip, clipFrom } from '../support/clips.ts';

const run = promisify(execFile);
const LOGIN = { user: 'opérateur', password: 's3:c"r@et' };
const FRAMES = 40;

function withLogin(url: string, password = LOGIN.password): string {
  return url.replace('//', `//${encodeURIComponent(LOGIN.user)}:${encodeURIComponent(password)}@`);
}

async function started(codec: 'h264' | 'h265', rtsp: Partial<RtspOptions> = {}): Promise<SimulatedCamera> {
  const all = { maxCatchUpMs: Number.POSITIVE_INFINITY, ...rtsp };
  const camera = new SimulatedCamera({ name: 'cam', clip: codec, ...LOGIN, rtsp: all });
  await camera.start();
  return camera;
}

/** What ffmpeg writes that pulled the camera without decoding. */
async function pulled(camera: SimulatedCamera, codec: 'h264' | 'h265', folder: string): Promise<Buffer[]> {
  const file = join(folder, `out.${codec}`);
  const input = ['-rtsp_transport', 'tcp', '-allowed_media_types', 'video', '-i', withLogin(camera.rtsp.url)];
  const output = ['-c', 'copy', '-frames:v', String(FRAMES), '-f', codec === 'h264' ? 'h264' : 'hevc', file];
  await run('ffmpeg', ['-nostdin', '-v', 'error', ...input, ...output]);
  return clipFrom(readFileSync(file), codec, 15).units.flatMap(({ nals }) => nals);
}

/** Asserts that `nals` are the clip's, looped, from a key picture on. */
function expectLooped(t: Test, nals: readonly Buffer[], codec: 'h264' | 'h265'): void {
  const { units } = clip(codec);
  const starts = units.filter(({ key }) => key).map(({ index }) => index);
  const runs = starts.map((start) => [...units.slice(start), ...units].flatMap((unit) => unit.nals));
  const same = runs.some((run) => nals.every((nal, i) => run[i]?.equals(nal)));
  t.ok(same, `the ${nals.length} NAL units are those of the clip, in order, from a key picture on`);
}

const LOGINS: readonly ['h264' | 'h265', RtspOptions['login']][] = [
  ['h264', 'md5'],
  ['h265', 'both'],
  ['h264', 'legacy'],
];

for (const [codec, login] of LOGINS) {
  t.test(`ffmpeg gets the ${codec} clip byte for byte after a ${login} digest login`, async (t) => {
    const camera = await started(codec, { login });
    t.teardown(() => camera.stop());
    const nals = await pulled(camera, codec, t.testdir());
    t.ok(nals.length > FRAMES - 3);
    expectLooped(t, nals, codec);
    const { loginsRefused, loginsAccepted, audioSetups, plays } = camera.counters.rtsp;
    t.match(
      { loginsRefused, loginsAccepted, audioSetups, plays },
      {
        loginsRefused: 0,
        loginsAccepted: 1,
        audioSetups: 0,
        plays: 1,
      },
    );
  });
}

/** What ffprobe complains of; empty when it is content. */
async function refusal(camera: SimulatedCamera, password: string): Promise<string> {
  const input = [
    '-rtsp_transport',
    'tcp',
    '-allowed_media_types',
    'video',
    '-i',
    withLogin(camera.rtsp.url, password),
  ];
  return run('ffprobe', ['-v', 'error', ...input]).then(
    ({ stderr }) => stderr,
    (error: { stderr: string }) => error.stderr,
  );
}

for (const [codec, name] of [
  ['h264', 'h264'],
  ['h265', 'hevc'],
] as const) {
  t.test(`ffprobe recognises a ${codec} stream whose SDP has no parameter sets`, async (t) => {
    const camera = await started(codec, {
      sprop: false,
      control: 'absolute',
      metadataTrack: false,
      audioTrack: false,
    });
    t.teardown(() => camera.stop());
    const show = ['-show_entries', 'stream=codec_name,width,height,avg_frame_rate', '-of', 'csv=p=0'];
    const input = ['-rtsp_transport', 'tcp', '-i', withLogin(camera.rtsp.url)];
    const { stdout } = await run('ffprobe', ['-v', 'error', ...show, ...input]);
    t.equal(stdout.trim(), `${name},640,360,15/1`);
  });
}

t.test('a wrong password is refused and counted, and nothing is played', async (t) => {
  const camera = await started('h264');
  t.teardown(() => camera.stop());
  t.match(await refusal(camera, 'guess'), /401 Unauthorized/);
  t.equal(
    camera.counters.rtsp.loginsRefused,
    1,
    'the first request, without credentials, is no refused login',
  );
  t.equal(camera.counters.rtsp.plays, 0);
});

t.test('after a change of password the old one is refused and the new one taken', async (t) => {
  const camera = await started('h264');
  t.teardown(() => camera.stop());
  camera.setPassword('new');
  t.match(await refusal(camera, LOGIN.password), /401 Unauthorized/);
  t.equal(await refusal(camera, 'new'), '');
});
