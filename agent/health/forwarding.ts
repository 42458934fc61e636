import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Reporter } from '../contract/reporter.ts';
import { sideOf } from '../contract/side.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import type { Memory } from '../store/store.ts';
import { Downtime, type ReachedReport } from './downtime.ts';
import { GapLedger, type GapLedgerNeeds } from './gap-ledger.ts';
import { type Arrival, GapMemory } from './gap-memory.ts';
import type { GapReport } from './gap-sum.ts';
import type { DestinationReport } from './undeliverable.ts';

type PauseReport = Omit<Extract<VideoToAgent, { type: 'pause' }>, 'type'>;

const TICK_MS = 1_000;
/** How often what the destinations have is kept: by so much a gap that agent and video process died in is told too long. Source: guess. */
const KEEP_INTERVAL_MS = 10_000;

export interface ForwardingNeeds {
  readonly clock: Clock;
  readonly reporter: Pick<Reporter, 'measure' | 'event'>;
  readonly memory: Memory;
  readonly transaction: GapLedgerNeeds['transaction'];
  readonly kept: GapLedgerNeeds['kept'];
}

export interface ForwardingOptions {
  /** Which start of the machine this is. */
  readonly machine: string;
}

/** Tells the CSU what the destinations of the cameras get, and what they missed. */
export class Forwarding implements Service {
  readonly name = 'forwarding';
  readonly #needs: ForwardingNeeds;
  readonly #memory: GapMemory;
  readonly #gaps: GapLedger;
  readonly #downtime: Downtime;
  /** Something came since it was kept last. */
  #changed = false;
  #keptAtMs: number;
  /** Channels that are paused, as far as was told. */
  readonly #paused = new Set<string>();
  readonly #stopping = new AbortController();
  #ticking: Promise<void> = Promise.resolve();

  constructor(needs: ForwardingNeeds, { machine }: ForwardingOptions) {
    this.#needs = needs;
    this.#memory = new GapMemory(needs.memory);
    this.#downtime = new Downtime(needs.clock, machine);
    const alsoKeep = () => {
      this.#memory.reached = this.#downtime.keep();
    };
    this.#gaps = new GapLedger({ ...needs, memory: this.#memory, alsoKeep });
    this.#keptAtMs = needs.clock.monotonicMs();
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    const { reached } = this.#memory;
    if (reached) this.#downtime.restore(reached);
    this.#gaps.restore(); // which keeps all that is known
    this.#ticking = this.#tick(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticking;
    this.#gaps.flush();
    this.#keep();
  }

  onDestination(report: DestinationReport): void {
    const { camera, sinceWallMs, droppedFrames, waitingBytes, code = 'none', ...same } = report;
    this.#needs.reporter.measure('destination', camera, {
      ...{ camera, ...same },
      since: sinceWallMs,
      dropped_frames: droppedFrames,
      waiting_bytes: waitingBytes,
      ...{ cause: code, side: sideOf(code) },
    });
  }

  /** @param run which start of the video process says so */
  onReached(report: ReachedReport, run: string): void {
    this.#changed = true;
    const missed = this.#downtime.take(report, run);
    if (missed) this.#gaps.take(missed);
  }

  onVideoAway(): void {
    this.#downtime.begins();
    this.#keep();
  }

  onGap(gap: GapReport, arrival: Arrival): void {
    this.#changed = true;
    this.#gaps.take(gap, arrival);
  }

  #keep(): void {
    this.#changed = false;
    this.#keptAtMs = this.#needs.clock.monotonicMs();
    this.#gaps.keep();
  }

  /** A video process that comes back tells the pauses that stand again: only what is another one is an event. */
  onPause({ camera, destination, kind, paused, limit, priority, budgetKbps, neededKbps }: PauseReport): void {
    const key = `${camera} ${destination}`;
    if (paused === this.#paused.has(key)) return;
    if (paused) this.#paused.add(key);
    else this.#paused.delete(key);
    const cause = paused ? 'backbone-budget' : 'none';
    this.#needs.reporter.event('pause', camera, {
      ...{ cause, side: sideOf(cause) },
      ...{ camera, destination, kind, limit, priority },
      transition: paused ? 'paused' : 'resumed',
      budget_kbps: budgetKbps,
      needed_kbps: neededKbps,
    });
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#needs.clock.sleep(TICK_MS, signal).catch(() => undefined);
      this.#gaps.tick();
      const isDue = this.#needs.clock.monotonicMs() - this.#keptAtMs >= KEEP_INTERVAL_MS;
      if (this.#downtime.news || (this.#changed && isDue)) this.#keep();
    }
  }
}
