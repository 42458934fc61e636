import type { Clock, ClockTrust } from '../../base/clock.ts';
import { ALWAYS_ARMED, type AlarmCategory, LIFE_SAFETY } from '../../contract/alarm-codes.ts';
import type { Severity } from '../../contract/messages.ts';
import type { AlarmSettings } from '../ports.ts';
import { Schedules } from './schedules.ts';
import type { Window } from './window-record.ts';
import { type WindowNeeds, Windows } from './windows.ts';

export interface ArmingNeeds extends WindowNeeds {
  readonly clock: Clock;
  readonly clockTrust: () => ClockTrust;
}

/** Whether a point raises alarms now, and why not. */
export type Verdict =
  | {
      readonly armed: true;
      readonly severity?: Severity | undefined;
      /** The maintenance window that names the point and does not silence it. */
      readonly window?: string;
    }
  | { readonly armed: false; readonly by: 'schedule' | 'maintenance'; readonly window?: string };

/** What decides whether a point is armed; an entry of the central configuration fits. */
export interface ArmedPoint {
  readonly id: string;
  readonly schedule?: string | undefined;
  /** Whether a maintenance window silences it although lives depend on it. */
  readonly maintenanceSilences?: boolean | undefined;
}

const ARMED: Verdict = { armed: true };

/**
 * Which points are armed: by windows first, then by schedules. While wall time cannot be believed no schedule disarms
 * anything. What lives depend on is told in a maintenance window too, with the window beside it.
 */
export class Arming {
  readonly windows: Windows;
  readonly #needs: ArmingNeeds;
  #schedules = new Schedules([], []);

  constructor(needs: ArmingNeeds) {
    this.#needs = needs;
    this.windows = new Windows(needs, needs.clock.monotonicMs());
  }

  configure({ schedules, holidays, windows }: AlarmSettings): void {
    this.#schedules = new Schedules(schedules, holidays);
    this.windows.configure(windows.map(windowOf), this.#needs.clock.wallMs());
    this.evaluate();
  }

  /** Begins and ends the windows that are due. */
  evaluate(): void {
    const { clock, clockTrust } = this.#needs;
    this.windows.evaluate({
      wallMs: clock.wallMs(),
      monotonicMs: clock.monotonicMs(),
      trust: clockTrust(),
    });
  }

  /** @param category of what the point reports, as far as it is known */
  judge(point: ArmedPoint, category: AlarmCategory | undefined): Verdict {
    const window = this.windows.of(point.id);
    if (window?.effect === 'mission') return { armed: true, severity: window.severity };
    if (window && silences(point, category)) return { armed: false, by: 'maintenance', window: window.id };
    const scheduled = this.#bySchedule(point, category);
    return window && scheduled.armed ? { ...scheduled, window: window.id } : scheduled;
  }

  #bySchedule(point: ArmedPoint, category: AlarmCategory | undefined): Verdict {
    const disarmable = category === undefined || !ALWAYS_ARMED.includes(category);
    if (point.schedule === undefined || !disarmable || this.#needs.clockTrust() === 'untrusted') return ARMED;
    const armed = this.#schedules.isArmed(point.schedule, this.#needs.clock.wallMs());
    return armed ? ARMED : { armed: false, by: 'schedule' };
  }
}

/** Whether a maintenance window keeps a point from raising an alarm of this category. */
export function silences(point: ArmedPoint, category: AlarmCategory | undefined): boolean {
  const vital = category !== undefined && LIFE_SAFETY.includes(category);
  return !vital || point.maintenanceSilences === true;
}

function windowOf({ start, end, ...window }: AlarmSettings['windows'][number]): Window {
  return { ...window, startMs: Date.parse(start), endMs: Date.parse(end), signer: '' };
}
