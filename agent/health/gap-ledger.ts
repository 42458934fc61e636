import type { Clock } from '../base/clock.ts';
import type { Reporter } from '../contract/reporter.ts';
import { type GapReport, GapSum } from './gap-sum.ts';

/** Pause after a message in which gaps are gathered: doubled while they go on, up to the cap. Source: guess. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 60_000;

export interface GapLedgerNeeds {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly reporter: Pick<Reporter, 'event'>;
}

interface Pause {
  untilMs: number;
  ms: number;
  gathered: GapSum | undefined;
}

/**
 * Tells the gaps of the destinations. The first is an event at once; those that follow within the pause are one event
 * at its end, with the times of each. However many there are, a destination has at most one event per pause and cause.
 */
export class GapLedger {
  readonly #needs: GapLedgerNeeds;
  readonly #pauses = new Map<string, Pause>();

  constructor(needs: GapLedgerNeeds) {
    this.#needs = needs;
  }

  take(gap: GapReport): void {
    const key = `${gap.camera} ${gap.destination} ${gap.code}`;
    const pause = this.#pauses.get(key);
    if (pause?.gathered) pause.gathered.add(gap);
    else if (pause) pause.gathered = new GapSum(gap);
    else {
      this.#tell(new GapSum(gap));
      this.#pauses.set(key, {
        untilMs: this.#nowMs() + FIRST_PAUSE_MS,
        ms: FIRST_PAUSE_MS,
        gathered: undefined,
      });
    }
  }

  /** Tells what was gathered in the pauses that are over. */
  tick(): void {
    const nowMs = this.#nowMs();
    for (const [key, pause] of this.#pauses) if (nowMs >= pause.untilMs) this.#over(key, pause);
  }

  /** Tells everything that was gathered. */
  flush(): void {
    for (const { gathered } of this.#pauses.values()) if (gathered) this.#tell(gathered);
    this.#pauses.clear();
  }

  #over(key: string, pause: Pause): void {
    if (!pause.gathered) {
      this.#pauses.delete(key);
      return;
    }
    this.#tell(pause.gathered);
    pause.gathered = undefined;
    pause.ms = Math.min(pause.ms * 2, LONGEST_PAUSE_MS);
    pause.untilMs = this.#nowMs() + pause.ms;
  }

  #tell(sum: GapSum): void {
    const { fields } = sum;
    this.#needs.reporter.event('gap', fields.camera, fields);
  }

  #nowMs(): number {
    return this.#needs.clock.monotonicMs();
  }
}
