import type { Clock } from '../base/clock.ts';
import type { BeffroiError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { RepeatedFault } from '../base/repeated.ts';

/** A stream that has flowed for this long has recovered: what befalls it later is a new fault. Source: guess. */
const STEADY_MS = 60_000;

/**
 * Says in the log how the pictures of one camera do. One that plays and fails, over and over, is told when it first does
 * so and then once in a while with a count, however it fails.
 */
export class StreamLog {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #camera: string;
  readonly #faults = new Map<string, RepeatedFault>();
  #flowsSinceMs: number | undefined;
  /** That it flows was told, and no failure since. */
  #isFlowTold = false;
  #failures = 0;

  constructor(clock: Clock, log: Log, camera: string) {
    this.#clock = clock;
    this.#log = log;
    this.#camera = camera;
  }

  /** A picture came. @param facts what else the line says, when there is one */
  flows(facts: object): void {
    this.#flowsSinceMs ??= this.#clock.monotonicMs();
    if (this.#isFlowTold) return;
    this.#isFlowTold = true;
    this.#log.info({ camera: this.#camera, ...facts, failures: this.#failures }, 'stream plays');
    this.#failures = 0;
  }

  failed(err: BeffroiError, retryInMs: number): void {
    if (this.#isSteady) this.#faults.clear();
    this.#flowsSinceMs = undefined;
    this.#failures += 1;
    const told = this.#faultOf(err.code).happened(err.code);
    if (!told) return;
    this.#isFlowTold = false;
    this.#log.warn({ err, camera: this.#camera, count: told.count, retryInMs }, 'no stream from the camera');
  }

  get #isSteady(): boolean {
    if (this.#flowsSinceMs === undefined) return false;
    return this.#clock.monotonicMs() - this.#flowsSinceMs >= STEADY_MS;
  }

  /** Each code for itself: a camera may fail in two ways by turns. */
  #faultOf(code: string): RepeatedFault {
    const known = this.#faults.get(code) ?? new RepeatedFault(this.#clock);
    this.#faults.set(code, known);
    return known;
  }
}
