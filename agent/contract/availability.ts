import { z } from 'zod';
import { count, text, unixMs } from './envelope.ts';

/** A day of Europe/Paris. */
export const day = z.iso.date().meta({ description: 'day in Europe/Paris, such as 2026-10-01' });

const percent = z.number().min(0).max(100).optional();
const seconds = z.number().min(0);
const milliseconds = z.number().min(0);
const target = z.number().min(0).optional();

/** How available something was within a period: what a report says of a camera, a segment or the box. */
export const availabilityFields = {
  subject: z.string().max(64).meta({ description: 'camera, segment, or collector' }),
  name: z.string().max(80).meta({ description: 'as the configuration says, also of one that is gone' }),
  from: day.meta({ description: 'first day of the period, Europe/Paris' }),
  to: day.meta({ description: 'last day of the period, which belongs to it' }),
  from_ts: unixMs.meta({ description: 'begin of the period, Unix ms UTC' }),
  until_ts: unixMs.meta({ description: 'its end, or the time of the report where it is not over' }),
  complete: z.boolean().meta({ description: 'the period is over' }),
  proven_percent: percent.meta({
    description:
      'time at work of the time that counts: what is not known is not proved; compare it with the target',
  }),
  known_percent: percent.meta({ description: 'time at work of the time that is known' }),
  counted_s: seconds.meta({ description: 'period without what was planned, disabled or not configured' }),
  available_s: seconds.meta({ description: 'ok or degraded' }),
  degraded_s: seconds.meta({ description: 'of that, with a fault' }),
  down_s: seconds,
  unknown_s: seconds.meta({ description: 'nobody knows: the agent was off, or its clock wrong' }),
  planned_s: seconds.meta({ description: 'in maintenance windows that were announced; not counted' }),
  disabled_s: seconds.meta({ description: 'disabled by the configuration; not counted' }),
  down_camera_s: seconds.meta({ description: 'of down_s, on the side of the camera and its own cable' }),
  down_local_network_s: seconds,
  down_box_s: seconds,
  down_backbone_s: seconds,
  down_centre_s: seconds,
  down_partner_s: seconds,
  down_unknown_s: seconds.meta({ description: 'of down_s, of a side that is not known' }),
  incidents: count.meta({ description: 'times down, without those within announced work' }),
  consequences: count.meta({ description: 'of those, consequences of the fault of a segment' }),
  open_incidents: count.meta({ description: 'of those, not over at the end of the period' }),
  detect_s: seconds.optional().meta({ description: 'mean time from the begin of a fault to its notice' }),
  repair_s: seconds
    .optional()
    .meta({ description: 'mean time from the begin of a fault to its end, without announced work' }),
  clock_off_ms: milliseconds
    .optional()
    .meta({ description: 'largest certain offset of its clock, the uncertainty taken off' }),
  breaches: count.meta({ description: 'breaches of its legal profile' }),
  breach_s: seconds.meta({ description: 'time with at least one breach' }),
};

/** What the report of the box says besides: of all cameras. */
export const siteFields = {
  connected_min: count.meta({ description: 'cameras connected on the day with the fewest' }),
  connected_max: count.meta({ description: 'cameras connected on the day with the most' }),
  configured_max: count.meta({ description: 'most cameras in the configuration on one day' }),
  connected_days: text.meta({
    description:
      'cameras connected on each day of the period, in order, divided by blanks: seen at work for a minute at least; a period longer than 400 days is not reported',
  }),
  connected_hash: z.string().length(64).meta({
    description:
      'SHA-256 over one line per day, "day hash" and a line feed, where hash is that of the sorted ids of the day joined by line feeds',
  }),
  places: count.meta({ description: 'cameras in the list of places under video-protection' }),
  target_camera_percent: target.meta({ description: 'agreed availability of cameras; absent: none is' }),
  target_box_percent: target,
  target_detect_s: target,
  target_repair_h: target,
  target_clock_off_ms: target,
};
