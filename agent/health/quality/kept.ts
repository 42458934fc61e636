import type { Clock } from '../../base/clock.ts';
import type { Memory } from '../../store/store.ts';
import { type HourSum, hourOf } from './hour.ts';

const NUMBERS = [
  'hour',
  'watchedMs',
  'flowedMs',
  'interruptions',
  'periodMs',
  'frames',
  'framesDamaged',
  'bytes',
  'rtpReceived',
  'rtpLost',
  'rtpUnread',
  'framesDamagedUnread',
  'gopFrames',
  'keyIntervalMs',
  'jitterMs2',
] as const satisfies readonly (keyof HourSum)[];

/** How often the running hours are written, all cameras in one write: so much of an hour a power cut takes. Source: guess. */
const KEEP_MS = 300_000;
const ROOM = 'quality';
const KEY = 'running-hours';

/** The hours that run, of all cameras, across a restart of the agent: one small write for all of them spares the flash. */
export class KeptHours {
  readonly #memory: Memory;
  readonly #clock: Clock;
  /** What an earlier start kept, each until its camera takes it. */
  #left: Map<string, HourSum> | undefined;
  #keptMs: number;
  #keptHour: number;
  #written = '';

  constructor(memory: Memory, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
    this.#keptMs = clock.monotonicMs();
    this.#keptHour = hourOf(clock.wallMs());
  }

  /** What an earlier start knew of the hour of this camera; once. */
  take(camera: string): HourSum | undefined {
    this.#left ??= parse(this.#memory.get(ROOM, KEY));
    const sum = this.#left.get(camera);
    this.#left.delete(camera);
    return sum;
  }

  /** Also as an hour begins: the one that was told as full is not told again. */
  get isDue(): boolean {
    const isOver = hourOf(this.#clock.wallMs()) !== this.#keptHour;
    return isOver || this.#clock.monotonicMs() - this.#keptMs >= KEEP_MS;
  }

  keep(running: ReadonlyMap<string, HourSum>): void {
    this.#keptMs = this.#clock.monotonicMs();
    this.#keptHour = hourOf(this.#clock.wallMs());
    if (!this.#left) return; // no camera has begun
    const watched = [...this.#left, ...running].filter(([, { watchedMs }]) => watchedMs > 0);
    const text = JSON.stringify(Object.fromEntries(watched.map(([camera, sum]) => [camera, row(sum)])));
    if (text === this.#written) return;
    this.#memory.set(ROOM, KEY, text);
    this.#written = text;
  }
}

function row(sum: HourSum): number[] {
  return NUMBERS.map((name) => Math.round(sum[name]));
}

/** What cannot be read is not known. */
function parse(text = '{}'): Map<string, HourSum> {
  try {
    const kept = Object.entries(JSON.parse(text) as object);
    return new Map(kept.flatMap(([camera, numbers]) => (isRow(numbers) ? [[camera, sumIn(numbers)]] : [])));
  } catch {
    return new Map();
  }
}

function isRow(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length === NUMBERS.length &&
    value.every((one) => Number.isSafeInteger(one) && one >= 0)
  );
}

function sumIn(numbers: readonly number[]): HourSum {
  return Object.fromEntries(NUMBERS.map((name, index) => [name, numbers[index]])) as unknown as HourSum;
}
