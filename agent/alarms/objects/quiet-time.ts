import type { Clock } from '../../base/clock.ts';

/** For how long nothing was heard although it could have been: while the broker is away the time stands still. */
export class QuietTime {
  readonly #clock: Clock;
  #countedMs = 0;
  #listeningSinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get ms(): number {
    const sinceMs = this.#listeningSinceMs;
    return this.#countedMs + (sinceMs === undefined ? 0 : this.#clock.monotonicMs() - sinceMs);
  }

  get isListening(): boolean {
    return this.#listeningSinceMs !== undefined;
  }

  listen(): void {
    this.#listeningSinceMs ??= this.#clock.monotonicMs();
  }

  pause(): void {
    this.#countedMs = this.ms;
    this.#listeningSinceMs = undefined;
  }

  heard(): void {
    this.#countedMs = 0;
    if (this.isListening) this.#listeningSinceMs = this.#clock.monotonicMs();
  }
}
