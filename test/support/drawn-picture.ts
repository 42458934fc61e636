import {
  HEIGHT,
  SMALL_PICTURE_BYTES,
  type SmallPicture,
  smallPicture,
  WIDTH,
} from '../../agent/video/picture/small-picture.ts';
import { seededRandom } from './camera/random.ts';

const GREY = 128;
/** From one post of a fence to the next, pixels. */
const POSTS = 10;

export interface Drawing {
  /** Which scene: rectangles of many sizes and levels. */
  readonly seed: number;
  /** How far the camera looks to the right, pixels. */
  readonly right?: number;
  /** Deviation of the noise, levels. */
  readonly noise?: number;
  /** Which noise. */
  readonly look?: number;
  /** Level of a pixel, from that of the scene. */
  readonly light?: (level: number) => number;
  /** Distance of the chroma from grey. */
  readonly colour?: number;
  /** Blur: mean of a square of this half side, pixels. */
  readonly blur?: number;
  /** Blades that all lean the same way, instead of rectangles. */
  readonly grass?: boolean;
  /** A fence instead of the scene: posts all of a kind. */
  readonly fence?: boolean;
  /** A wall instead of the scene: so many levels from one side to the other. */
  readonly wall?: number;
}

/** A small picture of a scene that is twice as wide as the view. */
export function drawnPicture(drawing: Drawing): SmallPicture {
  const { right = 0, noise = 1, look = 0, light = (level) => level, colour = 20, blur = 0, wall } = drawing;
  const scene = sceneOf(drawing.seed, blur, drawing.grass === true);
  const random = seededRandom(look + 1);
  const bytes = new Uint8Array(SMALL_PICTURE_BYTES).fill(GREY + colour);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const drawn = wall === undefined ? scene[y * 2 * WIDTH + x + right] : 100 + (wall * x) / WIDTH;
      const post = 60 + 100 * Math.floor(((x + right) % POSTS) / (POSTS / 2));
      const level = light(drawing.fence ? post : (drawn ?? 0)) + (random() - 0.5) * noise * Math.sqrt(12);
      bytes[y * WIDTH + x] = Math.max(0, Math.min(255, Math.round(level)));
    }
  }
  return smallPicture(bytes);
}

const scenes = new Map<string, Float32Array>();

function sceneOf(seed: number, blur: number, grass: boolean): Float32Array {
  const key = `${seed} ${blur} ${grass}`;
  const scene = scenes.get(key) ?? blurred(grass ? drawnGrass(seed) : drawnScene(seed), blur);
  scenes.set(key, scene);
  return scene;
}

function drawnScene(seed: number): Float32Array {
  const random = seededRandom(seed);
  const scene = new Float32Array(2 * WIDTH * HEIGHT).fill(90);
  for (let n = 0; n < 160; n += 1) {
    const [left, top] = [Math.floor(random() * 2 * WIDTH), Math.floor(random() * HEIGHT)];
    const [width, height] = [8 + Math.floor(random() * 60), 8 + Math.floor(random() * 50)];
    const level = 40 + random() * 160;
    for (let y = top; y < Math.min(HEIGHT, top + height); y += 1)
      scene.fill(level, y * 2 * WIDTH + left, y * 2 * WIDTH + Math.min(2 * WIDTH, left + width));
  }
  return scene;
}

function drawnGrass(seed: number): Float32Array {
  const random = seededRandom(seed);
  const scene = new Float32Array(2 * WIDTH * HEIGHT).fill(90);
  for (let n = 0; n < 2500; n += 1) {
    const [left, top] = [Math.floor(random() * 2 * WIDTH), Math.floor(random() * HEIGHT)];
    const [length, width] = [20 + random() * 40, 2 + Math.floor(random() * 3)];
    const level = 40 + random() * 160;
    for (let y = top; y < Math.min(HEIGHT, top + length); y += 1) {
      const x = left + Math.round((y - top) * 0.6);
      scene.fill(level, y * 2 * WIDTH + x, y * 2 * WIDTH + Math.min(2 * WIDTH, x + width));
    }
  }
  return scene;
}

function blurred(scene: Float32Array, side: number): Float32Array {
  if (side === 0) return scene;
  const along = meanOf(scene, side, 1);
  return meanOf(along, side, 2 * WIDTH);
}

function meanOf(values: Float32Array, side: number, step: number): Float32Array {
  return values.map((_, at) => {
    let sum = 0;
    let count = 0;
    for (let n = -side; n <= side; n += 1) {
      const value = values[at + n * step];
      if (value === undefined) continue;
      sum += value;
      count += 1;
    }
    return sum / count;
  });
}
