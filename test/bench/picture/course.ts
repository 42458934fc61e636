import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessUnit } from '../../../agent/camera/types.ts';
import { REDUCING } from '../../../agent/video/picture/decoder.ts';
import { type KeyFrame, PictureSource } from '../../../agent/video/picture/picture-source.ts';
import {
  SMALL_PICTURE_BYTES,
  type SmallPicture,
  smallPicture,
} from '../../../agent/video/picture/small-picture.ts';
import { clipFrom } from '../../support/clips.ts';
import { ffmpeg, ffmpegStream } from './ffmpeg.ts';
import { commandsOf, type Film, FRAMES_PER_MOMENT, filmArguments } from './film.ts';

/** What a look at one moment would be given. */
export interface Sight {
  /** The key frame with what the stream says since this was asked last. */
  readonly keyFrame: () => KeyFrame | undefined;
  /** The key frame as the decoder of the product gives it. */
  readonly picture: SmallPicture;
}

/** Films a course and yields its moments one after the other. */
export async function* sightsOf(
  folder: string,
  name: string,
  film: Omit<Film, 'commandFile'>,
): AsyncGenerator<Sight> {
  const stream = await filmed(folder, name, film);
  const units = clipFrom(stream, 'h264', 25).units;
  if (units.length !== film.moments.length * FRAMES_PER_MOMENT)
    throw new Error(
      `expected ${film.moments.length} moments in ${name}, came ${units.length / FRAMES_PER_MOMENT}`,
    );
  const [sps, pps] = clipFrom(stream.subarray(0, 100_000), 'h264', 25).parameterSets;
  const source = new PictureSource({
    codec: 'h264',
    clockRate: 90_000,
    parameterSets: { ...(sps && { sps }), ...(pps && { pps }) },
  });
  let next = 0;
  for await (const picture of keyPictures(stream)) {
    let taken: KeyFrame | undefined;
    const [key, ...others] = units.slice(next, next + FRAMES_PER_MOMENT).map(accessUnit);
    next += FRAMES_PER_MOMENT;
    let passed = false;
    const keyFrame = () => {
      passed = true;
      if (key) taken ??= source.take(key, true);
      return taken;
    };
    yield { keyFrame, picture };
    if (!passed && key) source.take(key, false);
    for (const other of others) source.take(other, false);
  }
}

/** Films are kept in the folder that `BEFFROI_FILMS` names: whoever works on the judge needs them again and again. */
async function filmed(folder: string, name: string, film: Omit<Film, 'commandFile'>): Promise<Buffer> {
  const commandFile = join(folder, `${name}.commands`);
  const commands = commandsOf(film.moments) || '0 nothing do x;';
  const args = filmArguments({ ...film, commandFile });
  const kept = process.env.BEFFROI_FILMS;
  const told = args.join(' ').replaceAll(commandFile, '').replaceAll(folder, '');
  const key = createHash('sha256').update(told).update(commands).digest('hex');
  const file = kept && join(kept, key);
  const known = file && (await readFile(file).catch(() => undefined));
  if (known) return known;
  await writeFile(commandFile, commands);
  const stream = await ffmpeg(args);
  if (file) {
    await writeFile(`${file}.part`, stream);
    await rename(`${file}.part`, file);
  }
  return stream;
}

function accessUnit({ nals, key }: { nals: readonly Buffer[]; key: boolean }): AccessUnit {
  const memory = { bytes: Buffer.alloc(0), hold: () => undefined, release: () => undefined };
  return { ...memory, nals, key, damaged: false, rtpTime: 0, receivedWallMs: 0, receivedMonotonicMs: 0 };
}

/** Every key frame, reduced as the product reduces it. */
async function* keyPictures(stream: Buffer): AsyncGenerator<SmallPicture> {
  const args = [
    '-threads',
    '1',
    '-skip_frame',
    'nokey',
    '-f',
    'h264',
    '-i',
    'pipe:0',
    '-vsync',
    '0',
    ...REDUCING,
  ];
  let rest: Buffer = Buffer.alloc(0);
  for await (const part of ffmpegStream(args, stream)) {
    rest = rest.length > 0 ? Buffer.concat([rest, part]) : part;
    for (; rest.length >= SMALL_PICTURE_BYTES; rest = rest.subarray(SMALL_PICTURE_BYTES)) {
      yield smallPicture(new Uint8Array(rest.subarray(0, SMALL_PICTURE_BYTES)));
    }
  }
}
