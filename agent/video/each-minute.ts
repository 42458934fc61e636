import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';

const MINUTE_MS = 60_000;
/** So much later than the minute it happens at most, also after the wall clock was set. Source: guess. */
const LOOK_MS = 1_000;

/** Does something whenever the wall clock shows another minute. */
export class EachMinute implements Service {
  readonly name: string;
  readonly #clock: Clock;
  readonly #task: () => void;
  readonly #stopping = new AbortController();
  #looking: Promise<void> | undefined;

  constructor(name: string, clock: Clock, task: () => void) {
    this.name = name;
    this.#clock = clock;
    this.#task = task;
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#looking = this.#look(AbortSignal.any([signal, this.#stopping.signal]));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
  }

  async #look(signal: AbortSignal): Promise<void> {
    for (let before = this.#minute; !signal.aborted; ) {
      await this.#clock.sleep(LOOK_MS, signal).catch(() => undefined);
      if (signal.aborted || this.#minute === before) continue;
      before = this.#minute;
      this.#task();
    }
  }

  get #minute(): number {
    return Math.floor(this.#clock.wallMs() / MINUTE_MS);
  }
}
