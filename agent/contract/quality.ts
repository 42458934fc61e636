import { z } from 'zod';
import { count, unixMs } from './envelope.ts';

/**
 * What the label is by: each number of an hour has a limit up to which it is good, and one up to which it is fair. The
 * label is that of the worst. Source: guesses, but for the 4 s of a key frame, which is what a viewer waits at most.
 */
export const QUALITY_LIMITS = {
  /** Time of the watched hour in which no pictures came. */
  missing_percent: { good: 0.5, fair: 5 },
  /** Packets that were lost on their way to the box. */
  loss_percent: { good: 0.1, fair: 1 },
  /** Pictures that came damaged. */
  damaged_percent: { good: 0.1, fair: 1 },
  /** Pictures per second that are missing of `minFps`, where it is asked for. */
  rate_short_percent: { good: 5, fair: 20 },
  /** How unevenly pictures come. */
  jitter_ms: { good: 100, fair: 300 },
  /** Time between key frames. */
  key_interval_ms: { good: 4_000, fair: 10_000 },
} as const;
export type QualityNumber = keyof typeof QUALITY_LIMITS;

const QUALITY_LABELS = ['good', 'fair', 'poor', 'unmeasured'] as const;
export type QualityLabel = (typeof QUALITY_LABELS)[number];

const ratio = z.number().min(0);
const percent = ratio.max(100);

function limits(name: QualityNumber): string {
  const { good, fair } = QUALITY_LIMITS[name];
  return `good up to ${good}, fair up to ${fair}`;
}

/** The numbers and the label of one hour, of the state `quality` of a camera. All measured, none declared. */
export const qualityFields = {
  hour: unixMs.meta({ description: 'begin of the hour, Unix ms UTC' }),
  complete: z.boolean().meta({ description: 'the hour is over; false: so far' }),
  label: z.enum(QUALITY_LABELS).meta({
    description:
      'the worst that a number of this hour is; unmeasured: watched for less than a minute, or no picture came in it that the box could have seen',
  }),
  worst: z
    .enum([...(Object.keys(QUALITY_LIMITS) as [QualityNumber, ...QualityNumber[]]), 'none'])
    .meta({ description: 'the number that the label is by; none: all are good, or none is measured' }),
  watched_s: count.meta({
    description:
      'time in which pictures were to come and the box could have seen them, of the hour: all numbers are of this time alone; it goes on over a restart of the agent, of which a power cut takes five minutes at most',
  }),
  measured_s: count.meta({ description: 'of it, with pictures' }),
  missing_percent: percent.meta({ description: `time without pictures; ${limits('missing_percent')}` }),
  interruptions: count.meta({ description: 'times that the pictures stopped' }),
  fps: ratio,
  rate_short_percent: percent
    .optional()
    .meta({ description: `below minFps, where it is asked for; ${limits('rate_short_percent')}` }),
  kbps: ratio.meta({ description: 'payload of the video track, kbit/s' }),
  gop_frames: ratio.meta({ description: 'frames between key frames, the last' }),
  key_interval_ms: count.meta({
    description: `time between key frames, the largest; 0 until known; ${limits('key_interval_ms')}`,
  }),
  rtp_received: count,
  rtp_lost: count,
  rtp_unread: count.meta({
    description: 'of the lost ones, packets that came over UDP and that the box did not read in time',
  }),
  loss_percent: percent.meta({
    description: `lost on the way to the box, without those that it did not read in time; ${limits('loss_percent')}`,
  }),
  jitter_ms: ratio.meta({ description: `mean over the hour; ${limits('jitter_ms')}` }),
  frames: count,
  frames_damaged: count,
  frames_damaged_unread: count.meta({
    description:
      'of the damaged ones, those of the seconds in which the box had not read most of what was lost',
  }),
  damaged_percent: percent.meta({
    description: `without those that the box damaged by not reading in time; ${limits('damaged_percent')}`,
  }),
  clock_drift_ppm: z
    .number()
    .optional()
    .meta({ description: 'of the clock of the camera, by its RTCP sender reports' }),
  codec: z.enum(['h264', 'h265']).optional().meta({ description: 'by the parameter sets of the stream' }),
  width: count.optional(),
  height: count.optional(),
};
