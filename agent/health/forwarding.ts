import type { Reporter } from '../contract/reporter.ts';
import type { VideoToAgent } from '../contract/video-link.ts';

type DestinationReport = Omit<Extract<VideoToAgent, { type: 'destination' }>, 'type'>;
type GapReport = Omit<Extract<VideoToAgent, { type: 'gap' }>, 'type'>;

export interface ForwardingNeeds {
  readonly reporter: Pick<Reporter, 'measure' | 'event'>;
}

/** Tells the CSU what the destinations of the cameras get, and what they missed. */
export class Forwarding {
  readonly #needs: ForwardingNeeds;

  constructor(needs: ForwardingNeeds) {
    this.#needs = needs;
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

  onGap({ camera, destination, fromWallMs, untilWallMs, frames, code }: GapReport): void {
    this.#needs.reporter.event('gap', camera, {
      ...{ camera, destination, frames },
      from: fromWallMs,
      until: untilWallMs,
      cause: code,
    });
  }
}
