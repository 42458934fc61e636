import type { VideoToAgent } from '../contract/video-link.ts';

type GapReport = Extract<VideoToAgent, { type: 'gap' }>;

/** Destinations, and gaps of each, that wait; of more the last one of a destination says how many it reaches over. Source: guess. */
const MAX_DESTINATIONS = 1_024;
const MAX_GAPS = 64;
/** Gaps that were told and that the agent has not said it keeps; while there are more, others wait. Source: guess. */
const MAX_UNDER_WAY = 4_096;

/**
 * The gaps that the agent does not keep yet. It may die with those that it was told, or before it reads them: until it
 * says that they outlive it, each agent that comes is told them again, under the same numbers.
 */
export class UntoldGaps {
  /** Those that no agent was told. */
  readonly #waiting = new Map<string, GapReport[]>();
  #underWay: GapReport[] = [];
  /** Number of the first that is under way; they count by one. */
  #first = 1;

  /** Number of the first that a new connection is told. */
  get first(): number {
    return this.#first;
  }

  keep(gap: GapReport): void {
    const key = `${gap.camera} ${gap.destination}`;
    const gaps = this.#waiting.get(key) ?? [];
    const last = gaps.length >= MAX_GAPS ? gaps.pop() : undefined;
    gaps.push(last ? joined(last, gap) : gap);
    if (this.#waiting.has(key) || this.#waiting.size < MAX_DESTINATIONS) this.#waiting.set(key, gaps);
  }

  /** What is under way, for a new connection. */
  get underWay(): readonly GapReport[] {
    return this.#underWay;
  }

  /** What waits, as far as there is room; it is under way then. */
  *take(): Iterable<GapReport> {
    for (const [key, gaps] of this.#waiting) {
      const room = MAX_UNDER_WAY - this.#underWay.length;
      if (room === 0) return;
      const taken = gaps.splice(0, room);
      if (gaps.length === 0) this.#waiting.delete(key);
      this.#underWay.push(...taken);
      yield* taken;
    }
  }

  /** The agent keeps them up to this number. */
  kept(upTo: number): void {
    const count = Math.min(Math.max(0, upTo - this.#first + 1), this.#underWay.length);
    this.#underWay = this.#underWay.slice(count);
    this.#first += count;
  }
}

function joined(first: GapReport, next: GapReport): GapReport {
  const untilWallMs = Math.max(first.untilWallMs, next.untilWallMs); // the clock may have been set back
  return { ...first, untilWallMs, frames: first.frames + next.frames, gaps: (first.gaps ?? 1) + 1 };
}
