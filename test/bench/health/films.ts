import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClipFile } from '../../support/camera/file-clip.ts';
import { seededRandom } from '../../support/camera/random.ts';
import { type Fault, type Show, showOf } from '../picture/faults.ts';
import { ffmpeg } from '../picture/ffmpeg.ts';
import { missingPhotos, PHOTO_PACKAGES, PHOTOS, type Photo } from '../picture/photos.ts';
import { FRAME, MARGIN, STILL } from '../picture/stills.ts';
import { Studio } from '../picture/studio.ts';

/** What befalls the picture of a camera. */
export const SHOWN = ['frozen', 'black', 'covered', 'defocused', 'turned'] as const satisfies Fault[];
type Shown = (typeof SHOWN)[number];

/** Streets that the thresholds of the judge were not chosen on; camera n looks at photograph n. */
const VIEWS = ['crossing', 'arcade', 'shop'];
const FRAMES_PER_SECOND = 10;
const GOP_FRAMES = 20;
/** Seven key frames: two looks that are a minute apart never find the same one, which would not be decoded again. */
const FRAMES = 140;
const AT_A_TIME = 2;
const SEED = 77;

/** A view as it is, and with each fault. */
export type Films = Readonly<Record<Shown | 'well', ClipFile>>;

/** 1080p of photographs with a passer-by and the noise of an imager, and the same with each fault at its full strength. */
export async function makeFilms(folder: string): Promise<Films[]> {
  const [missing] = missingPhotos();
  if (missing) throw new Error(`${missing} is missing: apt-get install ${PHOTO_PACKAGES.join(' ')}`);
  const studio = await Studio.open();
  try {
    const photos = VIEWS.map((view) => PHOTOS.find(({ name }) => name === view) as Photo);
    const work = photos.flatMap((photo) =>
      (['well', ...SHOWN] as const).map((shown) => () => film(studio, photo, shown, folder)),
    );
    await Promise.all(Array.from({ length: AT_A_TIME }, () => inTurn(work)));
    const fileOf = (photo: Photo, shown: Shown | 'well') => ({
      file: nameOf(folder, photo, shown),
      codec: 'h264' as const,
      framesPerSecond: FRAMES_PER_SECOND,
    });
    return photos.map((photo) => {
      const of = (shown: Shown | 'well') => fileOf(photo, shown);
      return {
        ...{ well: of('well'), frozen: of('frozen'), black: of('black') },
        ...{ covered: of('covered'), defocused: of('defocused'), turned: of('turned') },
      };
    });
  } finally {
    await studio.close();
  }
}

async function inTurn(work: (() => Promise<void>)[]): Promise<void> {
  for (let next = work.shift(); next; next = work.shift()) await next();
}

function nameOf(folder: string, { name }: Photo, shown: string): string {
  return join(folder, `${name}-${shown}.h264`);
}

async function film(studio: Studio, photo: Photo, shown: Shown | 'well', folder: string): Promise<void> {
  const luma = await studio.luma(photo, 'noon');
  const show = shown === 'well' ? {} : showOf(shown, 'full', luma, seededRandom(SEED));
  const { noon } = await studio.lighting(photo, false, show.turn);
  const input = (file: string, format: string, { width, height }: typeof FRAME | typeof STILL) => [
    ...['-f', 'rawvideo', '-pix_fmt', format, '-s', `${width}x${height}`],
    ...['-r', `${FRAMES_PER_SECOND}`, '-i', file],
  ];
  const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '31', '-bf', '0', '-threads', '1'];
  const keys = `keyint=${GOP_FRAMES}:min-keyint=${GOP_FRAMES}:scenecut=0:repeat-headers=1`;
  const stream = await ffmpeg([
    ...[...input(noon, 'yuv420p', STILL), ...input(studio.props.cover, 'rgba', FRAME)],
    ...['-filter_complex', graphOf(show), '-map', '[film]', '-frames:v', `${FRAMES}`],
    ...[...coded, '-x264-params', keys, '-f', 'h264'],
  ]);
  await writeFile(nameOf(folder, photo, shown), stream);
}

function graphOf({ filter, late, cover }: Show): string {
  const view = [
    `[0]loop=-1:1,setpts=N/${FRAMES_PER_SECOND}/TB`,
    `crop=${FRAME.width}:${FRAME.height}:${MARGIN}:${MARGIN}`,
  ];
  const passerBy = `color=0x303848:s=14x40:r=${FRAMES_PER_SECOND}[passer];[view][passer]overlay=x='mod(n*4,w)':y=h*0.7[seen]`;
  const front = cover === undefined ? '[seen]null[front]' : '[seen][cover]overlay[front]';
  const imager = [
    ...(filter ? [filter] : []),
    'scale=1920:1080:flags=bilinear',
    'noise=alls=8:allf=t',
    ...(late ? ['loop=-1:1', `setpts=N/${FRAMES_PER_SECOND}/TB`, late] : []),
    'format=yuv420p[film]',
  ];
  return [
    `${view.join(',')}[view]`,
    passerBy,
    `[1]loop=-1:1,setpts=N/${FRAMES_PER_SECOND}/TB${cover === undefined ? ',nullsink' : '[cover]'}`,
    front,
    `[front]${imager.join(',')}`,
  ].join(';');
}
