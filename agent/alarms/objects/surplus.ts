import type { Clock } from '../../base/clock.ts';
import type { ObjectValuePoint } from '../ports.ts';
import type { Reading } from './reading.ts';

/** A surplus that ended this long ago is over. Source: guess. */
const OVER_MS = 5_000;
/** How often it is told how many messages were passed over, at most. Source: guess. */
const TELL_EVERY_MS = 10 * 60_000;
/** More than so many within a second are a flood, which others on the same connection may suffer from. Source: guess. */
const FLOOD_PER_S = 200;
const SECOND_MS = 1_000;

/** A breach of a rule in a message that was passed over. */
export interface Breach {
  readonly point: ObjectValuePoint;
  readonly reading: Reading;
}

/** What came faster than it is judged: how much it was, and the first breach of each rule in it. */
export class Surplus {
  readonly #clock: Clock;
  readonly #breaches = new Map<string, Breach>();
  #lastMs: number | undefined;
  #second = { fromMs: Number.NEGATIVE_INFINITY, count: 0 };
  #untold = 0;
  #untoldSinceMs = 0;
  #toldAtMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether messages are passed over now, or were a moment ago. */
  get lasts(): boolean {
    return this.#lastMs !== undefined && this.#clock.monotonicMs() - this.#lastMs < OVER_MS;
  }

  /** Whether it is as much as no device means, now or a moment ago. */
  get isFlood(): boolean {
    return this.lasts && this.#second.count > FLOOD_PER_S;
  }

  /** What was seen in it and not told. */
  get breaches(): readonly Breach[] {
    return [...this.#breaches.values()];
  }

  /** One more was passed over. */
  count(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#untold === 0) this.#untoldSinceMs = nowMs;
    this.#untold += 1;
    if (nowMs - this.#second.fromMs >= SECOND_MS) this.#second = { fromMs: nowMs, count: 0 };
    this.#second.count += 1;
    this.#lastMs = nowMs;
  }

  keep(breach: Breach): void {
    const { id } = breach.point;
    if (!this.#breaches.has(id)) this.#breaches.set(id, breach);
  }

  breachTold({ point }: Breach): void {
    this.#breaches.delete(point.id);
  }

  /** It says nothing of now any more. What was counted stays. */
  end(): void {
    this.#lastMs = undefined;
  }

  /** How many were passed over and not told, once it is time to tell: it is over, or goes on for long. */
  get due(): number {
    const nowMs = this.#clock.monotonicMs();
    const isEarly = this.#toldAtMs !== undefined && nowMs - this.#toldAtMs < TELL_EVERY_MS;
    const goesOn = this.lasts && nowMs - this.#untoldSinceMs < TELL_EVERY_MS;
    return isEarly || goesOn ? 0 : this.#untold;
  }

  /** All that were counted are told. */
  countTold(): void {
    this.#untold = 0;
    this.#toldAtMs = this.#clock.monotonicMs();
  }
}
