import type { AlarmState, Fields } from '../contract/messages.ts';
import type { PointRecord } from './record.ts';

export type AlarmTransition = Fields<'alarm'>['transition'];
/** What an event carries beside what its record says. */
export type EventExtra = Partial<
  Pick<Fields<'alarm'>, 'source_ts' | 'by' | 'signer' | 'why' | 'until' | 'changes'>
>;

/** The event that tells a transition of a record. */
export function eventOf(
  id: string,
  record: PointRecord,
  transition: AlarmTransition,
  extra: EventExtra,
): Omit<Fields<'alarm'>, 'id'> {
  return { ...common(id, record), ...extra, transition };
}

/** The retained state of a point. */
export function stateOf(
  id: string,
  record: PointRecord,
  shown: { readonly state: AlarmState['state']; readonly since: number },
): Fields<'alarmCurrent'> {
  const { life, shelf } = record;
  const { acknowledged } = life;
  return {
    ...common(id, record),
    ...shown,
    ...(acknowledged && { acknowledged_by: acknowledged.by, acknowledged_ts: whole(acknowledged.atMs) }),
    ...(shelf && { shelved_until: whole(shelf.untilMs), shelved_by: shelf.by }),
    ...(shelf && shelf.why !== '' && { shelved_why: shelf.why }),
  };
}

function common(id: string, record: PointRecord) {
  const { name, kind, place, severity, life, shelf, chatter, occurrences, details } = record;
  return {
    ...details,
    point: id,
    name,
    kind,
    ...place,
    severity,
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
