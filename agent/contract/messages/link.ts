import { z } from 'zod';
import { confirmation, LOSS_REASONS, OUTBOX_CLASSES } from '../delivery.ts';
import { count, envelope, text, unixMs } from '../envelope.ts';
import { PATHS, pathInUse, pathState, statedCategory } from '../transmission.ts';
import { eventId } from './ids.ts';
import { cause, fault, healthState, ratio, side } from './words.ts';

export const linkState = z.strictObject({
  ...envelope,
  online: z.boolean().meta({ description: 'false in the last will and after a clean stop' }),
  session: count.meta({
    description:
      'number of the MQTT session; a will with a lower number than the last birth is of an old session',
  }),
  protocol: z.enum(['mqtt5', 'mqtt311']),
  software: z.string().max(40).meta({ description: 'version of the agent' }),
  confirmation: confirmation.meta({
    description:
      'what an event leaves the box on: the signed receipt of the CSU, or the PUBACK of the broker',
  }),
  path: z.enum(PATHS).meta({ description: 'the path that this message is about and came by' }),
  in_use: pathInUse.meta({ description: 'the path that alarms take now' }),
  other_path: pathState.meta({ description: 'how the other path is; none where there is only one' }),
  supervision_s: count.meta({
    description: 'seconds within which the loss of this path is known on both sides',
  }),
  category: statedCategory.meta({
    description: 'category of alarm transmission that the site states (EN 50136-1)',
  }),
});

const roundTripMs = z
  .number()
  .min(0)
  .optional()
  .meta({ description: 'from PINGREQ to PINGRESP, median of the window, ms; absent without an answer' });

const roundTripMaxMs = z.number().min(0).optional().meta({ description: 'the longest of the window, ms' });

const lossPercent = z.number().min(0).max(100).optional().meta({
  description: 'TCP segments that were sent again, percent of 100 or more; absent until there were so many',
});

const kbps = ratio.optional().meta({ description: 'taken by the line, video included, kbit/s' });

const waitingPercent = ratio
  .max(100)
  .optional()
  .meta({ description: 'share of the window in which more waited than the line took, percent' });

export const backboneState = z.strictObject({
  ...envelope,
  state: healthState,
  cause,
  fault,
  side,
  detail: text,
  since: unixMs,
  loss_check: z
    .enum(['measured', 'not-verifiable'])
    .meta({ description: 'not-verifiable where the program ss, which asks the kernel, is not there' }),
  main: pathState,
  main_round_trip_ms: roundTripMs,
  main_round_trip_max_ms: roundTripMaxMs,
  main_loss_percent: lossPercent,
  main_kbps: kbps,
  main_waiting_percent: waitingPercent,
  backup: pathState,
  backup_round_trip_ms: roundTripMs,
  backup_round_trip_max_ms: roundTripMaxMs,
  backup_loss_percent: lossPercent,
  backup_kbps: kbps,
  backup_waiting_percent: waitingPercent,
});

export const pathEvent = z.strictObject({
  ...envelope,
  id: eventId,
  main: pathState,
  backup: pathState,
  in_use: pathInUse.meta({ description: 'the path that alarms take from now on' }),
  cause,
  detail: text,
});

export const floodEvent = z.strictObject({
  ...envelope,
  id: eventId,
  transition: z.enum(['begun', 'lasts', 'ended']).meta({
    description: 'of the flood with this `first_seq`; lasts: the figures so far, once per `within_s`',
  }),
  count: count.meta({
    description:
      'events `alarm`, `activity` and `panel-signal` from the first to the last; each is sent besides',
  }),
  first_seq: count.meta({ description: 'number of the first event that is counted' }),
  last_seq: count.meta({ description: 'number of the last one so far' }),
  first_ts: unixMs.meta({ description: 'since when: time of the first event' }),
  last_ts: unixMs.meta({ description: 'time of the last one so far' }),
  life_safety: count.meta({ description: 'of those, events of the class life-safety' }),
  intrusion: count.meta({ description: 'of the class intrusion' }),
  technical: count.meta({ description: 'of the class technical' }),
  service: count.meta({ description: 'of the class service: what points that are not armed saw' }),
  kinds: text.meta({
    description:
      'kinds of points with how many events, the most first, such as `object-above 812 panel-zone 40`; `panel-signal` where there is no point',
  }),
  limit: count.meta({ description: 'so many events within `within_s` begin a flood' }),
  within_s: count.meta({ description: 'seconds' }),
});

export const lossEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  lost_class: z.enum(OUTBOX_CLASSES).meta({ description: 'class of the outbox that the events were of' }),
  reason: z.enum(LOSS_REASONS).meta({
    description:
      'no space, too old, too large for the broker, damaged on the disk, or never written to it: it took nothing when the agent ended',
  }),
  first_seq: count.meta({ description: 'number of the first event that was dropped' }),
  last_seq: count.meta({ description: 'number of the last one' }),
  lost: count.meta({
    description:
      'how many were dropped, with `damaged` and `unwritten` at most; numbers between first and last may have arrived all the same',
  }),
});

export const timeCorrectionEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  about_boot: count.meta({ description: 'the start of the agent that the events are of' }),
  first_seq: count.meta({
    description: 'number of the first event that was written with an untrusted clock',
  }),
  last_seq: count.meta({ description: 'number of the last one' }),
  correction_ms: z.int().meta({
    description:
      'to be added to `ts`, and to every other time of the box in these events and in states of this stretch',
  }),
  exact: z.boolean().meta({
    description:
      'false when the agent was off in between: the corrected time is then the latest possible; also when the clock was set dozens of times: it is then a guess',
  }),
});

export type LinkState = z.infer<typeof linkState>;
export type PathEvent = z.infer<typeof pathEvent>;
export type FloodEvent = z.infer<typeof floodEvent>;
export type LossEvent = z.infer<typeof lossEvent>;
export type TimeCorrectionEvent = z.infer<typeof timeCorrectionEvent>;
