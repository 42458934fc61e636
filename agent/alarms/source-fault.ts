import type { Clock } from '../base/clock.ts';
import { asBeffroiError, type BeffroiError } from '../base/errors.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Store } from '../store/store.ts';
import { UNCONFIRMED_MS } from './hearing.ts';

export interface SourceFaultNeeds {
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly store: Store;
}

/** What is on disk: which sources were told as failed. */
const ROOM = 'alarm-sources';
const DETAIL_MAX = 500;

/** The failure of one source: told once when it lasts, and once when it is over, also across restarts. */
export class SourceFault {
  readonly #needs: SourceFaultNeeds;
  readonly #source: string;
  #failingSinceMs: number | undefined;
  #error: BeffroiError | undefined;

  constructor(needs: SourceFaultNeeds, source: string) {
    this.#needs = needs;
    this.#source = source;
  }

  failed(error: unknown): void {
    this.#failingSinceMs ??= this.#needs.clock.monotonicMs();
    this.#error = asBeffroiError(error);
    this.evaluate();
  }

  /** Tells a failure that has lasted as long as states without their source stay believable. */
  evaluate(): void {
    const sinceMs = this.#failingSinceMs;
    if (sinceMs === undefined || this.#told || !this.#error) return;
    if (this.#needs.clock.monotonicMs() - sinceMs < UNCONFIRMED_MS) return;
    const { code, fault, message } = this.#error;
    this.#tell(code, fault, message, () => this.#needs.store.memory.set(ROOM, this.#source, code));
  }

  works(): void {
    this.#over('works again');
  }

  /** The configuration no longer holds the source. */
  removed(): void {
    this.#over('was taken out of the configuration');
  }

  get #told(): boolean {
    return this.#needs.store.memory.get(ROOM, this.#source) !== undefined;
  }

  #over(how: string): void {
    this.#failingSinceMs = undefined;
    this.#error = undefined;
    if (this.#told)
      this.#tell('none', 'none', how, () => this.#needs.store.memory.delete(ROOM, this.#source));
  }

  #tell(
    cause: BeffroiError['code'] | 'none',
    fault: BeffroiError['fault'] | 'none',
    how: string,
    keep: () => void,
  ) {
    const detail = `alarms of ${this.#source}: ${how}`.slice(0, DETAIL_MAX);
    this.#needs.store.transaction(() => {
      keep();
      this.#needs.reporter.event('fault', 'collector', { cause, fault, detail });
    });
  }
}

/** Sources that were told as failed, perhaps by an earlier start. */
export function toldSources(store: Store): string[] {
  return store.memory.entries(ROOM).map(([id]) => id);
}
