import { seededRandom } from '../../support/camera/random.ts';
import { Canvas, type Colour, grain, type Point, type Texture } from './canvas.ts';

/** Kinds of places that a town watches; the last two show little or hardly anything to know them by. */
export const SCENES = ['street', 'facade', 'car-park', 'square', 'entrance', 'wall'] as const;
export type Scene = (typeof SCENES)[number];

const [WIDTH, HEIGHT] = [2176, 1360];

/** Draws a place as a portable pixmap; the same for the same number. */
export function drawScene(scene: Scene, seed: number): Buffer {
  const painter = new Painter(seed);
  painter[scene]();
  return painter.canvas.ppm();
}

const WALLS: readonly Colour[] = [
  [196, 178, 150],
  [158, 96, 78],
  [205, 200, 190],
  [140, 146, 150],
  [180, 150, 110],
];
const CARS: readonly Colour[] = [
  [30, 32, 36],
  [200, 200, 205],
  [120, 30, 30],
  [40, 60, 110],
  [90, 95, 100],
];

class Painter {
  readonly canvas = new Canvas(WIDTH, HEIGHT);
  readonly #seed: number;
  readonly #random: () => number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
  }

  street(): void {
    const horizon = HEIGHT * this.#between(0.3, 0.42);
    this.#sky(horizon);
    this.#ground(horizon, [92, 92, 94]);
    const [left, right] = [this.#between(5, 8), this.#between(5, 9)];
    for (const side of [-left, right]) this.#row(side, horizon);
    for (let z = 4; z < 40; z += 6) this.#onGround([-0.1, 0.1], [z, z + 3], horizon, [215, 215, 205]);
    for (const side of [-left + 2, right - 2])
      this.#onGround([side - 0.1, side + 0.1], [3, 60], horizon, [150, 150, 150]);
    const zebra = this.#between(8, 14);
    for (let x = -3; x < 3; x += 1)
      this.#onGround([x, x + 0.5], [zebra, zebra + 3], horizon, [225, 225, 220]);
    for (let n = 0; n < 5; n += 1) this.#car(-left + 3, this.#between(6, 30), horizon);
    for (let n = 0; n < 3; n += 1) this.#post(right - 1.5, 7 + 9 * n, horizon);
    for (let n = 0; n < 2; n += 1) this.#tree(-left + 1.2, 9 + 12 * n, horizon);
  }

  facade(): void {
    const wall = this.#one(WALLS);
    this.canvas.rectangle(0, 0, WIDTH, HEIGHT, wall, this.#grain([3, 40, 300], 0.12));
    const [columns, rows] = [Math.round(this.#between(5, 9)), Math.round(this.#between(3, 5))];
    const [stepX, stepY] = [WIDTH / columns, (HEIGHT * 0.85) / rows];
    for (let row = 0; row < rows; row += 1) {
      this.canvas.rectangle(0, (row + 1) * stepY - 14, WIDTH, 12, darker(wall, 0.75));
      for (let column = 0; column < columns; column += 1)
        this.#window(column * stepX + stepX * 0.22, row * stepY + stepY * 0.2, stepX * 0.56, stepY * 0.6);
    }
    this.canvas.rectangle(0, HEIGHT * 0.86, WIDTH, HEIGHT, [120, 118, 112], this.#grain([2, 20], 0.2));
    const door = this.#between(0.2, 0.7) * WIDTH;
    this.canvas.rectangle(door, HEIGHT * 0.62, 190, HEIGHT * 0.26, [70, 48, 36]);
    this.canvas.rectangle(door + 70, HEIGHT * 0.66, 50, 100, [40, 50, 60]);
  }

  'car-park'(): void {
    const horizon = HEIGHT * this.#between(0.12, 0.2);
    this.#sky(horizon);
    this.#ground(horizon, [104, 104, 102]);
    this.canvas.rectangle(0, horizon - 30, WIDTH, 60, [52, 74, 44], this.#grain([4, 12, 50], 0.6));
    for (const from of [5, 13, 24]) {
      for (let x = -16; x <= 16; x += 2.6)
        this.#onGround([x - 0.07, x + 0.07], [from, from + 5], horizon, [210, 210, 205]);
      for (let x = -14.7; x <= 15; x += 2.6) if (this.#random() < 0.55) this.#car(x, from + 1.2, horizon);
    }
    for (const x of [-9, 4]) this.#post(x, 12, horizon);
  }

  square(): void {
    const horizon = HEIGHT * this.#between(0.28, 0.36);
    this.#sky(horizon);
    this.#ground(horizon, [150, 142, 130]);
    for (let x = -20; x <= 20; x += 1.5)
      this.#onGround([x - 0.04, x + 0.04], [3, 40], horizon, [110, 104, 96]);
    for (let z = 3; z < 40; z += 1.5) this.#onGround([-30, 30], [z, z + 0.06], horizon, [112, 106, 98]);
    this.canvas.rectangle(0, horizon - 330, WIDTH, 340, this.#one(WALLS), this.#grain([3, 60], 0.1));
    for (let x = 60; x < WIDTH; x += 210) this.#window(x, horizon - 260, 110, 170);
    for (let n = 0; n < 4; n += 1) this.#tree(this.#between(-9, 9), this.#between(9, 20), horizon);
    for (let n = 0; n < 3; n += 1) this.#car(this.#between(-6, 6), this.#between(7, 14), horizon);
  }

  entrance(): void {
    this.canvas.rectangle(0, 0, WIDTH, HEIGHT, [170, 168, 160], this.#grain([400, 900], 0.1));
    const x = this.#between(0.3, 0.5) * WIDTH;
    this.canvas.rectangle(x, 300, 460, 1060, [88, 92, 98]);
    this.canvas.rectangle(x + 40, 360, 380, 520, [46, 56, 66], this.#grain([200], 0.15));
    this.canvas.rectangle(x + 400, 760, 24, 120, [200, 200, 200]);
    this.canvas.rectangle(x + 540, 700, 60, 110, [60, 60, 64]);
    this.canvas.rectangle(0, 1240, WIDTH, 120, [112, 110, 106], this.#grain([2, 30], 0.15));
  }

  wall(): void {
    this.canvas.rectangle(0, 0, WIDTH, HEIGHT, [176, 172, 164], this.#grain([700, 1500], 0.12));
  }

  #sky(horizon: number): void {
    this.canvas.rectangle(0, 0, WIDTH, horizon, [176, 196, 214], this.#grain([500, 900], 0.1));
  }

  #ground(horizon: number, colour: Colour): void {
    const fine = this.#grain([2, 5, 90], 0.18);
    this.canvas.rectangle(0, horizon, WIDTH, HEIGHT - horizon, colour, fine);
  }

  /** Houses along one side, with their windows. */
  #row(x: number, horizon: number): void {
    for (let z = 30; z > 3; ) {
      const near = Math.max(3, z - this.#between(5, 9));
      const height = this.#between(7, 13);
      const wall = this.#one(WALLS);
      this.#upright(x, [near, z], [0, height], horizon, wall);
      for (let floor = 1; floor + 2 < height; floor += 3)
        for (let from = near + 0.7; from + 1.3 < z; from += 2.4) {
          this.#upright(x, [from, from + 1.2], [floor, floor + 1.7], horizon, darker(wall, 1.2));
          this.#upright(x, [from + 0.1, from + 1.1], [floor + 0.1, floor + 1.6], horizon, [44, 52, 62]);
        }
      z = near;
    }
  }

  #window(x: number, y: number, width: number, height: number): void {
    this.canvas.rectangle(x - 8, y - 8, width + 16, height + 16, [222, 220, 214]);
    this.canvas.rectangle(x, y, width, height, [52, 62, 74], this.#grain([width], 0.3));
    this.canvas.rectangle(x + width / 2 - 4, y, 8, height, [222, 220, 214]);
    if (this.#random() < 0.3)
      this.canvas.rectangle(x, y, width, height * this.#between(0.2, 0.8), [150, 140, 120]);
  }

  #car(x: number, z: number, horizon: number): void {
    const colour = this.#one(CARS);
    const box = (from: number, until: number, low: number, high: number, paint: Colour) =>
      this.#facing([x + from, x + until], z, [low, high], horizon, paint);
    box(-0.9, 0.9, 0.3, 0.95, colour);
    box(-0.7, 0.7, 0.95, 1.45, darker(colour, 0.8));
    box(-0.62, 0.62, 1, 1.38, [36, 44, 52]);
    for (const wheel of [-0.7, 0.7]) box(wheel - 0.15, wheel + 0.15, 0, 0.4, [16, 16, 16]);
    for (const lamp of [-0.75, 0.75]) box(lamp - 0.12, lamp + 0.12, 0.6, 0.75, [230, 225, 200]);
  }

  #post(x: number, z: number, horizon: number): void {
    this.#facing([x - 0.06, x + 0.06], z, [0, 6], horizon, [50, 54, 58]);
    this.#facing([x - 0.9, x + 0.1], z, [5.9, 6.1], horizon, [50, 54, 58]);
  }

  #tree(x: number, z: number, horizon: number): void {
    this.#facing([x - 0.15, x + 0.15], z, [0, 3], horizon, [70, 54, 40]);
    const leaves = this.#grain([5, 14, 60], 0.7);
    for (let n = 0; n < 14; n += 1) {
      const [cx, cy] = project(x + this.#between(-1.4, 1.4), z, this.#between(2.6, 5), horizon);
      const size = (FOCAL / z) * this.#between(0.5, 1);
      this.canvas.ellipse(cx, cy, size, size * 0.8, [62, 88, 48], leaves);
    }
  }

  #onGround([x1, x2]: Span, [z1, z2]: Span, horizon: number, colour: Colour): void {
    const corners: Point[] = [project(x1, z1, 0, horizon), project(x2, z1, 0, horizon)];
    this.canvas.polygon([...corners, project(x2, z2, 0, horizon), project(x1, z2, 0, horizon)], colour);
  }

  #upright(x: number, [z1, z2]: Span, [y1, y2]: Span, horizon: number, colour: Colour): void {
    const corners: Point[] = [project(x, z1, y1, horizon), project(x, z2, y1, horizon)];
    this.canvas.polygon([...corners, project(x, z2, y2, horizon), project(x, z1, y2, horizon)], colour);
  }

  #facing([x1, x2]: Span, z: number, [y1, y2]: Span, horizon: number, colour: Colour): void {
    const [[left, bottom], [right, top]] = [project(x1, z, y1, horizon), project(x2, z, y2, horizon)];
    this.canvas.rectangle(left, top, right - left, bottom - top, colour);
  }

  #grain(sizes: readonly number[], depth: number): Texture {
    return grain(this.#seed * 31 + sizes.length, sizes, depth);
  }

  #between(from: number, to: number): number {
    return from + this.#random() * (to - from);
  }

  #one(list: readonly Colour[]): Colour {
    return list[Math.floor(this.#random() * list.length)] ?? [128, 128, 128];
  }
}

type Span = readonly [from: number, to: number];

const FOCAL = 1500;
/** Metres above the ground. */
const MAST = 4.5;

/** A place in metres (to the right, away, up) on the canvas. */
function project(x: number, z: number, y: number, horizon: number): Point {
  return [WIDTH / 2 + (FOCAL * x) / z, horizon + (FOCAL * (MAST - y)) / z];
}

function darker(colour: Colour, by: number): Colour {
  const [red, green, blue] = colour;
  return [red * by, green * by, blue * by];
}
