import type { Clock } from './clock.ts';
import { asError, InternalError } from './errors.ts';

/** A long-lived part. Its constructor keeps arguments and does no work. */
export interface Service {
  readonly name: string;
  /** Resolves when the part is up; `signal` aborts the start and, later, everything that the part still does. */
  start(signal: AbortSignal): Promise<void>;
  /** Idempotent; resolves when everything the part began has ended. */
  stop(): Promise<void>;
}

/** How long one part may take to stop. Source: guess; systemd's own limit is 90 s for all. */
const STOP_TIMEOUT_MS = 5_000;

/** Parts that start in order and stop in reverse. A failed start stops what had started. */
export class ServiceGroup implements Service {
  readonly name: string;
  readonly #members: readonly Service[];
  readonly #clock: Clock;
  readonly #stopTimeoutMs: number;
  #started: Service[] = [];

  constructor(name: string, members: readonly Service[], clock: Clock, stopTimeoutMs = STOP_TIMEOUT_MS) {
    this.name = name;
    this.#members = members;
    this.#clock = clock;
    this.#stopTimeoutMs = stopTimeoutMs;
  }

  async start(signal: AbortSignal): Promise<void> {
    for (const member of this.#members) {
      try {
        signal.throwIfAborted();
        this.#started.push(member);
        await member.start(signal);
      } catch (thrown) {
        await this.stop().catch(() => undefined);
        throw thrown;
      }
    }
  }

  /** Runs every stop; throws one `AggregateError` that names each part that failed or did not stop in time. */
  async stop(): Promise<void> {
    const toStop = this.#started.reverse();
    this.#started = [];
    const errors: Error[] = [];
    for (const member of toStop) {
      await this.#stopOne(member).catch((thrown: unknown) => errors.push(asError(thrown)));
    }
    if (errors.length > 0) {
      throw new AggregateError(errors, `${this.name}: ${errors.map((e) => e.message).join('; ')}`);
    }
  }

  async #stopOne(member: Service): Promise<void> {
    const timer = new AbortController();
    const late = this.#clock.sleep(this.#stopTimeoutMs, timer.signal).then(() => {
      throw new InternalError('stop-timeout', `${member.name} did not stop within ${this.#stopTimeoutMs} ms`);
    });
    try {
      await Promise.race([member.stop(), late]);
    } finally {
      late.catch(() => undefined);
      timer.abort();
    }
  }
}
