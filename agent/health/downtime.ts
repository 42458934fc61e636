import type { Clock } from '../base/clock.ts';
import type { VideoToAgent } from '../contract/video-link.ts';
import type { GapReport } from './gap-sum.ts';

export type ReachedReport = Omit<Extract<VideoToAgent, { type: 'reached' }>, 'type'>;

/** Fragments last 5 s at most, and reports come each second. */
const FLOWING_MS = 6_000;
/** Of two that were reported to the end, the reports came within this. Source: guess; three rounds. */
const SAME_TIME_MS = 3_000;
/** Far above what one configuration holds. */
const MAX_KNOWN = 2_048;

interface Known {
  readonly run: string;
  readonly untilWallMs: number;
  readonly heardMs: number;
  readonly advancedMs: number;
}

/**
 * What destinations missed while no video process was there to say so: from the end of what the process that died is known
 * to have sent, told each second, to the first picture that the next one sends.
 */
export class Downtime {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #known = new Map<string, Known>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /**
   * @param run which start of the video process says so
   * @returns the gap between it and the one before, told once
   */
  take({ camera, destination, fromWallMs, untilWallMs }: ReachedReport, run: string): GapReport | undefined {
    const key = `${camera} ${destination}`;
    const before = this.#known.get(key);
    const heardMs = this.#clock.monotonicMs();
    const advances = before?.run !== run || untilWallMs > before.untilWallMs;
    this.#known.set(key, { run, untilWallMs, heardMs, advancedMs: advances ? heardMs : before.advancedMs });
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value ?? '');
    if (!before || before.run === run || !flowed(before) || fromWallMs <= before.untilWallMs)
      return undefined;
    const cause = { frames: 0, code: 'video-process-down' as const };
    return { camera, destination, fromWallMs: before.untilWallMs, untilWallMs: fromWallMs, ...cause };
  }

  /** The video process is away: what had ended before is not missed. */
  begins(): void {
    const lastMs = Math.max(...[...this.#known.values()].map(({ heardMs }) => heardMs));
    for (const [key, { heardMs }] of this.#known)
      if (lastMs - heardMs > SAME_TIME_MS) this.#known.delete(key);
  }
}

/** A camera that was silent at the end has its own story. */
function flowed({ heardMs, advancedMs }: Known): boolean {
  return heardMs - advancedMs <= FLOWING_MS;
}
