import type { Clock } from '../base/clock.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Arrival, GapMemory } from './gap-memory.ts';
import { type GapReport, GapSum } from './gap-sum.ts';

/** Pause after a message in which gaps are gathered: doubled while they go on, up to the cap. Source: guess. */
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 60_000;

export interface GapLedgerNeeds {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly reporter: Pick<Reporter, 'event'>;
  readonly memory: GapMemory;
  readonly transaction: (work: () => void) => void;
  /** Keeps what is to be kept with the gaps, in their transaction. */
  readonly alsoKeep: () => void;
  /** This gap, and all before it of the same start of the video process, outlive the agent. */
  readonly kept: (last: Arrival) => void;
}

interface Pause {
  untilMs: number;
  ms: number;
  gathered: GapSum | undefined;
}

/**
 * Tells the gaps of the destinations. The first is an event at once; those that follow within the pause are one event
 * at its end, with the times of each. However many there are, a destination has at most one event per pause and cause.
 *
 * An agent that dies loses none and tells none twice: what is gathered, and which gap came last, is kept now and then and
 * together with each event; and what the video process is not told to be kept, it tells the next agent.
 */
export class GapLedger {
  readonly #needs: GapLedgerNeeds;
  readonly #pauses = new Map<string, Pause>();
  /** Keys whose sums are not kept as they are. */
  readonly #changed = new Set<string>();
  #last: Arrival | undefined;

  constructor(needs: GapLedgerNeeds) {
    this.#needs = needs;
  }

  /** Tells what an earlier agent had gathered. */
  restore(): void {
    this.#last = this.#needs.memory.arrival;
    for (const [key, sum] of this.#needs.memory.sums()) this.#tell(key, sum);
  }

  /** @param arrival of a gap that the video process tells: one that came before is not taken again */
  take(gap: GapReport, arrival?: Arrival): void {
    if (arrival && !this.#isNew(arrival)) return;
    const key = `${gap.camera} ${gap.destination} ${gap.code}`;
    const pause = this.#pauses.get(key);
    if (pause) this.#gather(key, pause, gap);
    else {
      const untilMs = this.#nowMs() + FIRST_PAUSE_MS;
      this.#pauses.set(key, { untilMs, ms: FIRST_PAUSE_MS, gathered: undefined });
      this.#tell(key, new GapSum(gap));
    }
  }

  /** Tells what was gathered in the pauses that are over. */
  tick(): void {
    const nowMs = this.#nowMs();
    for (const [key, pause] of this.#pauses) if (nowMs >= pause.untilMs) this.#over(key, pause);
  }

  /** Tells everything that was gathered. */
  flush(): void {
    for (const [key, { gathered }] of this.#pauses) if (gathered) this.#tell(key, gathered);
    this.#pauses.clear();
  }

  /** Keeps what changed. */
  keep(): void {
    this.#needs.transaction(() => this.#write());
    this.#kept();
  }

  #isNew(arrival: Arrival): boolean {
    if (arrival.run === this.#last?.run && arrival.number <= this.#last.number) return false;
    this.#last = arrival;
    return true;
  }

  #gather(key: string, pause: Pause, gap: GapReport): void {
    if (pause.gathered) pause.gathered.add(gap);
    else pause.gathered = new GapSum(gap);
    this.#changed.add(key);
  }

  #over(key: string, pause: Pause): void {
    const { gathered } = pause;
    if (!gathered) {
      this.#pauses.delete(key);
      return;
    }
    pause.gathered = undefined;
    pause.ms = Math.min(pause.ms * 2, LONGEST_PAUSE_MS);
    pause.untilMs = this.#nowMs() + pause.ms;
    this.#tell(key, gathered);
  }

  /** The event, and that it is not to be told again, are on the disk together. */
  #tell(key: string, sum: GapSum): void {
    const { reporter, memory, transaction } = this.#needs;
    this.#changed.delete(key);
    transaction(() => {
      const { fields } = sum;
      reporter.event('gap', fields.camera, fields);
      memory.forget(key);
      this.#write();
    });
    this.#kept();
  }

  #write(): void {
    const { memory, alsoKeep } = this.#needs;
    alsoKeep();
    for (const key of this.#changed) {
      const gathered = this.#pauses.get(key)?.gathered;
      if (gathered) memory.keep(key, gathered);
    }
    if (this.#last) memory.arrival = this.#last;
  }

  #kept(): void {
    this.#changed.clear();
    if (this.#last) this.#needs.kept(this.#last);
  }

  #nowMs(): number {
    return this.#needs.clock.monotonicMs();
  }
}
