import { seededRandom } from '../../support/camera/random.ts';
import { ffmpeg } from './ffmpeg.ts';
import { BUS, type Photo } from './photos.ts';

/** What the camera sends. */
export const FRAME = { width: 640, height: 360 } as const;
/** Room for the shaking of the mast, pixels on each side. */
export const MARGIN = 8;
/** Stills are this much larger than the frame. */
export const STILL = { width: FRAME.width + 2 * MARGIN, height: FRAME.height + 2 * MARGIN } as const;
/** The photograph is wider than the view by this, so that a camera can turn in it. */
const FIELD_WIDTH = 1088;

const LIGHTS = ['morning', 'noon', 'evening', 'night', 'infrared'] as const;
export type Light = (typeof LIGHTS)[number];

/** How far a camera is turned, as shares of the width and the height of its view. */
export interface Turn {
  readonly right: number;
  readonly down: number;
}

const STRAIGHT: Turn = { right: 0, down: 0 };

/** Raw 4:2:0 of a view in a light. */
export async function still(photo: Photo, light: Light, seed: number, turn = STRAIGHT): Promise<Buffer> {
  const { width, height } = STILL;
  const field = `scale=${FIELD_WIDTH}:-2,scale=w=iw:h='max(ih,${height + 160})',format=yuv420p`;
  const left = `min(iw-${width},24+${Math.round(turn.right * FRAME.width)})`;
  const top = `max(0,min(ih-${height},(ih-${height})*0.4+${Math.round(turn.down * FRAME.height)}))`;
  const view = `crop=${width}:${height}:x='${left}':y='${top}'`;
  const filter = [...(photo.crop ? [`crop=${photo.crop}`] : []), field, view, ...lit(light, seed)].join(',');
  return await ffmpeg(['-i', photo.file, '-vf', filter, '-frames:v', '1', '-f', 'rawvideo']);
}

/** The light of the time of day: shadows of what stands around, lamps at night, the camera's own lamp in infra-red. */
function lit(light: Light, seed: number): string[] {
  const random = seededRandom(seed + LIGHTS.indexOf(light) * 101);
  if (light === 'noon') return [];
  if (light === 'morning') return [geq(`lum(X,Y)*${shadow(random)}`)];
  if (light === 'evening') return [geq(`lum(X,Y)*0.9*${shadow(random)}`), 'eq=saturation=0.8'];
  if (light === 'night') return [geq(`16+(lum(X,Y)-16)*(0.14+${lamps(random)})`), 'eq=saturation=0.35'];
  const foliage = 'lum(X,Y)+0.7*(128-cr(X/2,Y/2))-0.3*(cb(X/2,Y/2)-128)';
  return [geq(`16+(${foliage}-16)*(0.25+0.65*${glow(0.5, 0.55, 0.45)})`), 'hue=s=0'];
}

function geq(luma: string): string {
  return `geq=lum='clip(${luma},0,255)':cb='cb(X,Y)':cr='cr(X,Y)'`;
}

/** A band of shade with soft rims. */
function shadow(random: () => number): string {
  const angle = random() * Math.PI;
  const across = `(X*${Math.cos(angle).toFixed(3)}+Y*${Math.sin(angle).toFixed(3)}+1000)`;
  const length = 200 + random() * 250;
  const begin = random() * length;
  const depth = 0.35 + random() * 0.25;
  return `(1-${depth.toFixed(2)}*clip((${(length * 0.45).toFixed(0)}-mod(${across}+${begin.toFixed(0)},${length.toFixed(0)}))/5,0,1))`;
}

function lamps(random: () => number): string {
  const one = () =>
    `${(0.35 + random() * 0.4).toFixed(2)}*${glow(random(), random() * 0.7, 0.12 + random() * 0.15)}`;
  return `${one()}+${one()}+${one()}`;
}

/** Light around a place, all as shares of the width. */
function glow(x: number, y: number, size: number): string {
  const { width, height } = STILL;
  const squared = `(pow(X-${(x * width).toFixed(0)},2)+pow(Y-${(y * height).toFixed(0)},2))`;
  return `exp(-${squared}/${(2 * (size * width) ** 2).toFixed(0)})`;
}

/** What comes in front of the cameras, as raw RGBA. */
export interface Props {
  readonly bus: Buffer;
  readonly lorry: Buffer;
  readonly headlights: Buffer;
  readonly rain: Buffer;
  readonly cover: Buffer;
}

export const BUS_SIZE = { width: 420, height: 300 } as const;
export const LORRY_SIZE = { width: 440, height: 280 } as const;
export const HEADLIGHTS_SIZE = { width: 240, height: 120 } as const;
export const RAIN_FRAMES = 8;

export async function makeProps(coverOf: Photo): Promise<Props> {
  const { width, height } = FRAME;
  const rgba = ['-pix_fmt', 'rgba', '-f', 'rawvideo'];
  const one = ['-frames:v', '1', ...rgba];
  const lorry = [
    `color=c=0x8a93a0:s=${LORRY_SIZE.width}x${LORRY_SIZE.height}`,
    'drawbox=x=0:y=0:w=330:h=230:color=0xc8ccd2:t=fill,drawbox=x=20:y=60:w=290:h=50:color=0x2a4f9a:t=fill',
    'drawbox=x=345:y=70:w=80:h=80:color=0x203040:t=fill,drawbox=x=60:y=230:w=70:h=50:color=0x101010:t=fill',
    'drawbox=x=340:y=230:w=70:h=50:color=0x101010:t=fill',
  ].join(',');
  const spot = (x: number) => `255*exp(-(pow(X-${x},2)+pow(Y-60,2))/700)`;
  const beams = `color=c=white:s=${HEADLIGHTS_SIZE.width}x${HEADLIGHTS_SIZE.height},format=rgba,geq=r=255:g=255:b=240:a='min(255,${spot(70)}+${spot(170)})'`;
  const drops = `color=c=black:s=${width}x${height}:r=1,format=gray,geq=lum='if(gt(random(1),0.996),255,0)',dblur=angle=82:radius=14,lutyuv=y='min(255,val*9)'`;
  const [bus, box, headlights, rain, cover] = await Promise.all([
    ffmpeg(['-i', BUS, '-vf', `crop=405:285:70:105,scale=${BUS_SIZE.width}:${BUS_SIZE.height}`, ...one]),
    ffmpeg(['-f', 'lavfi', '-i', lorry, ...one]),
    ffmpeg(['-f', 'lavfi', '-i', beams, ...one]),
    ffmpeg([
      '-f',
      'lavfi',
      '-i',
      drops,
      '-frames:v',
      `${RAIN_FRAMES}`,
      '-pix_fmt',
      'yuv420p',
      '-f',
      'rawvideo',
    ]),
    ffmpeg([
      '-i',
      coverOf.file,
      '-vf',
      `scale=${width}:${height},gblur=sigma=60,eq=contrast=0.5:brightness=-0.15`,
      ...one,
    ]),
  ]);
  return { bus, lorry: box, headlights, rain, cover };
}
