import { z } from 'zod';
import { count, envelope, text, unixMs } from '../envelope.ts';
import { cause, fault, healthState, ratio, side } from './words.ts';

export const boxHealthState = z.strictObject({
  ...envelope,
  state: healthState,
  cause,
  fault,
  side,
  detail: text,
  since: unixMs,
  cameras_ok: count,
  cameras_degraded: count,
  cameras_down: count,
  cameras_unknown: count,
  cameras_maintenance: count.meta({
    description: 'cameras on which work is announced, whatever their state is',
  }),
  cameras_disabled: count.meta({ description: 'cameras that the configuration switches off' }),
  video_running: z.boolean().meta({ description: 'the video process is up and answering' }),
  clock_source: z
    .enum(['host', 'chrony', 'timesyncd'])
    .meta({ description: 'who is asked whether the clock is synchronised' }),
  storage_durable: z.boolean().meta({ description: 'false while alarms can only be kept in memory' }),
  outbox_pending: count.meta({ description: 'events on disk that are not confirmed' }),
  outbox_unreceipted: count.meta({
    description: 'of those, events that the broker has and that wait for the receipt of the CSU',
  }),
  events_dropped: count.meta({
    description:
      'events that were lost since the box was enrolled: no room, too old, too large for the broker, or damaged on the disk',
  }),
  orders_refused: count.meta({ description: 'orders refused since the start of the agent' }),
});

export const registerState = z.strictObject({
  ...envelope,
  length: count.meta({ description: 'number of lines of the register' }),
  head: z.string().length(64).meta({ description: 'hash of the last line, hexadecimal' }),
  signature: z
    .string()
    .max(128)
    .meta({ description: 'Ed25519 signature of the box over "length:head", base64url' }),
});

export const boxVitals = z.strictObject({
  ...envelope,
  cpu_percent: ratio,
  memory_used_mb: ratio,
  memory_total_mb: ratio,
  disk_free_mb: ratio.optional(),
  disk_wear: z
    .enum(['measured', 'not-verifiable'])
    .meta({ description: 'not-verifiable where the kernel does not say it: it does of eMMC' }),
  disk_wear_percent: ratio
    .max(100)
    .optional()
    .meta({ description: 'life of the disk that is used up, in steps of ten percent, rounded up' }),
  temperature_c: z.number().optional(),
  uptime_s: ratio,
  agent_rss_mb: ratio,
});

export const faultEvent = z.strictObject({
  ...envelope,
  id: z.string().max(40),
  cause,
  fault,
  side,
  detail: text,
});

export type BoxHealthState = z.infer<typeof boxHealthState>;
export type RegisterState = z.infer<typeof registerState>;
export type FaultEvent = z.infer<typeof faultEvent>;
