import type { Show } from './faults.ts';
import {
  BUS_SIZE,
  FRAME,
  HEADLIGHTS_SIZE,
  LORRY_SIZE,
  MARGIN,
  type Props,
  RAIN_FRAMES,
  STILL,
} from './stills.ts';
import type { Moment } from './weather.ts';

/** Raw stills of a view: what is before, and what noon, evening and night mix in. */
export interface Lighting {
  readonly morning: string;
  readonly noon: string;
  readonly evening: string;
  readonly night: string;
}

/** Files, because a filter graph has many inputs. */
export interface PropFiles extends Record<keyof Props, string> {}

export interface Film {
  readonly lighting: Lighting;
  /** Footage instead of the stills of day. */
  readonly footage?: string;
  readonly props: PropFiles;
  readonly moments: readonly Moment[];
  readonly commandFile: string;
  readonly show: Show;
  /** Strength of the imager's noise by day and by night. */
  readonly noise: { readonly day: number; readonly night: number };
}

/** Two pictures per moment: a key frame and one after it, of the same scene with other noise and other drops of rain. */
export const FRAMES_PER_MOMENT = 2;

const AWAY = { x: 2 * FRAME.width, y: 2 * FRAME.height };

/** Arguments of ffmpeg for an H.264 stream of the film. */
export function filmArguments(film: Film): string[] {
  const { lighting, props } = film;
  const frames = film.moments.length * FRAMES_PER_MOMENT;
  return [
    ...(film.footage
      ? ['-stream_loop', '-1', '-r', '1', '-i', film.footage]
      : rawInput(lighting.morning, 'yuv420p', STILL)),
    ...rawInput(lighting.noon, 'yuv420p', STILL),
    ...rawInput(lighting.evening, 'yuv420p', STILL),
    ...rawInput(lighting.night, 'yuv420p', STILL),
    ...rawInput(props.bus, 'rgba', BUS_SIZE),
    ...rawInput(props.lorry, 'rgba', LORRY_SIZE),
    ...rawInput(props.headlights, 'rgba', HEADLIGHTS_SIZE),
    ...rawInput(props.rain, 'yuv420p', FRAME),
    ...rawInput(props.cover, 'rgba', FRAME),
    ...['-filter_complex', graphOf(film), '-map', '[film]', '-frames:v', `${frames}`],
    ...[
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-crf',
      '33',
      '-g',
      `${FRAMES_PER_MOMENT}`,
      '-threads',
      '1',
    ],
    ...['-x264-params', 'scenecut=0:repeat-headers=1', '-f', 'h264'],
  ];
}

function rawInput(
  file: string,
  format: string,
  { width, height }: { width: number; height: number },
): string[] {
  return ['-f', 'rawvideo', '-pix_fmt', format, '-s', `${width}x${height}`, '-r', '1', '-i', file];
}

function graphOf({ footage, show, noise, moments, commandFile }: Film): string {
  const day = footage
    ? [
        `[0]scale=768:-2,crop=${STILL.width}:${STILL.height},format=yuv420p,setpts=N/TB,sendcmd=f=${commandFile}[morning]`,
      ]
    : [`${forever(0, 'commanded')};[commanded]sendcmd=f=${commandFile}[morning]`];
  const isNight = nightOf(moments);
  const chain = [
    'eq@sky=eval=init',
    `crop@mast=${FRAME.width}:${FRAME.height}:${MARGIN}:${MARGIN}`,
    ...[1, 2, 3].map((n) => `drawbox@passer${n}=${AWAY.x}:${AWAY.y}:40:40:black:fill`),
  ];
  const late = [
    ...(show.filter ? [show.filter] : []),
    `noise=alls=${noise.day}:allf=t:enable='not(${isNight})'`,
    `noise=alls=${noise.night}:allf=t:enable='${isNight}'`,
    ...(show.late ? ['loop=-1:1', 'setpts=N/TB', show.late] : []),
    // One picture a second again: the encoder spends bits by how long a picture is shown.
    'settb=1,setpts=N,fps=1,format=yuv420p[film]',
  ];
  return [
    ...day,
    ...[prop(4, 'bus'), prop(5, 'lorry'), prop(6, 'headlights')],
    ...mixed(moments),
    `[lit]${chain.join(',')}[scene]`,
    `[scene][bus]overlay@bus=${AWAY.x}:${AWAY.y}[a]`,
    `[a][lorry]overlay@lorry=${AWAY.x}:${AWAY.y}[b]`,
    // A moment is put together once and shown in each of its pictures.
    `[b][headlights]overlay@headlights=${AWAY.x}:${AWAY.y},fps=${FRAMES_PER_MOMENT}[c]`,
    ...(moments.some(({ rain }) => rain > 0)
      ? [
          `[7]loop=-1:${RAIN_FRAMES},settb=1/${FRAMES_PER_MOMENT},setpts=N[rain]`,
          '[c][rain]blend@rain=c0_mode=screen:c0_opacity=0.001[d]',
        ]
      : ['[c]null[d]']),
    ...covered(show.cover),
    `[e]${late.join(',')}`,
  ].join(';');
}

