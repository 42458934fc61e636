import type { Fields, HealthState } from '../contract/messages.ts';

/** Announced work on a camera that has begun. Wall times, Unix ms. */
export interface Planned {
  readonly window: string;
  readonly startMs: number;
  readonly endMs: number;
}

type Shown = Pick<
  Fields<'cameraHealth'>,
  'state' | 'since' | 'found' | 'maintenance_window' | 'maintenance_until'
>;

interface Works extends Omit<Planned, 'window'> {
  readonly id: string;
  readonly cameras: readonly string[];
  /** Work on the box is work on all that it watches. */
  readonly box: boolean;
}

/** The work that a camera is in; of several that which ends last. */
export function plannedFor(camera: string, works: readonly Works[]): Planned | undefined {
  const own = works.filter(({ cameras, box }) => box || cameras.includes(camera));
  const last = own.sort((a, b) => b.endMs - a.endMs)[0];
  return last && { window: last.id, startMs: last.startMs, endMs: last.endMs };
}

/** What of a state is told: what is switched off is not looked at, and what is worked on is not complained of. */
export function shown(
  enabled: boolean,
  declared: { readonly state: HealthState; readonly since: number },
  planned: Planned | undefined,
): Shown {
  if (!enabled) return { state: 'disabled', since: declared.since };
  if (!planned) return declared;
  return {
    state: 'maintenance',
    since: planned.startMs,
    found: declared.state,
    maintenance_window: planned.window,
    maintenance_until: planned.endMs,
  };
}
