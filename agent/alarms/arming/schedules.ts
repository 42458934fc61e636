import { localDate, MinutePattern } from '../../base/schedule.ts';

/** What arming needs to know of a schedule; an entry of the central configuration fits. */
export interface ArmingSchedule {
  readonly id: string;
  /** Cron expressions of five fields: armed in each minute that one of them names. */
  readonly armed: readonly string[];
  /** The same, in place of `armed`, on holidays. */
  readonly onHolidays: readonly string[];
}

interface Compiled {
  readonly armed: readonly MinutePattern[];
  readonly onHolidays: readonly MinutePattern[];
}

const MINUTE_MS = 60_000;

/** Which schedules are armed now. */
export class Schedules {
  readonly #schedules: ReadonlyMap<string, Compiled>;
  readonly #holidays: ReadonlySet<string>;
  /** Of this minute: the verdicts so far. */
  readonly #verdicts = new Map<string, boolean>();
  #minute = Number.NaN;

  /** @param holidays dates in Europe/Paris, such as `2026-12-25` */
  constructor(schedules: readonly ArmingSchedule[], holidays: readonly string[]) {
    this.#schedules = new Map(schedules.map((schedule) => [schedule.id, compiled(schedule)]));
    this.#holidays = new Set(holidays);
  }

  /** An unknown schedule is armed: a mistake must not silence a point. */
  isArmed(id: string, wallMs: number): boolean {
    const minute = Math.floor(wallMs / MINUTE_MS);
    if (minute !== this.#minute) this.#verdicts.clear();
    this.#minute = minute;
    const verdict = this.#verdicts.get(id) ?? this.#judge(id, wallMs);
    this.#verdicts.set(id, verdict);
    return verdict;
  }

  #judge(id: string, wallMs: number): boolean {
    const schedule = this.#schedules.get(id);
    if (!schedule) return true;
    const patterns = this.#holidays.has(localDate(wallMs)) ? schedule.onHolidays : schedule.armed;
    return patterns.some((pattern) => pattern.holds(wallMs));
  }
}

function compiled({ armed, onHolidays }: ArmingSchedule): Compiled {
  const patterns = (texts: readonly string[]) => texts.map((text) => new MinutePattern(text));
  return { armed: patterns(armed), onHolidays: patterns(onHolidays) };
}
