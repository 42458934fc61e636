import type { VideoToAgent } from '../contract/video-link.ts';

type GapReport = Extract<VideoToAgent, { type: 'gap' }>;

/** Destinations, and gaps of each, that are kept; of more the last one of a destination says how many it reaches over. Source: guess. */
const MAX_DESTINATIONS = 1_024;
const MAX_GAPS = 64;

/** Gaps that ended while no agent was there to be told. */
export class UntoldGaps {
  readonly #kept = new Map<string, GapReport[]>();

  keep(gap: GapReport): void {
    const key = `${gap.camera} ${gap.destination}`;
    const gaps = this.#kept.get(key) ?? [];
    const last = gaps.length >= MAX_GAPS ? gaps.pop() : undefined;
    gaps.push(last ? joined(last, gap) : gap);
    if (this.#kept.size < MAX_DESTINATIONS) this.#kept.set(key, gaps);
  }

  /** Everything that was kept; it is kept no more. */
  *take(): Iterable<GapReport> {
    const all = [...this.#kept.values()].flat();
    this.#kept.clear();
    yield* all;
  }
}

function joined(first: GapReport, next: GapReport): GapReport {
  const { untilWallMs } = next;
  return { ...first, untilWallMs, frames: first.frames + next.frames, gaps: (first.gaps ?? 1) + 1 };
}
