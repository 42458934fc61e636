import { seededRandom } from '../../support/camera/random.ts';

export type Colour = readonly [red: number, green: number, blue: number];
export type Point = readonly [x: number, y: number];
/** What a colour is multiplied by at a place. */
export type Texture = (x: number, y: number) => number;

const PLAIN: Texture = () => 1;

/** A picture that is painted, one thing over the other. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly #bytes: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#bytes = new Uint8Array(width * height * 3);
  }

  rectangle(left: number, top: number, width: number, height: number, colour: Colour, texture = PLAIN): void {
    for (let y = Math.max(0, Math.round(top)); y < Math.min(this.height, Math.round(top + height)); y += 1)
      this.#row(y, left, left + width, colour, texture);
  }

  polygon(points: readonly Point[], colour: Colour, texture = PLAIN): void {
    const ys = points.map(([, y]) => y);
    const [top, bottom] = [
      Math.max(0, Math.ceil(Math.min(...ys))),
      Math.min(this.height - 1, Math.max(...ys)),
    ];
    for (let y = top; y <= bottom; y += 1) {
      const xs = crossings(points, y);
      for (let i = 0; i + 1 < xs.length; i += 2) this.#row(y, xs[i] ?? 0, xs[i + 1] ?? 0, colour, texture);
    }
  }

  ellipse(x: number, y: number, rx: number, ry: number, colour: Colour, texture = PLAIN): void {
    for (let dy = -Math.round(ry); dy <= ry; dy += 1) {
      const half = rx * Math.sqrt(Math.max(0, 1 - (dy / ry) ** 2));
      if (y + dy >= 0 && y + dy < this.height)
        this.#row(Math.round(y + dy), x - half, x + half, colour, texture);
    }
  }

  /** As a portable pixmap. */
  ppm(): Buffer {
    return Buffer.concat([Buffer.from(`P6\n${this.width} ${this.height}\n255\n`), this.#bytes]);
  }

  #row(y: number, left: number, right: number, colour: Colour, texture: Texture): void {
    const until = Math.min(this.width, Math.round(right));
    for (let x = Math.max(0, Math.round(left)); x < until; x += 1) {
      const by = texture(x, y);
      for (const [i, value] of colour.entries())
        this.#bytes[(y * this.width + x) * 3 + i] = Math.max(0, Math.min(255, value * by));
    }
  }
}

function crossings(points: readonly Point[], y: number): number[] {
  const xs = points.flatMap(([x1, y1], i) => {
    const [x2, y2] = points[(i + 1) % points.length] ?? [x1, y1];
    return y1 <= y === y2 <= y ? [] : [x1 + ((y - y1) * (x2 - x1)) / (y2 - y1)];
  });
  return xs.sort((a, b) => a - b);
}

const LATTICE = 256;

/** Grain of several sizes, as asphalt, plaster and leaves have it. @param depth 0: none; 1: from black to twice as light */
export function grain(seed: number, sizes: readonly number[], depth: number): Texture {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: LATTICE * LATTICE }, () => random() * 2 - 1);
  const at = (x: number, y: number) => values[(y % LATTICE) * LATTICE + (x % LATTICE)] ?? 0;
  const smooth = (x: number, y: number) => {
    const [cx, cy] = [Math.floor(x), Math.floor(y)];
    const [fx, fy] = [x - cx, y - cy];
    const upper = at(cx, cy) * (1 - fx) + at(cx + 1, cy) * fx;
    return upper * (1 - fy) + (at(cx, cy + 1) * (1 - fx) + at(cx + 1, cy + 1) * fx) * fy;
  };
  return (x, y) =>
    1 + (depth * sizes.reduce((sum, size) => sum + smooth(x / size, y / size), 0)) / sizes.length;
}
