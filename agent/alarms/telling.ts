import type { AlarmState, Fields } from '../contract/messages.ts';
import type { Reporter } from '../contract/reporter.ts';
import type { Verdict } from './arming/arming.ts';
import type { PointRecord } from './record.ts';

type AlarmFields = Omit<Fields<'alarm'>, 'id'>;
type ActivityFields = Omit<Fields<'activity'>, 'id'>;

/** An event of a point. */
export type Told =
  | { readonly message: 'alarm'; readonly fields: AlarmFields }
  | { readonly message: 'activity'; readonly fields: ActivityFields };

/** What an event carries beside what its record says. */
export type EventExtra = Partial<
  Pick<AlarmFields, 'source_ts' | 'by' | 'signer' | 'why' | 'until' | 'changes' | 'window'>
>;

/** The event that tells a transition of a record. */
export function eventOf(
  id: string,
  record: PointRecord,
  transition: AlarmFields['transition'],
  extra: EventExtra,
): Told {
  return { message: 'alarm', fields: { ...whatOf(id, record), ...lifeOf(record), ...extra, transition } };
}

/** The event that a point that is not armed saw something. */
export function activityOf(
  id: string,
  record: PointRecord,
  transition: ActivityFields['transition'],
  extra: Partial<Pick<ActivityFields, 'source_ts' | 'unarmed_by' | 'window'>>,
): Told {
  return { message: 'activity', fields: { ...whatOf(id, record), ...extra, transition } };
}

/** The retained state of a point. */
export function stateOf(
  id: string,
  record: PointRecord,
  shown: { readonly state: AlarmState['state']; readonly since: number },
  verdict: Verdict,
): Fields<'alarmCurrent'> {
  const { life, shelf, asOfMs } = record;
  const { acknowledged } = life;
  return {
    ...whatOf(id, record),
    ...lifeOf(record),
    ...shown,
    ...(asOfMs !== undefined && shown.state !== 'unknown' && { as_of_ts: whole(asOfMs) }),
    armed: verdict.armed,
    ...verdictFields(verdict),
    ...(acknowledged && { acknowledged_by: acknowledged.by, acknowledged_ts: whole(acknowledged.atMs) }),
    ...(shelf && { shelved_until: whole(shelf.untilMs), shelved_by: shelf.by }),
    ...(shelf && shelf.why !== '' && { shelved_why: shelf.why }),
  };
}

export function report(reporter: Pick<Reporter, 'event'>, id: string, told: Told): void {
  if (told.message === 'alarm') reporter.event('alarm', id, told.fields);
  else reporter.event('activity', id, told.fields);
}

/** Why a point is not armed, and the maintenance window that names it. */
export function verdictFields(verdict: Verdict): Pick<ActivityFields, 'unarmed_by' | 'window'> {
  return { ...(verdict.armed ? {} : { unarmed_by: verdict.by }), ...windowField(verdict) };
}

export function windowField({ window }: Verdict): Pick<ActivityFields, 'window'> {
  return window === undefined ? {} : { window };
}

function whatOf(id: string, { name, kind, place, severity, details }: PointRecord) {
  return { ...details, point: id, name, kind, ...place, severity };
}

function lifeOf({ life, shelf, chatter, occurrences }: PointRecord) {
  return {
    alarm: life.alarm,
    alarm_state: life.state,
    count: life.count,
    ...(life.count > 0 && { first_ts: whole(life.firstMs), last_ts: whole(life.lastMs) }),
    shelved: shelf !== undefined,
    chattering: chatter !== undefined,
    occurrences,
  };
}

/** A wall clock gives fractions, and one that is not set may be before 1970. */
function whole(ms: number): number {
  return Math.max(0, Math.round(ms));
}
