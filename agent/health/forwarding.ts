import type { Clock } from '../base/clock.ts';
import type { Service } from '../base/lifecycle.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import { GapLedger } from './gap-ledger.ts';
import type { GapReport } from './gap-sum.ts';

type DestinationReport = Omit<Extract<VideoToAgent, { type: 'destination' }>, 'type'>;

const TICK_MS = 1_000;

export interface ForwardingNeeds {
  readonly clock: Clock;
  readonly reporter: Pick<Reporter, 'measure' | 'event'>;
}

/** Tells the CSU what the destinations of the cameras get, and what they missed. */
export class Forwarding implements Service {
  readonly name = 'forwarding';
  readonly #needs: ForwardingNeeds;
  readonly #gaps: GapLedger;
  readonly #stopping = new AbortController();
  #ticking: Promise<void> = Promise.resolve();

  constructor(needs: ForwardingNeeds) {
    this.#needs = needs;
    this.#gaps = new GapLedger(needs);
  }

  async start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    this.#ticking = this.#tick(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticking;
    this.#gaps.flush();
  }

  onDestination(report: DestinationReport): void {
    const { camera, sinceWallMs, droppedFrames, waitingBytes, code, ...same } = report;
    this.#needs.reporter.measure('destination', camera, {
      ...{ camera, ...same },
      since: sinceWallMs,
      dropped_frames: droppedFrames,
      waiting_bytes: waitingBytes,
      cause: code ?? 'none',
    });
  }

  onGap(gap: GapReport): void {
    this.#gaps.take(gap);
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#needs.clock.sleep(TICK_MS, signal).catch(() => undefined);
      this.#gaps.tick();
    }
  }
}
