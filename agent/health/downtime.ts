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
/** A camera that has not been back for this long has its own story, which health tells. Source: guess. */
const KEPT_MS = 600_000;

/** When what a destination has ended, by the clock of the box and since the start of the machine. */
interface LastReached {
  readonly camera: string;
  readonly destination: string;
  /** Which start of the video process said so. */
  readonly run: string;
  readonly untilWallMs: number;
  readonly untilUpMs: number;
  /** Which start of the machine that counts from. */
  readonly machine: string;
}

/** What outlives the agent. */
export interface KeptReached {
  readonly known: readonly LastReached[];
}

interface Known extends LastReached {
  readonly seenUpMs: number;
  readonly heardMs: number;
  readonly advancedMs: number;
}

/**
 * What destinations missed while no video process was there to say so: from the end of what the process that died is known
 * to have sent, told each second, to the first picture that the next one has. It may be less: what was sent after the last
 * report is not known.
 */
export class Downtime {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #machine: string;
  readonly #known = new Map<string, Known>();
  /** The start of the video process that was heard last. */
  #run = '';
  #news = false;

  /** @param machine which start of the machine this is */
  constructor(clock: Pick<Clock, 'monotonicMs'>, machine: string) {
    this.#clock = clock;
    this.#machine = machine;
  }

  /**
   * @param run which start of the video process says so
   * @returns the gap between it and the one before, told once
   */
  take(report: ReachedReport, run: string): GapReport | undefined {
    const { camera, destination, untilWallMs, untilUpMs, seenUpMs } = report;
    const key = `${camera} ${destination}`;
    const before = this.#known.get(key);
    const heardMs = this.#clock.monotonicMs();
    const advances = before?.run !== run || seenUpMs > before.seenUpMs;
    const advancedMs = advances ? heardMs : before.advancedMs;
    this.#known.set(key, {
      ...{ camera, destination, run, untilWallMs, untilUpMs, seenUpMs },
      ...{ machine: this.#machine, heardMs, advancedMs },
    });
    this.#run = run;
    this.#news ||= before?.run !== run;
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value ?? '');
    if (!before || before.run === run || !flowed(before)) return undefined;
    return gapBetween(before, report, this.#machine);
  }

  /** The video process is away: what had ended before is not missed. */
  begins(): void {
    this.#forgetEnded();
    this.#news = true;
  }

  /** Something came or went that is better kept at once. */
  get news(): boolean {
    return this.#news;
  }

  /** What is to be kept of it. */
  keep(): KeptReached {
    this.#news = false;
    this.#forgetEnded();
    return { known: [...this.#known.values()].filter(flowed).map(lastOf) };
  }

  /** What an earlier agent kept. */
  restore({ known }: KeptReached): void {
    const heardMs = this.#clock.monotonicMs();
    for (const one of known.slice(0, MAX_KNOWN))
      this.#known.set(`${one.camera} ${one.destination}`, {
        ...{ ...one, seenUpMs: one.untilUpMs },
        ...{ heardMs, advancedMs: heardMs },
      });
  }

  /** What the process went on without, and what the next one has not had for long. */
  #forgetEnded(): void {
    const nowMs = this.#clock.monotonicMs();
    const ofRun = [...this.#known.values()].filter(({ run }) => run === this.#run);
    const lastMs = Math.max(...ofRun.map(({ heardMs }) => heardMs));
    for (const [key, { run, heardMs }] of this.#known) {
      const hasEnded = run === this.#run && lastMs - heardMs > SAME_TIME_MS;
      if (hasEnded || nowMs - heardMs > KEPT_MS) this.#known.delete(key);
    }
  }
}

/** A camera that was silent at the end has its own story. */
function flowed({ heardMs, advancedMs }: Known): boolean {
  return heardMs - advancedMs <= FLOWING_MS;
}

/** Its length is that of the clock that nobody sets, where it is of the same start of the machine. */
function gapBetween(
  before: Known,
  { fromWallMs, fromUpMs }: ReachedReport,
  machine: string,
): GapReport | undefined {
  const { camera, destination, untilWallMs, untilUpMs } = before;
  const lengthMs = before.machine === machine ? fromUpMs - untilUpMs : fromWallMs - untilWallMs;
  if (lengthMs <= 0) return undefined;
  const times = { fromWallMs: untilWallMs, untilWallMs: untilWallMs + lengthMs };
  return { camera, destination, ...times, frames: 0, code: 'video-process-down' };
}

function lastOf({ camera, destination, run, untilWallMs, untilUpMs, machine }: Known): LastReached {
  return { camera, destination, run, untilWallMs, untilUpMs, machine };
}
