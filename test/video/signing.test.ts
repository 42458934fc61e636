import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { GstRecorder } from '../support/gst-recorder.ts';
import { readMp4 } from '../support/mp4-reader.ts';
import { camera, mediaOf, parts, received } from './parts.ts';
import { cameraAt } from './plane.ts';

const MIB = 2 ** 20;
const SCRIPT = join(import.meta.dirname, '../support/media-signing.py');
const CLIPS = join(import.meta.dirname, '../fixtures/clips');
const ENOUGH = 150;

type Codec = 'h264' | 'h265';

const signing = (...args: string[]): Buffer => execFileSync('/usr/bin/python3', [SCRIPT, ...args]);

interface Verdict {
  readonly groups: readonly ('valid' | 'invalid' | 'unsigned')[];
  /** SHA-256 of each NAL unit, in order. */
  readonly nals: readonly string[];
}

const verify = (codec: Codec, file: string, key: string): Verdict =>
  JSON.parse(signing('verify', codec, file, key).toString());

/** With an access unit delimiter before each picture: GStreamer's camera would put them in behind the signature. */
function delimited(codec: Codec, out: string): string {
  const clip = join(CLIPS, `${codec}.${codec.slice(1)}`);
  if (codec === 'h265') return clip;
  const args = [
    '-v',
    'error',
    '-i',
    clip,
    '-c',
    'copy',
    '-bsf:v',
    'h264_metadata=aud=insert',
    '-f',
    'h264',
    out,
  ];
  execFileSync('ffmpeg', args);
  return out;
}

/** ffmpeg would put parameter sets between: the samples are taken out as they lie. */
async function byteStream(mp4: Buffer): Promise<Buffer> {
  const { samples } = await readMp4(mp4);
  return Buffer.concat(
    samples.flatMap(({ nals }) => nals.flatMap((nal) => [Buffer.from([0, 0, 0, 1]), nal])),
  );
}

/** How many of the NAL units stand in the source in the same order without a gap, which goes round. */
function run(source: readonly string[], nals: readonly string[]): number {
  const round = [...source, ...source];
  return Math.max(
    ...source.map((_, from) => {
      const end = nals.findIndex((nal, i) => nal !== round[(from + i) % source.length]);
      return end < 0 ? nals.length : end;
    }),
  );
}

/** How many NAL units the media server put before the first picture: they come again behind themselves. */
function repeated(nals: readonly string[]): number {
  return Math.max(0, nals.slice(1, 12).indexOf(nals[0] ?? '') + 1);
}

/** A folder with the files `key` and `public` of a camera. @returns the path of a file in it */
async function withKeys(t: Test): Promise<(name: string) => string> {
  const folder = await mkdtemp(join(tmpdir(), 'signing-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(at('key'), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  await writeFile(at('public'), pair.publicKey.export({ type: 'spki', format: 'pem' }));
  return at;
}

for (const codec of ['h264', 'h265'] as const) {
  t.test(
    `signed video: ${codec}: verifies at the far end of both destinations, every NAL unit of it`,
    async (t) => {
      const at = await withKeys(t);
      const clip = delimited(codec, at('clip'));
      await writeFile(at('signed'), signing('sign', codec, clip, at('key')));
      const source = verify(codec, at('signed'), at('public'));
      t.ok(source.groups.length > 1 && source.groups.every((one) => one === 'valid'));

      const { plane, subscriber } = await parts(t);
      const gst = await camera(t, { codec, file: at('signed'), fps: 50 });
      const recorder = await GstRecorder.start({ codec, out: at('recorded') });
      t.teardown(() => recorder.kill());
      const destinations = [
        { id: 'mqtt', kind: 'mqtt', creditBytes: 4 * MIB },
        { id: 'dst-a', kind: 'rtsp', url: recorder.url, creditBytes: 4 * MIB },
      ] as const;
      plane.agent.link.setCameras([cameraAt('cam-a', gst.url, { destinations: [...destinations] })]);
      await received(subscriber, ENOUGH);
      await plane.agent.until(() => recorder.pictures.length >= ENOUGH); // looked at with each measure
      plane.agent.link.setCameras([]);
      await plane.agent.phase('cam-a', 'stopped');
      await recorder.kill();

      await writeFile(at('copied'), await byteStream(Buffer.concat(mediaOf(subscriber))));
      const ends = [
        ['the broker', verify(codec, at('copied'), at('public'))],
        ['the media server', verify(codec, at('recorded'), at('public'))],
      ] as const;
      for (const [name, { groups, nals }] of ends) {
        // The server repeats the parameter sets before its first picture; the last group is cut off.
        const whole = groups.slice(1, -1);
        t.ok(
          whole.length > 0 && whole.every((one) => one === 'valid'),
          `${name}: every whole group is authentic`,
        );
        const from = name === 'the broker' ? 0 : repeated(nals);
        t.equal(
          run(source.nals, nals.slice(from)),
          nals.length - from,
          `${name}: none is missing, added or altered`,
        );
      }
    },
  );
}

t.test('signed video: the check of these tests notices what a forwarder must not do', async (t) => {
  const at = await withKeys(t);
  const signed = signing('sign', 'h264', join(CLIPS, 'h264-small.264'), at('key'));
  const nals = signed.toString('latin1').split('\0\0\0\x01').slice(1);
  const uuid = Buffer.from('005bc93f2d715e95ada4796f90877a6f', 'hex').toString('latin1');
  const sei = nals.findIndex((nal) => nal.includes(uuid));
  const made: [what: string, verdict: string, nals: string[]][] = [
    ['nothing', 'valid', nals],
    ['the SEI lost', 'unsigned', nals.filter((_, i) => i !== sei)],
    ['a picture lost', 'invalid', nals.filter((_, i) => i !== sei - 3)],
    ['two moved', 'invalid', nals.with(sei - 3, nals[sei - 4] ?? '').with(sei - 4, nals[sei - 3] ?? '')],
    ['one byte altered', 'invalid', nals.with(sei - 3, `${nals[sei - 3]?.slice(0, -1)}!`)],
  ];
  for (const [what, verdict, changed] of made) {
    await writeFile(at('changed'), Buffer.from(changed.map((nal) => `\0\0\0\x01${nal}`).join(''), 'latin1'));
    t.equal(verify('h264', at('changed'), at('public')).groups[0], verdict, what);
  }
});