/** The light of each moment; what never shines is left out. */
function mixed(moments: readonly Moment[]): string[] {
  const lights = (['noon', 'evening', 'night'] as const).filter((light) =>
    moments.some((moment) => moment[light] > 0),
  );
  const steps = lights.map((light, index) => {
    const before = lights[index - 1];
    const input = `[${light}][${before ? `mix${before}` : 'morning'}]`;
    return `${forever(STILL_INPUTS[light], light)};${input}blend@${light}=all_mode=normal:all_opacity=0.001[mix${light}]`;
  });
  const last = lights.at(-1);
  return [...steps, `[${last ? `mix${last}` : 'morning'}]null[lit]`];
}

const STILL_INPUTS = { noon: 1, evening: 2, night: 3 } as const;

function forever(input: number, name: string): string {
  return `[${input}]loop=-1:1,setpts=N/TB[${name}]`;
}

/** Converted once, not for each picture that it is laid over. */
function prop(input: number, name: string): string {
  return `[${input}]format=yuva420p,loop=-1:1,setpts=N/TB[${name}]`;
}

function covered(share: number | undefined): string[] {
  if (share === undefined) return ['[d]null[e]'];
  const width = Math.round(FRAME.width * share);
  return [
    `[8]crop=${width}:${FRAME.height}:0:0,format=yuva420p,loop=-1:1,setpts=N/TB[cover]`,
    '[d][cover]overlay=0:0[e]',
  ];
}

/** Noise cannot be commanded: it is switched by the number of the frame. */
function nightOf(moments: readonly Moment[]): string {
  const spans: string[] = [];
  let from: number | undefined;
  for (const [index, { night }] of [...moments, { night: 0 }].entries()) {
    if (night > 0.5) from ??= index;
    else if (from !== undefined) {
      spans.push(`between(n,${from * FRAMES_PER_MOMENT},${index * FRAMES_PER_MOMENT - 1})`);
      from = undefined;
    }
  }
  return spans.length > 0 ? spans.join('+') : '0';
}

/** Commands to the filters: what changes, at the moment when it does. */
export function commandsOf(moments: readonly Moment[]): string {
  const told = new Map<string, string>();
  return moments
    .map((moment, index) => {
      const changed = commands(moment).filter(([target, name, value]) => {
        const key = `${target} ${name}`;
        // Filters forget what they are told before their first picture.
        if (index > 1 && told.get(key) === value) return false;
        told.set(key, value);
        return true;
      });
      const list = changed.map(([target, name, value]) => `${target} ${name} ${value}`).join(', ');
      return list ? `${index} ${list};\n` : '';
    })
    .join('');
}

type Command = readonly [target: string, name: string, value: string];

function commands(moment: Moment): Command[] {
  // ffmpeg takes an opacity of 0 or 1 for another one when it is commanded.
  const opacity = (name: string, value: number): Command => [
    `blend@${name}`,
    name === 'rain' ? 'c0_opacity' : 'all_opacity',
    Math.max(0.001, Math.min(0.999, value)).toFixed(3),
  ];
  const place = (name: string, at = AWAY): Command[] => [
    [`overlay@${name}`, 'x', `${at.x}`],
    [`overlay@${name}`, 'y', `${at.y}`],
  ];
  return [
    opacity('noon', moment.noon),
    opacity('evening', moment.evening),
    opacity('night', moment.night),
    opacity('rain', moment.rain),
    ['eq@sky', 'brightness', moment.brightness.toFixed(3)],
    ['eq@sky', 'contrast', moment.contrast.toFixed(3)],
    ['crop@mast', 'x', `${moment.shake.x}`],
    ['crop@mast', 'y', `${moment.shake.y}`],
    ...place('bus', moment.bus),
    ...place('lorry', moment.lorry),
    ...place('headlights', moment.headlights),
    ...moment.passers.flatMap(({ x, y, width, height, colour }, index): Command[] => {
      const target = `drawbox@passer${index + 1}`;
      return [
        [target, 'x', `${x}`],
        [target, 'y', `${y}`],
        [target, 'w', `${width}`],
        [target, 'h', `${height}`],
        [target, 'color', colour],
      ];
    }),
  ];
}
