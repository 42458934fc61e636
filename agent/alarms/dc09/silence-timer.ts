import type { ClockTrust } from '../../base/clock.ts';
import type { Store } from '../../store/store.ts';

export interface SilenceTimerOptions {
  readonly panel: string;
  readonly account: string;
  /** Silence for longer is an alarm. */
  readonly limitMs: number;
  /** Monotonic. */
  readonly startMs: number;
}

export interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
  readonly trust: ClockTrust;
}

interface Kept {
  /** When the panel was last heard, Unix ms; absent where the clock could not be believed then. */
  readonly heardMs?: number | undefined;
  /** For how long it had not been heard when this was written, monotonic. */
  readonly quietMs: number;
}

const ROOM = 'panel-silence';
/** How old the time on disk may be: a tenth of the supervision time within these. Source: guess; each is a write. */
const KEEP_MIN_MS = 10_000;
const KEEP_MAX_MS = 60_000;
/** A panel that could not reach the box for a while has this long to come again. Source: guess. */
const RETURN_MAX_MS = 600_000;

/**
 * For how long one account was not heard: by the monotonic clock, and over a restart by what is on disk. A wall clock that
 * can be believed adds the time for which the agent was off; without one that time does not count.
 */
export class SilenceTimer {
  readonly #memory: Store['memory'];
  readonly #key: string;
  readonly #limitMs: number;
  /** Monotonic; before this start it is what would have been. */
  #heardAtMs: number;
  /** Unix ms; undefined where it is not known. */
  #heardMs: number | undefined;
  /** The time for which the agent was off was not counted yet. */
  #wasOff: boolean;
  #beganMs: number;
  #keptAtMs = Number.NEGATIVE_INFINITY;

  constructor({ memory }: Pick<Store, 'memory'>, options: SilenceTimerOptions) {
    const { panel, account, limitMs, startMs } = options;
    this.#memory = memory;
    this.#key = `${panel}/${account}`;
    this.#limitMs = limitMs;
    const kept = parse(memory.get(ROOM, this.#key));
    this.#heardAtMs = startMs - (kept?.quietMs ?? 0);
    this.#heardMs = kept?.heardMs;
    this.#wasOff = kept?.heardMs !== undefined;
    this.#beganMs = startMs;
  }

  /** When the panel was last heard, Unix ms; undefined where it is not known. */
  get heardMs(): number | undefined {
    return this.#heardMs;
  }

  /** The port is open, perhaps anew: until now the panel could not be heard. */
  begin(monotonicMs: number): void {
    this.#beganMs = monotonicMs;
  }

  heard(now: Moment): void {
    this.#heardAtMs = now.monotonicMs;
    this.#heardMs = now.trust === 'untrusted' ? undefined : Math.round(now.wallMs);
    this.#wasOff = false;
    this.#keepIfOld(now.monotonicMs);
  }

  /** Whether the panel was silent for too long. */
  isOver(now: Moment): boolean {
    this.#countOff(now);
    const returnMs = Math.min(this.#limitMs / 2, RETURN_MAX_MS);
    if (now.monotonicMs >= Math.max(this.#heardAtMs + this.#limitMs, this.#beganMs + returnMs)) return true;
    this.#keepIfOld(now.monotonicMs);
    return false;
  }

  /** Writes what is known now. */
  keep(monotonicMs: number): void {
    this.#keptAtMs = monotonicMs;
    const kept: Kept = { heardMs: this.#heardMs, quietMs: Math.round(monotonicMs - this.#heardAtMs) };
    this.#memory.set(ROOM, this.#key, JSON.stringify(kept));
  }

  #keepIfOld(monotonicMs: number): void {
    const everyMs = Math.min(Math.max(this.#limitMs / 10, KEEP_MIN_MS), KEEP_MAX_MS);
    if (monotonicMs - this.#keptAtMs >= everyMs) this.keep(monotonicMs);
  }

  #countOff({ wallMs, monotonicMs, trust }: Moment): void {
    if (!this.#wasOff || trust === 'untrusted' || this.#heardMs === undefined) return;
    this.#wasOff = false;
    const quietMs = Math.max(0, wallMs - this.#heardMs);
    this.#heardAtMs = Math.min(this.#heardAtMs, monotonicMs - quietMs);
  }
}

function parse(text: string | undefined): Kept | undefined {
  try {
    const { heardMs, quietMs } = (JSON.parse(text ?? 'null') ?? {}) as Partial<Kept>;
    if (!Number.isSafeInteger(quietMs) || (quietMs ?? -1) < 0) return undefined;
    return { quietMs: quietMs ?? 0, heardMs: Number.isSafeInteger(heardMs) ? heardMs : undefined };
  } catch {
    return undefined;
  }
}
