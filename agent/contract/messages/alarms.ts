import { z } from 'zod';
import {
  ALARM_TRANSITIONS,
  alarmLife,
  alarmPlace,
  personName,
  reasonText,
  WINDOW_EFFECTS,
} from '../alarm-life.ts';
import { count, envelope, text, unixMs } from '../envelope.ts';
import {
  account,
  alarmCategory,
  alarmDetails,
  alarmKind,
  panelDetails,
  unarmedBy,
  windowId,
} from './alarm-details.ts';
import { eventId, pointId } from './ids.ts';
import { severity } from './words.ts';

/** The alarm point that speaks, and where its condition comes from. */
const ofPoint = {
  point: pointId,
  name: z.string().max(80),
  kind: alarmKind,
  ...alarmPlace,
  ...alarmDetails,
};

export const alarmState = z.strictObject({
  ...envelope,
  ...ofPoint,
  state: z
    .enum(['raised', 'cleared', 'unknown'])
    .meta({ description: 'whether the condition is there, as far as its source can be heard' }),
  severity,
  since: unixMs.meta({ description: 'when `state` began' }),
  as_of_ts: unixMs.optional().meta({
    description:
      'present where the source is heard again and does not repeat its states, as alarm panels do: `state` is what it said last, known until this time; whether it changed since is not known. Absent once the source has spoken of it again',
  }),
  ...alarmLife,
  acknowledged_by: personName.optional(),
  acknowledged_ts: unixMs.optional(),
  shelved_until: unixMs.optional().meta({ description: 'when it is told as before, Unix ms UTC' }),
  shelved_by: personName.optional(),
  shelved_why: reasonText.optional(),
  armed: z.boolean().meta({ description: 'whether the point would raise an alarm now' }),
  ...unarmedBy,
  occurrences: count.meta({ description: 'how often an alarm was raised since the point exists' }),
});

export const alarmEvent = z.strictObject({
  ...envelope,
  id: eventId,
  ...ofPoint,
  transition: z.enum(ALARM_TRANSITIONS),
  severity,
  ...alarmLife,
  by: personName.optional().meta({ description: 'who decided; `box` when the box did by itself' }),
  signer: z.string().max(80).optional().meta({ description: 'key that signed the order' }),
  why: reasonText.optional(),
  until: unixMs.optional().meta({ description: 'end of the shelving, Unix ms UTC' }),
  changes: count
    .optional()
    .meta({ description: 'with chattering and steady: how often the condition has changed so far' }),
  window: unarmedBy.window,
  source_ts: unixMs.optional().meta({ description: 'time that the source gave, in its own clock' }),
  occurrences: count,
});

export const activityEvent = z.strictObject({
  ...envelope,
  id: eventId,
  ...ofPoint,
  transition: z
    .enum(['begun', 'ended'])
    .meta({ description: 'the condition came, or went, while the point was not armed' }),
  severity: severity.meta({ description: 'that the alarm would have' }),
  ...unarmedBy,
  source_ts: unixMs.optional().meta({ description: 'time that the source gave, in its own clock' }),
});

export const windowEvent = z.strictObject({
  ...envelope,
  id: eventId,
  window: windowId,
  effect: z.enum(WINDOW_EFFECTS),
  transition: z.enum(['announced', 'begun', 'ended', 'cancelled']),
  points: text.meta({ description: 'ids of the points, divided by spaces, cut to 2,000 characters' }),
  point_count: count,
  cameras: text.optional().meta({
    description: 'ids of the cameras that are worked on, divided by spaces, cut to 2,000 characters',
  }),
  camera_count: count.optional(),
  box: z.boolean().optional().meta({ description: 'the box is worked on, and with it all that it watches' }),
  start: unixMs.meta({ description: 'announced begin, Unix ms UTC' }),
  end: unixMs.meta({ description: 'announced end, Unix ms UTC' }),
  by: personName,
  signer: z.string().max(80).meta({ description: 'key that signed the order; empty for the configuration' }),
  why: reasonText,
});

export const panelSignal = z.strictObject({
  ...envelope,
  id: eventId,
  source: z.string().max(64).meta({ description: 'id of the panel in the configuration' }),
  account,
  category: alarmCategory,
  meaning: z
    .enum(['raised', 'cleared', 'report', 'unknown'])
    .meta({ description: 'by the table of codes; unknown for a code that it does not hold' }),
  severity,
  sequence: z.string().max(8).meta({ description: 'number that the panel gave its message' }),
  encrypted: z.boolean(),
  ...panelDetails,
  source_ts: unixMs.optional().meta({ description: 'time that the panel gave, in its own clock' }),
});

export type AlarmState = z.infer<typeof alarmState>;
export type AlarmEvent = z.infer<typeof alarmEvent>;
export type ActivityEvent = z.infer<typeof activityEvent>;
export type WindowEvent = z.infer<typeof windowEvent>;
