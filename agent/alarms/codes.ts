import { meaningOfSia } from '../contract/alarm-codes.ts';
import type { Severity } from '../contract/messages.ts';
import type { AlarmPoint, Details } from './ports.ts';

type CodeFields = Pick<Details, 'category' | 'code_sia' | 'code_contact_id'>;

/** The fields of an alarm that a source of our own tells by this SIA code of the table. */
export function fieldsOfSia(sia: string): CodeFields {
  const meaning = meaningOfSia(sia);
  const event = meaning?.entry.contactId[0];
  if (!meaning || event === undefined) return { code_sia: sia };
  const { entry, transition } = meaning;
  const qualifier = transition === 'cleared' ? 3 : 1;
  return { category: entry.category, code_sia: sia, code_contact_id: `${qualifier}${event}` };
}

/** What a point is about when neither its entry nor its source says more. */
export const CODE_OF_KIND: Partial<Record<AlarmPoint['kind'], string>> = {
  tampering: 'TA',
  'signal-loss': 'ET',
  'hardware-failure': 'ET',
  'login-failure': 'JA',
  'configuration-changed': 'YG',
  'panel-silence': 'YC',
  'source-failure': 'YC',
};

/** The codes that the entry of a point gives it; none where its source says them. */
export function fieldsOfPoint(point: AlarmPoint, holds: boolean): CodeFields {
  const raising = codeOf(point);
  if (raising === undefined) return {};
  const raised = fieldsOfSia(raising);
  return holds ? raised : restored(raised);
}

/** What was told of a condition, as it is told that it is over. SIA has no code for the end of what it only reports. */
export function restored(details: Details): Details {
  const { code_sia, code_contact_id, ...rest } = details;
  const cleared = code_sia === undefined ? undefined : meaningOfSia(code_sia)?.entry.cleared[0];
  return {
    ...rest,
    ...(cleared === undefined ? {} : { code_sia: cleared }),
    ...(code_contact_id === undefined ? {} : { code_contact_id: `3${code_contact_id.slice(1)}` }),
  };
}

/** The severity that the code of a point has. */
export function severityOfPoint(point: AlarmPoint): Severity | undefined {
  const code = codeOf(point);
  return code === undefined ? undefined : meaningOfSia(code)?.entry.severity;
}

/** What the entry names goes before what the source says. */
function codeOf(point: AlarmPoint): string | undefined {
  return ('code' in point ? point.code : undefined) ?? CODE_OF_KIND[point.kind];
}
