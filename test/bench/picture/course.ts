import { writeFile } from 'node:fs/promises';
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
import { ffmpegStream } from './ffmpeg.ts';
import { commandsOf, type Film, FRAMES_PER_MOMENT, filmArguments } from './film.ts';

/** What a look at one moment would be given. */
export interface Sight {
  /** The key frame with what the stream says since this was asked last. */
  readonly keyFrame: () => KeyFrame | undefined;
  /** The key frame as the decoder of the product gives it. */
  readonly picture: SmallPicture;
}

/** Films a course and yields its moments one after the other; it is filmed no further than it is looked at. */
export async function* sightsOf(
  folder: string,
  name: string,
  film: Omit<Film, 'commandFile'>,
): AsyncGenerator<Sight> {
  const commandFile = join(folder, `${name}.commands`);
  await writeFile(commandFile, commandsOf(film.moments) || '0 nothing do x;');
  const coded: Buffer[] = [];
  const filmed = momentsIn(ffmpegStream(filmArguments({ ...film, commandFile })), coded);
  let source: PictureSource | undefined;
  let count = 0;
  for await (const picture of keyPictures(filmed)) {
    const { units, parameterSets } = clipFrom(coded.shift() ?? Buffer.alloc(0), 'h264', 25);
    if (units.length !== FRAMES_PER_MOMENT)
      throw new Error(`expected ${FRAMES_PER_MOMENT} pictures a moment in ${name}, came ${units.length}`);
    source ??= sourceOf(parameterSets);
    count += 1;
    yield* sightOf(source, picture, units.map(accessUnit));
  }
  if (count !== film.moments.length)
    throw new Error(`expected ${film.moments.length} moments in ${name}, came ${count}`);
}

function* sightOf(
  source: PictureSource,
  picture: SmallPicture,
  [key, ...others]: AccessUnit[],
): Generator<Sight> {
  let taken: KeyFrame | undefined;
  let passed = false;
  const keyFrame = () => {
    passed = true;
    if (!taken && key) {
      taken = source.take(key, true);
      source.looked();
    }
    return taken;
  };
  yield { keyFrame, picture };
  if (!passed && key) source.take(key, false);
  for (const other of others) source.take(other, false);
}

function sourceOf([sps, pps]: readonly Buffer[]): PictureSource {
  const parameterSets = { ...(sps && { sps }), ...(pps && { pps }) };
  return new PictureSource({ codec: 'h264', clockRate: 90_000, parameterSets });
}

/** The start code of a sequence parameter set, which every key frame of the film comes with. */
const MOMENT_START = Buffer.from([0, 0, 0, 1, 0x67]);

/** A film cut into its moments. @param coded where they are put as well */
async function* momentsIn(film: AsyncIterable<Buffer>, coded: Buffer[]): AsyncGenerator<Buffer> {
  const tell = (moment: Buffer) => {
    coded.push(moment);
    return moment;
  };
  let rest = Buffer.alloc(0);
  for await (const part of film) {
    rest = Buffer.concat([rest, part]);
    for (let next = rest.indexOf(MOMENT_START, 1); next > 0; next = rest.indexOf(MOMENT_START, 1)) {
      yield tell(rest.subarray(0, next));
      rest = rest.subarray(next);
    }
  }
  if (rest.length > 0) yield tell(rest);
}

function accessUnit({ nals, key }: { nals: readonly Buffer[]; key: boolean }): AccessUnit {
  const memory = { bytes: Buffer.alloc(0), hold: () => undefined, release: () => undefined };
  return { ...memory, nals, key, damaged: false, rtpTime: 0, receivedWallMs: 0, receivedMonotonicMs: 0 };
}

/** The key frame of each moment, reduced as the product reduces it. */
async function* keyPictures(moments: AsyncIterable<Buffer>): AsyncGenerator<SmallPicture> {
  const soon = ['-probesize', '100000', '-threads', '1', '-skip_frame', 'nokey'];
  const args = [...soon, '-f', 'h264', '-i', 'pipe:0', '-vsync', '0', ...REDUCING];
  let rest: Buffer = Buffer.alloc(0);
  for await (const part of ffmpegStream(args, moments)) {
    rest = rest.length > 0 ? Buffer.concat([rest, part]) : part;
    for (; rest.length >= SMALL_PICTURE_BYTES; rest = rest.subarray(SMALL_PICTURE_BYTES)) {
      yield smallPicture(new Uint8Array(rest.subarray(0, SMALL_PICTURE_BYTES)));
    }
  }
}
